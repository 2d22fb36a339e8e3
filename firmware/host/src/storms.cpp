#include "storms.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "random.h"

namespace host {

namespace {

constexpr std::uint64_t kHandshakeMs = 8;

}  // namespace

Holdings holdings() {
  Holdings held;
  std::int64_t size_pages = 0;
  std::int64_t rss_pages = 0;
  std::ifstream("/proc/self/statm") >> size_pages >> rss_pages;
  held.rss_bytes = rss_pages * sysconf(_SC_PAGESIZE);
  const std::filesystem::directory_iterator files("/proc/self/fd");
  held.open_files = std::distance(begin(files), end(files)) - 1;  // one is the look itself
  return held;
}

void Storm::dialled(std::uint32_t now_ms) {
  armed_ = every_ms_ > 0 && !over();
  if (armed_) {
    // On one machine dialling, handshake and welcome take a few milliseconds together; every third reset falls there.
    const bool early = random_u32() % 3 == 0;
    const std::uint64_t span_ms = early ? kHandshakeMs : 2 * std::uint64_t{every_ms_};
    break_ms_ = now_ms + static_cast<std::uint32_t>((random_u32() * span_ms) >> 32U);
  }
}

bool Storm::breaks(std::uint32_t now_ms) {
  if (!armed_ || static_cast<std::int32_t>(now_ms - break_ms_) < 0) {
    return false;
  }
  armed_ = false;
  ++resets_;
  return true;
}

void Storm::lost(std::uint32_t now_ms) {
  if (flowing_ || !any_lost_) {
    dry_ms_ = now_ms;
  }
  armed_ = false;
  flowing_ = false;
  any_lost_ = true;
  lost_ms_ = now_ms;
}

bool Storm::picture() {
  const bool first = !flowing_;
  flowing_ = true;
  return first;
}

std::int64_t Storm::since_loss_ms(std::uint32_t now_ms) const {
  return any_lost_ ? std::int64_t{now_ms - lost_ms_} : -1;
}

std::int64_t Storm::since_flow_ms(std::uint32_t now_ms) const {
  return any_lost_ ? std::int64_t{now_ms - dry_ms_} : -1;
}

}  // namespace host
