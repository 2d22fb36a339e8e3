#include "camlink/telemetry.h"

#include <limits>

namespace camlink {

void FrameMeter::report(std::uint32_t now_ms, Telemetry& out) {
  const std::uint32_t window_ms = now_ms - window_start_ms_;
  out.fps = begun_ && window_ms > 0 ? static_cast<float>(window_frames_) * 1000.0F / static_cast<float>(window_ms)
                                    : std::numeric_limits<float>::quiet_NaN();
  out.send_ms = window_frames_ > 0 ? static_cast<float>(window_send_ms_) / static_cast<float>(window_frames_)
                                   : std::numeric_limits<float>::quiet_NaN();
  out.frames_sent = frames_sent_;
  out.frames_failed = frames_failed_;
  begun_ = true;
  window_start_ms_ = now_ms;
  window_frames_ = 0;
  window_send_ms_ = 0;
}

}  // namespace camlink
