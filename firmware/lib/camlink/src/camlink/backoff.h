// How long to wait before dialling again.
#pragma once

#include <cstdint>

namespace camlink {

// Full jitter (a uniform share of a limit that doubles), so that a room of cameras does not come back in one second.
class Backoff {
 public:
  static constexpr std::uint32_t kFirstLimitMs = 1000;
  static constexpr std::uint32_t kHighestLimitMs = 60000;
  static constexpr std::uint32_t kRefusedMs = 10000;  // the mean of the steady class: 8 to 12 s

  // After a lost link or a failed attempt: 0 to the limit (1, 2, 4 ... 60 s). `random`: all 32 bits uniform.
  std::uint32_t next_ms(std::uint32_t random);
  // After a refusal (close codes 44xx): 8 to 12 s, never longer, since a person may approve at any moment.
  std::uint32_t refused_ms(std::uint32_t random);
  // The link works: begin with the first limit again.
  void reset() { limit_ms_ = kFirstLimitMs; }

 private:
  std::uint32_t limit_ms_ = kFirstLimitMs;
};

}  // namespace camlink
