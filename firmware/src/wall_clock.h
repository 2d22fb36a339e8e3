// The time of day, as the bridge told it in its welcome.
#pragma once

#include <esp_timer.h>

#include <cstdint>

namespace espcam {

// One task's.
class WallClock {
 public:
  void set(std::int64_t unix_ms) {
    offset_us_ = unix_ms * 1000 - esp_timer_get_time();
    known_ = true;
  }
  // The Unix time in microseconds of a moment in microseconds since the start; 0 while the time is not known.
  [[nodiscard]] std::uint64_t unix_us(std::int64_t since_start_us) const {
    return known_ ? static_cast<std::uint64_t>(offset_us_ + since_start_us) : 0;
  }

 private:
  bool known_ = false;
  std::int64_t offset_us_ = 0;
};

}  // namespace espcam
