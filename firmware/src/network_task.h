// The network task: owns the session and the socket, and carries out what the session wants done outside.
#pragma once

#include <camlink.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include "camera.h"
#include "improv_port.h"
#include "lamp.h"
#include "link_client.h"
#include "pictures.h"
#include "portal.h"
#include "updater.h"
#include "wall_clock.h"
#include "wifi_station.h"

namespace espcam {

// All that the task works with; made in main.cpp.
struct Parts {
  camlink::Store& store;
  camlink::Configuration& configuration;
  const camlink::Hello& hello;
  const camlink::Values& values;  // those in force at the start
  camlink::CrashLoop& crash_loop;
  Camera& camera;
  Pictures& pictures;
  Lamp& lamp;
  WifiStation& wifi;
};

class NetworkTask : private camlink::SessionPort, private LinkListener {
 public:
  explicit NetworkTask(const Parts& parts);

  // Starts the task on core 0. `safe`: after crash upon crash; the settings' page is open in the network as well.
  TaskHandle_t start(bool safe, bool image_on_trial);

 private:
  static void run(void* self);
  void step();
  void poll_network(std::uint32_t now_ms);
  void poll_configuration(std::uint32_t now_ms);
  void poll_camera(std::uint32_t now_ms);
  void poll_update(std::uint32_t now_ms);
  void poll_values(std::uint32_t now_ms);
  void search(std::uint32_t now_ms);
  void send_picture();

  // camlink::SessionPort
  void open_portal() override;
  void close_portal() override;
  void join_wifi() override;
  void discover() override;
  void dial(const camlink::Endpoint& endpoint, std::string_view bearer) override;
  bool send_text(std::string_view text) override;
  void ping() override;
  void close(std::uint16_t code, std::string_view reason) override;
  bool apply(const camlink::ValuesChange& change, camlink::Problem& problem) override;
  void read_telemetry(camlink::Telemetry& out) override;
  void power_cycle_camera() override;
  void begin_update(const camlink::UpdateOrder& order) override;
  void mark_image_valid() override;
  void roll_back() override;
  void restart(camlink::RestartReason reason) override;
  void set_clock(std::int64_t unix_ms) override;
  std::uint32_t random() override;
  void log(std::string_view line) override;

  // LinkListener
  void on_link_open() override;
  void on_link_text(std::string_view text) override;
  void on_link_alive() override;
  void on_link_closed(std::uint16_t code, std::string_view reason) override;

  Parts parts_;
  LinkClient link_;
  Portal portal_;
  ImprovPort improv_;
  Updater updater_;
  WallClock clock_;
  camlink::FrameMeter meter_;
  camlink::Session session_;
  camlink::Values values_;
  camlink::Deadline values_unkept_;  // armed: the flash has other settings than are in force
  std::uint32_t sequence_ = 0;
  bool safe_ = false;
  bool image_on_trial_ = false;
  bool search_wanted_ = false;
  bool update_refused_ = false;
};

}  // namespace espcam
