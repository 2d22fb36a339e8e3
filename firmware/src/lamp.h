// The white LED, dimmed by PWM.
#pragma once

#include <cstdint>

namespace espcam {

class Lamp {
 public:
  // `pin`: -1 when the board has none; then set() refuses all but off.
  explicit Lamp(int pin) : pin_(pin) {}

  // After the camera, whose clock takes a timer of the same unit. False when the PWM unit has nothing free.
  bool start();
  // 0 (off) to 255. False when there is no lamp.
  bool set(std::uint8_t brightness);

 private:
  int pin_;
  bool started_ = false;
};

}  // namespace espcam
