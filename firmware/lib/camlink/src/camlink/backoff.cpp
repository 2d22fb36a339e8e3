#include "camlink/backoff.h"

#include <algorithm>

namespace camlink {
namespace {

// A uniform share of 0 to `limit`, both included, without the bias of a remainder.
std::uint32_t share(std::uint32_t random, std::uint32_t limit) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(random) * (limit + 1ULL)) >> 32U);
}

constexpr std::uint32_t kRefusedSpreadMs = Backoff::kRefusedMs / 5;

}  // namespace

std::uint32_t Backoff::next_ms(std::uint32_t random) {
  const std::uint32_t wait = share(random, limit_ms_);
  limit_ms_ = std::min(limit_ms_ * 2, kHighestLimitMs);
  return wait;
}

std::uint32_t Backoff::refused_ms(std::uint32_t random) {
  return kRefusedMs - kRefusedSpreadMs + share(random, 2 * kRefusedSpreadMs);
}

}  // namespace camlink
