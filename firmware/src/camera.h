// The sensor and its driver: started at the largest size that memory allows, then set to the one that is wanted.
#pragma once

#include <camlink.h>
#include <esp_camera.h>

#include "lock.h"

namespace espcam {

// start() and capture() belong to one task, apply() to another.
class Camera {
 public:
  explicit Camera(std::uint32_t xclk_hz) : xclk_hz_(xclk_hz) {}

  // Switches the sensor off and on and starts the driver with these settings; what ran before is ended. No picture may
  // be out. False when there is no sensor or no memory, with what was wrong said.
  bool start(const camlink::Values& values);

  // The next picture; nullptr when the driver brought none within its 4 s. Goes back by give_back(), nothing else does.
  camera_fb_t* capture() { return esp_camera_fb_get(); }
  void give_back(camera_fb_t* picture) { esp_camera_fb_return(picture); }
  // Whether the driver would have a buffer to fill while this many pictures are out.
  [[nodiscard]] bool can_capture(std::size_t pictures_out) const { return pictures_out < buffers_; }

  // Sets size and quality; false, with the problem, and the old ones stay.
  bool apply(const camlink::ValuesChange& change, camlink::Problem& problem);

  [[nodiscard]] camlink::Framesize largest() const { return largest_; }
  // "OV2640"; "none" while there is no sensor.
  [[nodiscard]] const char* sensor_name() const;

 private:
  bool start_driver();
  void stop_driver();
  void power_cycle() const;
  bool set(const camlink::Values& values, bool size, bool quality);

  std::uint32_t xclk_hz_;
  Mutex driver_;  // start() takes the sensor away from under apply()
  bool running_ = false;
  std::size_t buffers_ = 0;
  camlink::Framesize largest_ = camlink::Framesize::kUxga;
  camlink::Values values_;
};

}  // namespace espcam
