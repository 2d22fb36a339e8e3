// The bootloader's part on this machine: which image is the running one, and back to the one before it.
//
// In the state folder: `firmware.bin` is what runs (without it, the program's own version does), `firmware.old` the one
// before, `firmware.trial` is there while the running one was not marked valid yet. As on the board, an image that
// starts a second time without having been marked valid is given up.
#pragma once

#include <string>

namespace host {

struct RunningImage {
  std::string version;    // from its marker; empty: no image was ever installed
  bool on_trial = false;  // it runs for the first time
  bool rolled_back = false;
};

class ImageSlots {
 public:
  explicit ImageSlots(std::string folder) : folder_(std::move(folder)) {}

  // Where an update is to be written before `install`.
  [[nodiscard]] std::string fresh_path() const { return folder_ + "/firmware.new"; }

  // Once, at the start: decides which image runs. `board`: an image for another one is given up, too.
  RunningImage boot(const std::string& board);
  // Makes the fresh image the one that runs from the next start on; false, and nothing changed, when it cannot.
  bool install();
  void mark_valid();
  // The image before the running one runs from the next start on.
  void roll_back();

 private:
  [[nodiscard]] std::string path(const char* name) const { return folder_ + "/firmware." + name; }
  [[nodiscard]] std::string version(const std::string& board) const;

  std::string folder_;
};

}  // namespace host
