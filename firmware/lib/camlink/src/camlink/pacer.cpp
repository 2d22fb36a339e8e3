#include "camlink/pacer.h"

#include <algorithm>
#include <cmath>

namespace camlink {
namespace {

constexpr float kLowest = 0.05F;  // 20 s a picture: keeps the interval in 32 bits, and a wrong limit from dividing by 0

}  // namespace

void Pacer::set_max_fps(float max_fps) {
  interval_us_ = static_cast<std::uint32_t>(std::lround(1e6F / std::max(max_fps, kLowest)));
}

std::int32_t Pacer::until_due_us(std::uint32_t now_ms) const {
  constexpr std::int32_t kFarMs = 1000000;  // more does not fit into 32 bits of microseconds, and is only "long ago"
  const auto late_ms = static_cast<std::int32_t>(now_ms - due_ms_);
  return static_cast<std::int32_t>(due_rest_us_) - std::clamp(late_ms, -kFarMs, kFarMs) * 1000;
}

bool Pacer::take(std::uint32_t now_ms) {
  if (!begun_) {
    begun_ = true;
    due_ms_ = now_ms;
    due_rest_us_ = 0;
  }
  const std::int32_t until_us = until_due_us(now_ms);
  // A limit that was raised meanwhile does not have to wait out the old, longer interval.
  if (until_us > 0 && until_us <= static_cast<std::int32_t>(interval_us_)) {
    return false;
  }
  if (until_us > 0 || -until_us >= static_cast<std::int32_t>(interval_us_)) {
    due_ms_ = now_ms;  // a long pause, or a new limit: begin anew from now
    due_rest_us_ = 0;
  }
  const std::uint32_t next_us = due_rest_us_ + interval_us_;
  due_ms_ += next_us / 1000;
  due_rest_us_ = next_us % 1000;
  return true;
}

std::uint32_t Pacer::wait_ms(std::uint32_t now_ms) const {
  if (!begun_) {
    return 0;
  }
  const std::int32_t until_us = std::min(until_due_us(now_ms), static_cast<std::int32_t>(interval_us_));
  return until_us <= 0 ? 0 : (static_cast<std::uint32_t>(until_us) + 999) / 1000;
}

}  // namespace camlink
