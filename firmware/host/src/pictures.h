// What the camera sees: JPEG files of a folder, one after another, for ever.
#pragma once

#include <camlink.h>

#include <cstdint>
#include <string>
#include <vector>

namespace host {

struct Picture {
  std::vector<std::uint8_t> jpeg;
  std::uint16_t width_px = 0;
};

// All of them are read at the start, so that no disk disturbs the rate.
class Pictures {
 public:
  // Reads `*.jpg` in the order of their names. Returns what is wrong; empty when there is at least one whole JPEG.
  // Files that are none are named in a report and left out.
  std::string load(const std::string& folder);

  // The next picture: of those that have the width of `framesize`, or of all when none has.
  const Picture& next(camlink::Framesize framesize);

 private:
  std::vector<Picture> pictures_;
  std::size_t at_ = 0;
};

}  // namespace host
