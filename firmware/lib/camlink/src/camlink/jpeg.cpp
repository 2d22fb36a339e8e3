#include "camlink/jpeg.h"

namespace camlink {
namespace {

// ITU-T T.81, table B.1.
constexpr std::uint8_t kMarker = 0xFF;
constexpr std::uint8_t kStart = 0xD8;
constexpr std::uint8_t kEnd = 0xD9;
constexpr std::uint8_t kScan = 0xDA;
constexpr std::uint8_t kRestartFirst = 0xD0;
constexpr std::uint8_t kRestartLast = 0xD7;
constexpr std::uint8_t kHuffmanTables = 0xC4;
constexpr std::uint8_t kExtension = 0xC8;
constexpr std::uint8_t kArithmeticTables = 0xCC;
constexpr std::size_t kFrameHeaderLeast = 8;  // length, precision, height, width, components

bool is_frame_header(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != kHuffmanTables && marker != kExtension &&
         marker != kArithmeticTables;
}

class JpegWalk {
 public:
  JpegWalk(const std::uint8_t* data, std::size_t size_bytes) : data_(data), size_(size_bytes) {}

  JpegCheck run() {
    check_.fault = size_ == 0 ? JpegFault::kEmpty : !at_marker(kStart) ? JpegFault::kNoStart : walk();
    return check_;
  }

 private:
  [[nodiscard]] bool at_marker(std::uint8_t marker) const {
    return at_ + 1 < size_ && data_[at_] == kMarker && data_[at_ + 1] == marker;
  }

  // From segment to segment, through one scan or several.
  JpegFault walk() {
    at_ = 2;
    bool scanned = false;
    while (true) {
      while (at_ + 1 < size_ && data_[at_] == kMarker && data_[at_ + 1] == kMarker) {
        ++at_;  // fill bytes
      }
      if (at_ + 1 >= size_) {
        return scanned ? JpegFault::kNoEnd : JpegFault::kNoScan;
      }
      const std::uint8_t marker = data_[at_ + 1];
      if (data_[at_] != kMarker || marker < 0xC0) {
        return JpegFault::kBadHeader;
      }
      if (marker == kStart) {
        return JpegFault::kGlued;
      }
      if (marker == kEnd) {
        check_.length_bytes = at_ + 2;
        return scanned ? JpegFault::kNone : JpegFault::kNoScan;
      }
      const JpegFault fault = segment(marker);
      if (fault != JpegFault::kNone) {
        return fault;
      }
      if (marker == kScan) {
        scanned = true;
        skip_scan();
      }
    }
  }

  JpegFault segment(std::uint8_t marker) {
    if (at_ + 4 > size_) {
      return JpegFault::kNoScan;
    }
    const std::size_t length = static_cast<std::size_t>(data_[at_ + 2]) << 8U | data_[at_ + 3];
    if (length < 2 || (is_frame_header(marker) && length < kFrameHeaderLeast)) {
      return JpegFault::kBadHeader;
    }
    if (at_ + 2 + length > size_) {
      return JpegFault::kNoScan;
    }
    if (is_frame_header(marker)) {
      if (check_.width_px != 0) {
        return JpegFault::kBadHeader;  // a second one, which no decoder takes
      }
      check_.height_px = static_cast<std::uint16_t>(data_[at_ + 5] << 8U | data_[at_ + 6]);
      check_.width_px = static_cast<std::uint16_t>(data_[at_ + 7] << 8U | data_[at_ + 8]);
      if (check_.width_px == 0 || check_.height_px == 0) {
        return JpegFault::kBadHeader;
      }
    }
    if (marker == kScan && check_.width_px == 0) {
      return JpegFault::kBadHeader;
    }
    at_ += 2 + length;
    return JpegFault::kNone;
  }

  // To the next marker that is neither stuffing nor a restart, or to the end.
  void skip_scan() {
    while (at_ + 1 < size_) {
      const std::uint8_t next = data_[at_ + 1];
      const bool within = next == 0 || (next >= kRestartFirst && next <= kRestartLast);
      if (data_[at_] == kMarker && !within && next != kMarker) {
        return;
      }
      ++at_;
    }
  }

  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
  JpegCheck check_;
};

}  // namespace

const char* name(JpegFault fault) {
  switch (fault) {
    case JpegFault::kNone:
      return "none";
    case JpegFault::kEmpty:
      return "empty";
    case JpegFault::kNoStart:
      return "no start";
    case JpegFault::kBadHeader:
      return "bad header";
    case JpegFault::kNoScan:
      return "no picture data";
    case JpegFault::kNoEnd:
      return "no end";
    case JpegFault::kGlued:
      return "glued";
  }
  return "unknown";
}

JpegCheck check_jpeg(const std::uint8_t* data, std::size_t size_bytes) { return JpegWalk(data, size_bytes).run(); }

}  // namespace camlink
