// Counters and means that the telemetry message is made from.
#pragma once

#include <cstdint>

#include "camlink/protocol.h"

namespace camlink {

// What the network task counts between two telemetry messages. One task; the camera task's numbers are handed over.
class FrameMeter {
 public:
  void sent(std::uint32_t send_ms) {
    ++frames_sent_;
    ++window_frames_;
    window_send_ms_ += send_ms;
  }
  void failed() { ++frames_failed_; }

  // Fills fps, send_ms, frames_sent and frames_failed, and begins a new window.
  void report(std::uint32_t now_ms, Telemetry& out);

 private:
  std::uint32_t frames_sent_ = 0;
  std::uint32_t frames_failed_ = 0;
  std::uint32_t window_frames_ = 0;
  std::uint32_t window_send_ms_ = 0;
  std::uint32_t window_start_ms_ = 0;
  bool begun_ = false;
};

}  // namespace camlink
