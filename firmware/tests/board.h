// A board that is not there: records what a session does, for tests and fuzzing.
#pragma once

#include <camlink.h>

#include <string>
#include <vector>

namespace camlink_tests {

struct Board : camlink::SessionPort {
  void open_portal() override {
    ++portals_opened;
    portal_open = true;
  }
  void close_portal() override { portal_open = false; }
  void join_wifi() override { ++joins; }
  void discover() override { ++searches; }
  void dial(const camlink::Endpoint& endpoint, std::string_view bearer) override {
    ++dials;
    dialled = endpoint;
    shown.assign(bearer);
  }
  bool send_text(std::string_view text) override {
    if (takes_texts) {
      sent.emplace_back(text);
    }
    return takes_texts;
  }
  void ping() override { ++pings; }
  void close(std::uint16_t code, std::string_view reason) override {
    closed_with = code;
    closed_because.assign(reason);
    ++closes;
  }
  bool apply(const camlink::ValuesChange& change, camlink::Problem& problem) override {
    if (refuses) {
      problem.assign("framesize: the sensor does not take it");
      return false;
    }
    change.apply_to(driver);
    ++applied;
    return true;
  }
  void read_telemetry(camlink::Telemetry& out) override { out.uptime_s = 7; }
  void power_cycle_camera() override { ++power_cycles; }
  void begin_update(const camlink::UpdateOrder& order) override {
    ++updates;
    ordered = order;
  }
  void mark_image_valid() override { ++marked_valid; }
  void roll_back() override { ++rolled_back; }
  void restart(camlink::RestartReason reason) override {
    ++restarts;
    restart_reason = reason;
  }
  void set_clock(std::int64_t unix_ms) override { clock_unix_ms = unix_ms; }
  std::uint32_t random() override { return next_random; }
  void log(std::string_view line) override { logged.emplace_back(line); }

  // The last text sent, or an empty one.
  [[nodiscard]] std::string last() const { return sent.empty() ? "" : sent.back(); }
  // How many of the texts sent have `part` in them.
  [[nodiscard]] int count(const std::string& part) const {
    int found = 0;
    for (const auto& text : sent) {
      found += text.find(part) != std::string::npos ? 1 : 0;
    }
    return found;
  }

  bool takes_texts = true;
  bool refuses = false;
  bool portal_open = false;
  int portals_opened = 0, joins = 0, searches = 0, dials = 0, pings = 0, closes = 0, applied = 0, power_cycles = 0;
  int updates = 0, marked_valid = 0, rolled_back = 0, restarts = 0;
  std::uint16_t closed_with = 0;
  std::string closed_because, shown;
  std::int64_t clock_unix_ms = 0;
  std::uint32_t next_random = 0x80000000;
  camlink::RestartReason restart_reason = camlink::RestartReason::kCommand;
  camlink::Endpoint dialled;
  camlink::UpdateOrder ordered;
  camlink::Values driver;
  std::vector<std::string> sent, logged;
};

inline camlink::Hello some_hello() {
  camlink::Hello hello;
  hello.firmware = "espcam-firmware/1.0.0";
  hello.version = "1.0.0";
  hello.board = "ai-thinker";
  hello.chip = "ESP32";
  hello.psram_bytes = 4194304;
  hello.mac = "aa:bb:cc:dd:ee:ff";
  hello.sensor = "OV2640";
  hello.reset_reason = "power_on";
  return hello;
}

inline camlink::Configuration some_configuration() {
  camlink::Configuration configuration;
  configuration.ssid.assign("home");
  configuration.password.assign("password");
  configuration.host.assign("192.168.1.2");
  configuration.camera_id.assign("front_door");
  configuration.key.assign("00112233445566778899aabbccddeeff");
  return configuration;
}

// A session with its board, and a clock to turn.
struct Rig {
  explicit Rig(bool configured = true, bool on_trial = false)
      : hello(some_hello()),
        configuration(configured ? some_configuration() : camlink::Configuration()),
        session(board, hello, configuration, camlink::Values()) {
    session.start(now_ms, on_trial);
  }

  void pass(std::uint32_t ms, std::uint32_t step_ms = 100) {
    for (std::uint32_t passed = 0; passed < ms; passed += step_ms) {
      now_ms += step_ms;
      session.tick(now_ms);
    }
  }
  void hear(std::string_view text) { session.on_text(now_ms, text); }
  // To STREAM, as on a good day.
  void welcome() {
    session.on_wifi_up(now_ms);
    session.on_open(now_ms);
    hear(R"({"type":"welcome","v":1,"camera_id":"front_door","server_time_ms":1764158400000,"values":{}})");
  }

  Board board;
  camlink::Hello hello;
  camlink::Configuration configuration;
  std::uint32_t now_ms = 0xFFFFF000;  // 4 s before the clock wraps
  camlink::Session session;
};

}  // namespace camlink_tests
