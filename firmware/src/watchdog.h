// The task watchdog: a task that hangs for 20 s restarts the board.
#pragma once

#include <camlink.h>

namespace espcam {

// A dial may take 15 s (5 s for TCP, 10 s for TLS), a stalled write 10 s.
constexpr std::uint32_t kWatchdogMs = 20000;

void start_watchdog();
// Watches the calling task from now on.
void watch_this_task();
// The calling task lives.
void feed_watchdog();

// Why the chip started, as camlink counts it.
camlink::ResetReason reset_reason();

}  // namespace espcam
