#include "improv_port.h"

#include <Arduino.h>
#include <WiFi.h>

#include <memory>
#include <new>

#include "health.h"
#include "version.h"
#include "watchdog.h"

namespace espcam {
namespace {

constexpr std::uint32_t kJoinMs = 30000;
constexpr int kMostNetworks = 20;

}  // namespace

void ImprovPort::poll(std::uint32_t now_ms, bool wifi_up) {
  while (Serial.available() > 0) {
    switch (reader_.feed(static_cast<std::uint8_t>(Serial.read()))) {
      case camlink::ImprovEvent::kNothing:
        break;
      case camlink::ImprovEvent::kRequest:
        obey(now_ms, wifi_up);
        break;
      case camlink::ImprovEvent::kInvalid:
        send(camlink::ImprovPacket::error(camlink::ImprovError::kInvalidPacket));
        break;
      case camlink::ImprovEvent::kUnknown:
        send(camlink::ImprovPacket::error(camlink::ImprovError::kUnknownCommand));
        break;
    }
  }
  settle(now_ms, wifi_up);
}

bool ImprovPort::take_change() {
  const bool changed = changed_;
  changed_ = false;
  return changed;
}

void ImprovPort::obey(std::uint32_t now_ms, bool wifi_up) {
  switch (reader_.request().command) {
    case camlink::ImprovCommand::kWifiSettings:
      take_network(now_ms);
      break;
    case camlink::ImprovCommand::kCurrentState:
      send(camlink::ImprovPacket::state(joining_.armed() ? camlink::ImprovState::kProvisioning
                                        : wifi_up        ? camlink::ImprovState::kProvisioned
                                                         : camlink::ImprovState::kReady));
      break;
    case camlink::ImprovCommand::kDeviceInformation: {
      const std::string_view facts[] = {"espcam-bridge", ESPCAM_VERSION, chip_name(), configuration_.camera_id.view()};
      send(camlink::ImprovPacket::result(camlink::ImprovCommand::kDeviceInformation, facts, 4));
      break;
    }
    case camlink::ImprovCommand::kScannedNetworks:
      tell_networks();
      break;
    case camlink::ImprovCommand::kNone:
      break;
  }
}

void ImprovPort::take_network(std::uint32_t now_ms) {
  const camlink::ImprovRequest& request = reader_.request();
  std::unique_ptr<camlink::Configuration> wanted(new (std::nothrow) camlink::Configuration(configuration_));
  camlink::Problem problem;
  if (wanted == nullptr || !camlink::set_field(*wanted, "ssid", request.ssid.view(), problem) ||
      !camlink::set_field(*wanted, "password", request.password.view(), problem) || !camlink::check(*wanted, problem)) {
    send(camlink::ImprovPacket::error(camlink::ImprovError::kUnableToConnect));
    return;
  }
  configuration_ = *wanted;
  camlink::save(store_, configuration_);
  changed_ = true;
  left_old_network_ = false;
  joining_.arm(now_ms, kJoinMs);
  send(camlink::ImprovPacket::state(camlink::ImprovState::kProvisioning));
}

// Answers who gave a network, when it is joined or not reached.
void ImprovPort::settle(std::uint32_t now_ms, bool wifi_up) {
  if (!joining_.armed()) {
    return;
  }
  left_old_network_ = left_old_network_ || !wifi_up;
  if (wifi_up && left_old_network_) {
    joining_.disarm();
    send(camlink::ImprovPacket::state(camlink::ImprovState::kProvisioned));
    // No address to visit: the camera has no page of its own once it is in the network.
    send(camlink::ImprovPacket::result(camlink::ImprovCommand::kWifiSettings, nullptr, 0));
  } else if (joining_.take(now_ms)) {
    send(camlink::ImprovPacket::error(camlink::ImprovError::kUnableToConnect));
    send(camlink::ImprovPacket::state(camlink::ImprovState::kReady));
  }
}

void ImprovPort::tell_networks() {
  feed_watchdog();
  const int found = WiFi.scanNetworks();  // 2 to 5 s; somebody sits at the cable
  feed_watchdog();
  for (int index = 0; index < found && index < kMostNetworks; ++index) {
    const String name = WiFi.SSID(static_cast<std::uint8_t>(index));
    const String strength(WiFi.RSSI(static_cast<std::uint8_t>(index)));
    const bool locked = WiFi.encryptionType(static_cast<std::uint8_t>(index)) != WIFI_AUTH_OPEN;
    const std::string_view facts[] = {name.c_str(), strength.c_str(), locked ? "YES" : "NO"};
    send(camlink::ImprovPacket::result(camlink::ImprovCommand::kScannedNetworks, facts, 3));
  }
  WiFi.scanDelete();
  send(camlink::ImprovPacket::result(camlink::ImprovCommand::kScannedNetworks, nullptr, 0));
}

void ImprovPort::send(const camlink::ImprovPacket& packet) { Serial.write(packet.data(), packet.size()); }

}  // namespace espcam
