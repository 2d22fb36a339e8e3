#include "camlink/crashloop.h"

namespace camlink {
namespace {

constexpr std::uint32_t kMagic = 0x43524C31;  // "CRL1"

std::uint32_t sum_of(const CrashRecord& record) {
  return ~(record.magic ^ (record.quick_crashes * 0x9E3779B1U) ^ (record.restarts * 0x85EBCA6BU));
}

bool is_crash(ResetReason reason) {
  return reason == ResetReason::kPanic || reason == ResetReason::kWatchdog || reason == ResetReason::kBrownOut;
}

}  // namespace

const char* name(ResetReason reason) {
  switch (reason) {
    case ResetReason::kPowerOn:
      return "power_on";
    case ResetReason::kSoftware:
      return "software";
    case ResetReason::kPanic:
      return "panic";
    case ResetReason::kWatchdog:
      return "watchdog";
    case ResetReason::kBrownOut:
      return "brown_out";
    case ResetReason::kExternal:
      return "external";
    case ResetReason::kUnknown:
      break;
  }
  return "unknown";
}

BootMode CrashLoop::boot(ResetReason reason) {
  const bool kept = record_.magic == kMagic && record_.sum == sum_of(record_);
  // Power off and on is what people do to a camera that does not work; a supply that breaks down may look the same,
  // and then memory is garbage.
  if (!kept || reason == ResetReason::kPowerOn) {
    record_ = {kMagic, 0, 0, 0};
  } else {
    ++record_.restarts;
  }
  if (is_crash(reason)) {
    ++record_.quick_crashes;
  } else if (reason != ResetReason::kUnknown) {
    record_.quick_crashes = 0;  // a restart that was wanted
  }
  settled_ = false;
  seal();
  return record_.quick_crashes >= kCrashesToSafe ? BootMode::kSafe : BootMode::kNormal;
}

void CrashLoop::run_for(std::uint32_t uptime_ms) {
  if (!settled_ && uptime_ms >= kQuickMs) {
    settled_ = true;
    record_.quick_crashes = 0;
    seal();
  }
}

void CrashLoop::seal() { record_.sum = sum_of(record_); }

}  // namespace camlink
