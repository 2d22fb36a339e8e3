// Whether a firmware image that is being fetched is whole, and for this board.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "camlink/limits.h"
#include "camlink/protocol.h"
#include "camlink/sha256.h"
#include "camlink/text.h"

namespace camlink {

// The words within an image that say what it is: "ESPCAM-FIRMWARE;board=<board>;version=<version>;" and a NUL.
constexpr std::string_view kImageMarker = table::kImageMarker;
constexpr std::uint8_t kImageFirstByte = table::kImageFirstByte;

// Takes an image in pieces of any size.
class ImageCheck {
 public:
  // `board` must outlive the check.
  void begin(const UpdateOrder& order, std::string_view board);
  // False as soon as it cannot be right: then write no more.
  bool feed(const std::uint8_t* data, std::size_t size_bytes);
  // All is there, whole, and for this board. The boot partition may be set only after true.
  bool finish();

  [[nodiscard]] std::uint32_t written_bytes() const { return written_bytes_; }
  // What is wrong, for the ack.
  [[nodiscard]] const Problem& problem() const { return problem_; }

 private:
  void scan(std::uint8_t byte);
  void read_marker();

  std::string_view board_;
  UpdateOrder order_;
  Sha256 sha256_;
  std::uint32_t written_bytes_ = 0;
  std::size_t matched_ = 0;  // bytes of kImageMarker that the last bytes match
  bool in_marker_ = false;
  bool found_ = false;
  bool right_board_ = false;
  FixedText<96> marker_;  // what follows kImageMarker
  FixedText<48> image_board_;
  Problem problem_;
};

}  // namespace camlink
