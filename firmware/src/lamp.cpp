#include "lamp.h"

#include <Arduino.h>

namespace espcam {
namespace {

constexpr std::uint32_t kFrequencyHz = 5000;  // above what rolling shutters show as stripes at our exposure times
constexpr std::uint8_t kResolutionBits = 8;
// The camera's clock has channel 0 with timer 0 (camera.cpp), which the core does not know of: it would give the lamp
// the same. Channel 7 has timer 3, on the ESP32 as on the S3.
constexpr std::int8_t kChannel = 7;

}  // namespace

bool Lamp::start() {
  if (pin_ < 0) {
    return false;
  }
  started_ = ledcAttachChannel(static_cast<std::uint8_t>(pin_), kFrequencyHz, kResolutionBits, kChannel);
  return started_ && set(0);
}

bool Lamp::set(std::uint8_t brightness) {
  if (!started_) {
    return brightness == 0;
  }
  return ledcWrite(static_cast<std::uint8_t>(pin_), brightness);
}

}  // namespace espcam
