// Fetches a firmware image by HTTP, a piece at a time, and judges it while it is being written.
#pragma once

#include <camlink.h>
#include <poll.h>

#include <cstdint>
#include <string>

#include "socket.h"

namespace host {

// At most one fetch at a time; nothing waits. Whole or not at all: a file that did not become right is taken away.
class ImageFetch {
 public:
  ~ImageFetch();
  ImageFetch() = default;
  ImageFetch(const ImageFetch&) = delete;
  ImageFetch& operator=(const ImageFetch&) = delete;

  // Begins to fetch into the file `path`; its end comes from `take_end`. `board` must outlive the fetch.
  void begin(const camlink::UpdateOrder& order, std::string_view board, const std::string& path);
  [[nodiscard]] bool running() const { return running_; }

  [[nodiscard]] pollfd interest() const;
  // Carries on. Returns whether more of the image was written.
  bool step();
  // Once, when it is over: an empty `error` means that the image is on the disk, whole, and for this board.
  bool take_end(std::string& error);
  // Stops it without an end.
  void abandon();

  [[nodiscard]] std::uint32_t written_bytes() const { return check_.written_bytes(); }

 private:
  bool take_head();
  bool write_body(const std::uint8_t* bytes, std::size_t count);
  void send_request();
  void finish(const std::string& error);

  TcpSocket socket_;
  camlink::ImageCheck check_;
  std::string request_;
  std::string head_;
  std::string path_;
  std::string error_;
  std::uint32_t size_bytes_ = 0;
  int file_ = -1;
  bool in_body_ = false;
  bool running_ = false;
  bool ended_ = false;
};

}  // namespace host
