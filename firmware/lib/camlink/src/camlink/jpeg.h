// Whether bytes are one whole JPEG, by its markers alone (no decoding).
#pragma once

#include <cstddef>
#include <cstdint>

namespace camlink {

enum class JpegFault : std::uint8_t {
  kNone,
  kEmpty,
  kNoStart,    // does not begin with SOI
  kBadHeader,  // a segment before the scan cannot be
  kNoScan,     // ends before picture data
  kNoEnd,      // the scan does not end with EOI: truncated
  kGlued,      // another picture begins within this one
};
const char* name(JpegFault fault);

struct JpegCheck {
  JpegFault fault = JpegFault::kEmpty;
  std::size_t length_bytes = 0;  // up to and with EOI: what is to be sent (drivers pad with zeros)
  std::uint16_t width_px = 0;
  std::uint16_t height_px = 0;

  [[nodiscard]] bool ok() const { return fault == JpegFault::kNone; }
};

// Walks segment by segment to the scan, then to its end. One pass; about 1 ms for 30 KB on an ESP32.
JpegCheck check_jpeg(const std::uint8_t* data, std::size_t size_bytes);

}  // namespace camlink
