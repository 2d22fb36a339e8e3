// Counts crashes soon after the start, so that a camera that crashes again and again ends up reachable, not dead.
#pragma once

#include <cstdint>

namespace camlink {

enum class ResetReason : std::uint8_t {
  kPowerOn,
  kSoftware,  // a restart that was wanted
  kPanic,
  kWatchdog,
  kBrownOut,
  kExternal,  // the reset pin, or a flasher
  kUnknown,
};
const char* name(ResetReason reason);

enum class BootMode : std::uint8_t {
  kNormal,
  kSafe,  // smallest pictures, no lamp, the portal open beside the link
};

// Lies in memory that outlives a restart (RTC memory on the device), where a power-on leaves garbage: it bears a sum.
struct CrashRecord {
  std::uint32_t magic;
  std::uint32_t quick_crashes;
  std::uint32_t restarts;  // since power-on
  std::uint32_t sum;
};

class CrashLoop {
 public:
  static constexpr std::uint32_t kCrashesToSafe = 4;
  // A run of this length was no quick crash.
  static constexpr std::uint32_t kQuickMs = 60000;

  explicit CrashLoop(CrashRecord& record) : record_(record) {}

  // Once, at the start. A brown-out counts as well: the lamp or a bigger picture may be what the supply cannot bear.
  BootMode boot(ResetReason reason);
  // Now and then with the time since the start; forgets the crashes after kQuickMs.
  void run_for(std::uint32_t uptime_ms);

  [[nodiscard]] std::uint32_t quick_crashes() const { return record_.quick_crashes; }
  [[nodiscard]] std::uint32_t restarts() const { return record_.restarts; }

 private:
  void seal();

  CrashRecord& record_;
  bool settled_ = false;
};

}  // namespace camlink
