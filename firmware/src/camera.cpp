#include "camera.h"

#include <Arduino.h>

#include "board.h"
#include "console.h"

namespace espcam {
namespace {

using camlink::Framesize;

// How large the buffers may be, best first. With PSRAM three: one on its way to the network, one that waits, one that
// is filled. The driver takes width * height / 5 bytes for each.
struct Memory {
  Framesize largest;
  std::uint8_t buffers;
  bool psram;
};
constexpr Memory kMemories[] = {
    {Framesize::kUxga, 3, true},  {Framesize::kUxga, 2, true}, {Framesize::kSvga, 2, true},
    {Framesize::kSvga, 1, false}, {Framesize::kVga, 1, false}, {Framesize::kQvga, 1, false},
};
constexpr int kStartQuality = 10;  // the driver sizes its buffers for it; the wanted one is set afterwards
constexpr std::uint32_t kOffMs = 100;
constexpr std::uint32_t kOnMs = 50;  // OV2640 answers 20 ms after power is good

framesize_t driver_size(Framesize framesize) {
  switch (framesize) {
    case Framesize::kQqvga:
      return FRAMESIZE_QQVGA;
    case Framesize::kQvga:
      return FRAMESIZE_QVGA;
    case Framesize::kHvga:
      return FRAMESIZE_HVGA;
    case Framesize::kVga:
      return FRAMESIZE_VGA;
    case Framesize::kSvga:
      return FRAMESIZE_SVGA;
    case Framesize::kXga:
      return FRAMESIZE_XGA;
    case Framesize::kHd:
      return FRAMESIZE_HD;
    case Framesize::kSxga:
      return FRAMESIZE_SXGA;
    case Framesize::kUxga:
      break;
  }
  return FRAMESIZE_UXGA;
}

camera_config_t driver_config(const Memory& memory, std::uint32_t xclk_hz) {
  camera_config_t config = {};  // all of it: what is left out is not the driver's default but garbage
  config.pin_pwdn = kBoardPins.power_down;
  config.pin_reset = kBoardPins.reset;
  config.pin_xclk = kBoardPins.xclk;
  config.pin_sccb_sda = kBoardPins.sccb_data;
  config.pin_sccb_scl = kBoardPins.sccb_clock;
  config.pin_d0 = kBoardPins.data[0];
  config.pin_d1 = kBoardPins.data[1];
  config.pin_d2 = kBoardPins.data[2];
  config.pin_d3 = kBoardPins.data[3];
  config.pin_d4 = kBoardPins.data[4];
  config.pin_d5 = kBoardPins.data[5];
  config.pin_d6 = kBoardPins.data[6];
  config.pin_d7 = kBoardPins.data[7];
  config.pin_vsync = kBoardPins.vsync;
  config.pin_href = kBoardPins.href;
  config.pin_pclk = kBoardPins.pixel_clock;
  config.xclk_freq_hz = static_cast<int>(xclk_hz);
  config.ledc_timer = LEDC_TIMER_0;  // lamp.cpp keeps clear of both
  config.ledc_channel = LEDC_CHANNEL_0;
  config.pixel_format = PIXFORMAT_JPEG;
  config.frame_size = driver_size(memory.largest);
  config.jpeg_quality = kStartQuality;
  config.fb_count = memory.buffers;
  config.fb_location = memory.psram ? CAMERA_FB_IN_PSRAM : CAMERA_FB_IN_DRAM;
  config.grab_mode = memory.buffers > 1 ? CAMERA_GRAB_LATEST : CAMERA_GRAB_WHEN_EMPTY;
  config.sccb_i2c_port = -1;
  return config;
}

}  // namespace

bool Camera::start(const camlink::Values& values) {
  const Hold hold(driver_, portMAX_DELAY);
  stop_driver();
  power_cycle();
  if (!start_driver()) {
    return false;
  }
  camlink::Values wanted = values;
  if (wanted.framesize > largest_) {
    wanted.framesize = largest_;
  }
  if (!set(wanted, true, true)) {
    say("Camera", "the sensor does not take its settings: look after its ribbon cable");
    return false;
  }
  values_ = wanted;
  return true;
}

bool Camera::start_driver() {
  esp_err_t error = ESP_FAIL;
  for (const Memory& memory : kMemories) {
    if (memory.psram && !psramFound()) {
      continue;
    }
    const camera_config_t config = driver_config(memory, xclk_hz_);
    error = esp_camera_init(&config);
    if (error == ESP_OK) {
      running_ = true;
      buffers_ = memory.buffers;
      largest_ = memory.largest;
      return true;
    }
    esp_camera_deinit();
    if (error == ESP_ERR_NOT_FOUND || error == ESP_ERR_NOT_SUPPORTED || error == ESP_ERR_CAMERA_NOT_DETECTED ||
        error == ESP_ERR_CAMERA_NOT_SUPPORTED) {
      break;  // no sensor, or none that the driver knows: smaller buffers do not help
    }
  }
  camlink::FixedText<120> why;
  why.append(esp_err_to_name(error));
  why.append(": look after the ribbon cable, the supply (5 V, 2 A) and the board that this firmware is for");
  say("The camera does not start", why.view());
  return false;
}

void Camera::stop_driver() {
  if (running_) {
    running_ = false;
    buffers_ = 0;
    esp_camera_deinit();
  }
}

void Camera::power_cycle() const {
  if (kBoardPins.power_down < 0) {
    return;  // the driver pulses the reset line itself, where there is one
  }
  const auto pin = static_cast<std::uint8_t>(kBoardPins.power_down);
  pinMode(pin, OUTPUT);
  digitalWrite(pin, HIGH);
  delay(kOffMs);
  digitalWrite(pin, LOW);
  delay(kOnMs);
}

bool Camera::set(const camlink::Values& values, bool size, bool quality) {
  sensor_t* sensor = esp_camera_sensor_get();
  if (sensor == nullptr) {
    return false;
  }
  return (!size || sensor->set_framesize(sensor, driver_size(values.framesize)) == 0) &&
         (!quality || sensor->set_quality(sensor, values.quality) == 0);
}

bool Camera::apply(const camlink::ValuesChange& change, camlink::Problem& problem) {
  if (!change.has_framesize && !change.has_quality) {
    return true;
  }
  const Hold hold(driver_, 0);
  if (!hold.held() || !running_) {
    problem.assign("the camera is being restarted: try again in a few seconds");
    return false;
  }
  camlink::Values wanted = values_;
  change.apply_to(wanted);
  // Only what changes: a new size costs the sensor a few pictures.
  const bool size = wanted.framesize != values_.framesize;
  const bool quality = wanted.quality != values_.quality;
  if (!set(wanted, size, quality)) {
    set(values_, size, quality);
    problem.assign("the sensor refused: it works on with what it had");
    return false;
  }
  values_ = wanted;
  return true;
}

const char* Camera::sensor_name() const {
  sensor_t* sensor = running_ ? esp_camera_sensor_get() : nullptr;
  const camera_sensor_info_t* info = sensor != nullptr ? esp_camera_sensor_get_info(&sensor->id) : nullptr;
  return info != nullptr ? info->name : "none";
}

}  // namespace espcam
