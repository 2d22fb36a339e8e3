#include "network_task.h"

#include <Arduino.h>
#include <esp_random.h>
#include <esp_timer.h>

#include "console.h"
#include "discovery.h"
#include "health.h"
#include "image.h"
#include "storage.h"
#include "watchdog.h"

namespace espcam {
namespace {

constexpr std::uint32_t kStackBytes = 12288;  // the TLS handshake takes 6 KB of it, the portal's page 3
constexpr UBaseType_t kPriority = 5;
constexpr BaseType_t kCore = 0;
constexpr TickType_t kRestTicks = pdMS_TO_TICKS(10);
// The bridge may turn quality and rate every few seconds: the flash bears 100,000 writes a sector.
constexpr std::uint32_t kKeepValuesAfterMs = 60000;

}  // namespace

NetworkTask::NetworkTask(const Parts& parts)
    : parts_(parts),
      link_(*this, parts.configuration),
      portal_(parts.store, parts.configuration),
      improv_(parts.store, parts.configuration),
      updater_(parts.configuration),
      session_(*this, parts.hello, parts.configuration, parts.values),
      values_(parts.values) {}

TaskHandle_t NetworkTask::start(bool safe, bool image_on_trial) {
  safe_ = safe;
  image_on_trial_ = image_on_trial;
  TaskHandle_t task = nullptr;
  xTaskCreatePinnedToCore(&NetworkTask::run, "network", kStackBytes, this, kPriority, &task, kCore);
  return task;
}

void NetworkTask::run(void* self) {
  auto& network = *static_cast<NetworkTask*>(self);
  watch_this_task();
  network.session_.start(millis(), network.image_on_trial_);
  for (;;) {
    feed_watchdog();
    network.step();
    ulTaskNotifyTake(pdTRUE, kRestTicks);  // a picture wakes it at once
  }
}

void NetworkTask::step() {
  const std::uint32_t now_ms = millis();
  poll_network(now_ms);
  poll_configuration(now_ms);
  search(now_ms);
  link_.poll();
  poll_camera(millis());
  poll_update(millis());
  send_picture();
  session_.tick(millis());
  poll_values(millis());
  parts_.crash_loop.run_for(static_cast<std::uint32_t>(esp_timer_get_time() / 1000));
}

void NetworkTask::poll_network(std::uint32_t now_ms) {
  bool up = false;
  if (!parts_.wifi.poll(up)) {
    return;
  }
  if (!up) {
    session_.on_wifi_down(now_ms);
    return;
  }
  session_.on_wifi_up(now_ms);
  if (safe_) {
    portal_.open_in_network(session_.last_problem());
  }
}

void NetworkTask::poll_configuration(std::uint32_t now_ms) {
  portal_.poll();
  improv_.poll(now_ms, parts_.wifi.up());
  const bool from_portal = portal_.take_change();
  const bool from_line = improv_.take_change();
  if (from_portal || from_line) {
    session_.on_configured(now_ms);
  }
}

// Asked for by the session while it has no link, so that the 3 s that it takes hold nothing up.
void NetworkTask::search(std::uint32_t now_ms) {
  if (!search_wanted_) {
    return;
  }
  search_wanted_ = false;
  FoundBridge found;
  if (find_bridge(parts_.configuration.camera_id.c_str(), found)) {
    // Who asked for TLS gets no link without, whatever somebody in the network claims.
    session_.on_discovered(now_ms, found.host.view(), found.port, found.tls || parts_.configuration.tls);
  }
}

void NetworkTask::poll_camera(std::uint32_t now_ms) {
  for (std::uint32_t failures = parts_.pictures.take_failures(); failures > 0; --failures) {
    session_.on_camera_failed(now_ms);
  }
  bool works = false;
  if (parts_.pictures.take_recovery(works)) {
    session_.on_camera_recovered(now_ms, works);
  }
  parts_.pictures.want(session_.wants_frame());
}

void NetworkTask::poll_update(std::uint32_t now_ms) {
  if (update_refused_) {
    update_refused_ = false;
    session_.on_update_ended(now_ms, "another update is still being fetched: wait for it");
    return;
  }
  std::uint32_t written_bytes = 0;
  if (updater_.take_progress(written_bytes)) {
    session_.on_update_progress(now_ms, written_bytes);
  }
  camlink::Problem error;
  if (updater_.take_end(error)) {
    session_.on_update_ended(now_ms, error.view());
  }
}

void NetworkTask::poll_values(std::uint32_t now_ms) {
  if (values_unkept_.take(now_ms)) {
    camlink::save_values(parts_.store, values_);
  }
}

void NetworkTask::send_picture() {
  camera_fb_t* picture = session_.wants_frame() ? parts_.pictures.take() : nullptr;
  if (picture == nullptr) {
    return;
  }
  camlink::FrameHeader header;
  header.sequence = sequence_++;
  header.captured_unix_us =
      clock_.unix_us(static_cast<std::int64_t>(picture->timestamp.tv_sec) * 1000000 + picture->timestamp.tv_usec);
  std::uint8_t bytes[camlink::kFrameHeaderBytes];
  camlink::encode_frame_header(header, bytes);
  const std::uint32_t begun_ms = millis();
  const bool sent = link_.send_picture(bytes, picture->buf, picture->len);
  parts_.pictures.give_back(picture);
  const std::uint32_t now_ms = millis();
  session_.on_camera_works(now_ms);
  if (sent) {
    meter_.sent(now_ms - begun_ms);
    session_.on_frame_sent(now_ms);
  } else {
    meter_.failed();
  }
}

void NetworkTask::open_portal() { portal_.open(session_.last_problem()); }

void NetworkTask::close_portal() { portal_.close(); }

void NetworkTask::join_wifi() { parts_.wifi.join(parts_.configuration); }

void NetworkTask::discover() { search_wanted_ = true; }

void NetworkTask::dial(const camlink::Endpoint& endpoint, std::string_view bearer) { link_.dial(endpoint, bearer); }

bool NetworkTask::send_text(std::string_view text) { return link_.send_text(text); }

void NetworkTask::ping() { link_.ping(); }

// The library cannot send a reason with its close frame.
void NetworkTask::close(std::uint16_t code, std::string_view /*reason*/) { link_.close(code); }

bool NetworkTask::apply(const camlink::ValuesChange& change, camlink::Problem& problem) {
  if (!parts_.camera.apply(change, problem)) {
    return false;
  }
  if (change.has_flash && !parts_.lamp.set(change.wanted.flash)) {
    // The camera has what it should; only what is then said to be in force must be true, so it goes back.
    camlink::ValuesChange back = change;
    back.wanted = values_;
    camlink::Problem ignored;
    parts_.camera.apply(back, ignored);
    problem.assign("flash: the lamp does not answer");
    return false;
  }
  change.apply_to(values_);
  parts_.pictures.set_values(values_);
  if (!safe_ && (change.has_framesize || change.has_quality || change.has_max_fps)) {
    values_unkept_.arm(millis(), kKeepValuesAfterMs);
  }
  return true;
}

void NetworkTask::read_telemetry(camlink::Telemetry& out) {
  read_health(out);
  meter_.report(millis(), out);
  out.frames_failed += parts_.pictures.damaged();
  out.frames_dropped = parts_.pictures.dropped();
  out.camera_errors = parts_.pictures.camera_errors();
  out.reconnects = session_.reconnects();
}

void NetworkTask::power_cycle_camera() { parts_.pictures.recover(); }

void NetworkTask::begin_update(const camlink::UpdateOrder& order) { update_refused_ = !updater_.begin(order); }

void NetworkTask::mark_image_valid() { espcam::mark_image_valid(); }

void NetworkTask::roll_back() {
  save_restart_reason(parts_.store, camlink::RestartReason::kTrial);
  roll_back_image();
}

void NetworkTask::restart(camlink::RestartReason reason) {
  save_restart_reason(parts_.store, reason);
  parts_.lamp.set(0);
  ESP.restart();
}

void NetworkTask::set_clock(std::int64_t unix_ms) { clock_.set(unix_ms); }

std::uint32_t NetworkTask::random() { return esp_random(); }

void NetworkTask::log(std::string_view line) { say(line); }

void NetworkTask::on_link_open() { session_.on_open(millis()); }

void NetworkTask::on_link_text(std::string_view text) { session_.on_text(millis(), text); }

void NetworkTask::on_link_alive() { session_.on_heard(millis()); }

void NetworkTask::on_link_closed(std::uint16_t code, std::string_view reason) {
  session_.on_closed(millis(), code, reason);
}

}  // namespace espcam
