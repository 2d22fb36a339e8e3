// Times of a 32-bit millisecond clock, which wraps every 49.7 days.
#pragma once

#include <cstdint>

namespace camlink {

// A moment to come, at most 24 days away.
class Deadline {
 public:
  void arm(std::uint32_t now_ms, std::uint32_t after_ms) {
    armed_ = true;
    at_ms_ = now_ms + after_ms;
  }
  void disarm() { armed_ = false; }
  [[nodiscard]] bool armed() const { return armed_; }
  [[nodiscard]] bool due(std::uint32_t now_ms) const {
    return armed_ && static_cast<std::int32_t>(now_ms - at_ms_) >= 0;
  }
  // Once: due, and then no more.
  bool take(std::uint32_t now_ms) {
    if (!due(now_ms)) {
      return false;
    }
    armed_ = false;
    return true;
  }

 private:
  bool armed_ = false;
  std::uint32_t at_ms_ = 0;
};

}  // namespace camlink
