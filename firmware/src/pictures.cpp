#include "pictures.h"

#include <Arduino.h>

#include <algorithm>

#include "watchdog.h"

namespace espcam {
namespace {

constexpr std::uint32_t kStackBytes = 4096;
constexpr UBaseType_t kPriority = 5;
constexpr BaseType_t kCore = 1;  // Wi-Fi has the other one
constexpr std::uint32_t kIdleMs = 20;
constexpr std::uint32_t kLongestWaitMs = 100;  // so that a new rate or a wish takes effect soon

}  // namespace

Pictures::Pictures(Camera& camera, const camlink::Values& values, bool camera_works)
    : camera_(camera), works_(camera_works) {
  set_values(values);
}

void Pictures::start(TaskHandle_t reader) {
  reader_ = reader;
  xTaskCreatePinnedToCore(&Pictures::run, "camera", kStackBytes, this, kPriority, nullptr, kCore);
}

void Pictures::run(void* self) {
  auto& pictures = *static_cast<Pictures*>(self);
  camlink::Pacer pacer(pictures.max_fps_);
  watch_this_task();
  for (;;) {
    feed_watchdog();
    pictures.step(pacer);
  }
}

void Pictures::step(camlink::Pacer& pacer) {
  if (recover_) {
    mend();
    return;
  }
  if (!wanted_ || !camera_.can_capture(out())) {
    delay(kIdleMs);
    return;
  }
  pacer.set_max_fps(max_fps_);
  const std::uint32_t now_ms = millis();
  if (pacer.take(now_ms)) {
    take_picture();
  } else {
    delay(std::clamp<std::uint32_t>(pacer.wait_ms(now_ms), 1, kLongestWaitMs));
  }
}

void Pictures::take_picture() {
  camera_fb_t* picture = works_ ? camera_.capture() : nullptr;
  if (picture == nullptr) {
    fail();
    return;
  }
  const camlink::JpegCheck check = camlink::check_jpeg(picture->buf, picture->len);
  if (!check.ok()) {
    ++damaged_;
    camera_.give_back(picture);
    return;
  }
  picture->len = check.length_bytes;
  camera_fb_t* displaced = slot_.put(picture);
  if (displaced != nullptr) {
    camera_.give_back(displaced);
  }
  wake_reader();
}

void Pictures::fail() {
  ++failures_;
  ++camera_errors_;
  wake_reader();
  delay(kLongestWaitMs);  // without a driver the answer comes at once
}

// The buffers go away with the driver: nobody may have one. The network task gives its back within the 10 s that a
// write may take, and then finds `lent_` refused.
void Pictures::mend() {
  drop_waiting();
  while (lent_) {
    feed_watchdog();
    delay(kIdleMs);
    drop_waiting();
  }
  camlink::Values values;
  values.framesize = framesize_;
  values.quality = quality_;
  feed_watchdog();
  const bool works = camera_.start(values);
  works_ = works;
  recovered_ = works ? 1 : 0;
  recover_ = false;
  wake_reader();
}

void Pictures::drop_waiting() {
  camera_fb_t* waiting = slot_.take();
  if (waiting != nullptr) {
    camera_.give_back(waiting);
  }
}

void Pictures::want(bool wanted) {
  wanted_ = wanted;
  if (!wanted && !recover_) {
    camera_fb_t* waiting = take();
    if (waiting != nullptr) {
      give_back(waiting);
    }
  }
}

void Pictures::set_values(const camlink::Values& values) {
  max_fps_ = values.max_fps;
  framesize_ = values.framesize;
  quality_ = values.quality;
}

camera_fb_t* Pictures::take() {
  lent_ = true;  // before the look into the slot: mend() waits for it from here on
  camera_fb_t* picture = recover_ ? nullptr : slot_.take();
  if (picture == nullptr) {
    lent_ = false;
  }
  return picture;
}

void Pictures::give_back(camera_fb_t* picture) {
  camera_.give_back(picture);
  lent_ = false;
}

void Pictures::recover() {
  recovered_ = kNoRecovery;
  recover_ = true;
}

bool Pictures::take_recovery(bool& works) {
  const std::int8_t outcome = recovered_.exchange(kNoRecovery);
  works = outcome == 1;
  return outcome != kNoRecovery;
}

}  // namespace espcam
