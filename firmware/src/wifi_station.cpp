#include "wifi_station.h"

#include <WiFi.h>

#include "console.h"

namespace espcam {
namespace {

IPAddress address_of(const camlink::FixedText<15>& text) {
  IPAddress address;
  address.fromString(text.c_str());
  return address;
}

void set_addresses(const camlink::Configuration& configuration) {
  if (configuration.address.empty()) {
    WiFi.config(IPAddress(), IPAddress(), IPAddress());  // back to DHCP
    return;
  }
  const IPAddress gateway = address_of(configuration.gateway);
  const IPAddress dns = configuration.dns.empty() ? gateway : address_of(configuration.dns);
  if (!WiFi.config(address_of(configuration.address), gateway, address_of(configuration.netmask), dns)) {
    say("Wi-Fi", "the static address was refused: mend address, gateway and netmask");
  }
}

}  // namespace

void WifiStation::start() {
  WiFi.persistent(false);  // the configuration keeps the network, not the driver
  WiFi.mode(WIFI_STA);
  WiFi.setSleep(false);  // modem sleep adds 100 to 300 ms to every packet that comes in
  WiFi.setAutoReconnect(true);
}

void WifiStation::join(const camlink::Configuration& configuration) {
  say("Wi-Fi: joining", configuration.ssid.view());
  WiFi.disconnect();
  camlink::FixedText<31> name;  // what DHCP's option holds in lwIP
  name.append(configuration.camera_id.view());
  WiFi.setHostname(name.c_str());
  WiFi.mode(WIFI_STA);
  WiFi.setSleep(false);
  // Of several access points with the same name the strongest, not the first that answers.
  WiFi.setScanMethod(WIFI_ALL_CHANNEL_SCAN);
  WiFi.setSortMethod(WIFI_CONNECT_AP_BY_SIGNAL);
  set_addresses(configuration);
  // An open network has no least security to insist on.
  WiFi.setMinSecurity(configuration.password.empty() ? WIFI_AUTH_OPEN : WIFI_AUTH_WPA2_PSK);
  WiFi.begin(configuration.ssid.c_str(), configuration.password.empty() ? nullptr : configuration.password.c_str());
}

bool WifiStation::poll(bool& up) {
  up = WiFi.status() == WL_CONNECTED;
  if (up == up_) {
    return false;
  }
  up_ = up;
  say("Wi-Fi", up ? WiFi.localIP().toString().c_str() : "lost");
  return true;
}

}  // namespace espcam
