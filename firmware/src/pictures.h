// The camera task: takes pictures at the wanted rate and hands the newest to the network task. A slow network never
// holds it up: a picture that waits is replaced by the next one.
#pragma once

#include <camlink.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include <atomic>

#include "camera.h"

namespace espcam {

class Pictures {
 public:
  // `camera_works`: whether its driver was started with these settings.
  Pictures(Camera& camera, const camlink::Values& values, bool camera_works);

  // Starts the task on core 1. `reader` is woken for every picture and after a recovery.
  void start(TaskHandle_t reader);

  // The rest is for the network task.

  // Whether pictures are taken at all. Those that wait are dropped when they are not wanted any more.
  void want(bool wanted);
  void set_values(const camlink::Values& values);
  // The newest picture, to be given back at once after it was sent; nullptr when there is none. Its `len` is the
  // JPEG's: from SOI to EOI.
  camera_fb_t* take();
  void give_back(camera_fb_t* picture);

  // Has the camera switched off and on by its task, when no picture is out any more.
  void recover();
  // Whether a recovery ended since the last call, and how.
  bool take_recovery(bool& works);
  // How many captures brought nothing since the last call.
  std::uint32_t take_failures() { return failures_.exchange(0); }

  [[nodiscard]] std::uint32_t dropped() const { return slot_.dropped(); }
  // Pictures that were no whole JPEG.
  [[nodiscard]] std::uint32_t damaged() const { return damaged_.load(); }
  // Captures that brought nothing, since the start.
  [[nodiscard]] std::uint32_t camera_errors() const { return camera_errors_.load(); }

 private:
  static constexpr std::int8_t kNoRecovery = -1;

  static void run(void* self);
  void step(camlink::Pacer& pacer);
  void take_picture();
  void fail();
  void mend();
  void drop_waiting();
  [[nodiscard]] std::size_t out() const { return (slot_.empty() ? 0U : 1U) + (lent_.load() ? 1U : 0U); }
  void wake_reader() const { xTaskNotifyGive(reader_); }

  Camera& camera_;
  TaskHandle_t reader_ = nullptr;
  camlink::NewestSlot<camera_fb_t*, nullptr> slot_;
  std::atomic<bool> wanted_{false};
  std::atomic<bool> lent_{false};
  std::atomic<bool> works_{false};
  std::atomic<bool> recover_{false};
  std::atomic<std::int8_t> recovered_{kNoRecovery};
  std::atomic<float> max_fps_{1.0F};
  std::atomic<camlink::Framesize> framesize_{camlink::Framesize::kSvga};
  std::atomic<std::uint8_t> quality_{camlink::kQualityWorst};
  std::atomic<std::uint32_t> failures_{0};
  std::atomic<std::uint32_t> damaged_{0};
  std::atomic<std::uint32_t> camera_errors_{0};
};

}  // namespace espcam
