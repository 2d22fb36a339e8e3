// Forced disconnects at random moments, and how long the way back to the first picture takes.
#pragma once

#include <cstdint>

namespace host {

// What the process itself holds.
struct Holdings {
  std::int64_t rss_bytes = 0;
  std::int64_t open_files = 0;
};
Holdings holdings();

class Storm {
 public:
  // A reset after an even random time from dialling on, `every_ms` in the mean, every third far sooner; 0: never.
  // `runs`: how many, 0: no end.
  Storm(std::uint32_t every_ms, std::uint32_t runs) : every_ms_(every_ms), runs_(runs) {}

  void dialled(std::uint32_t now_ms);
  // Whether the link is to be broken now; once a link.
  bool breaks(std::uint32_t now_ms);
  // The link is gone, by us or by others.
  void lost(std::uint32_t now_ms);
  // A picture was sent on a welcomed link; whether it was the first there.
  bool picture();

  [[nodiscard]] bool over() const { return runs_ > 0 && resets_ >= runs_; }
  [[nodiscard]] bool flowing() const { return flowing_; }
  [[nodiscard]] std::uint32_t resets() const { return resets_; }
  // Since the last link was lost, and since pictures flowed last: the latter is longer when links were lost before
  // their first picture. -1 before the first loss.
  [[nodiscard]] std::int64_t since_loss_ms(std::uint32_t now_ms) const;
  [[nodiscard]] std::int64_t since_flow_ms(std::uint32_t now_ms) const;

 private:
  std::uint32_t every_ms_;
  std::uint32_t runs_;
  std::uint32_t resets_ = 0;
  std::uint32_t lost_ms_ = 0;
  std::uint32_t dry_ms_ = 0;
  std::uint32_t break_ms_ = 0;
  bool armed_ = false;
  bool flowing_ = false;
  bool any_lost_ = false;
};

}  // namespace host
