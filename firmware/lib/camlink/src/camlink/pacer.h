// Holds the picture rate at a limit.
#pragma once

#include <cstdint>

namespace camlink {

// A picture is due at regular moments; one that comes late does not push the next ones back, but a long pause is not
// made up for by a burst.
class Pacer {
 public:
  explicit Pacer(float max_fps) { set_max_fps(max_fps); }

  // Above 0; takes effect from the next picture on.
  void set_max_fps(float max_fps);
  // Whether a picture is due; true counts it as taken.
  bool take(std::uint32_t now_ms);
  // How long to sleep until one is due, 0 when it is.
  [[nodiscard]] std::uint32_t wait_ms(std::uint32_t now_ms) const;

 private:
  [[nodiscard]] std::int32_t until_due_us(std::uint32_t now_ms) const;

  std::uint32_t interval_us_ = 100000;
  std::uint32_t due_ms_ = 0;
  std::uint32_t due_rest_us_ = 0;  // below a millisecond, so that 30 a second do not become 30.3
  bool begun_ = false;
};

}  // namespace camlink
