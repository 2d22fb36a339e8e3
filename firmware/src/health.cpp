#include "health.h"

#include <WiFi.h>
#include <esp_mac.h>
#include <esp_timer.h>

#include <cmath>
#include <cstdio>

namespace espcam {

void read_health(camlink::Telemetry& out) {
  out.rssi_dbm = WiFi.isConnected() ? static_cast<float>(WiFi.RSSI()) : NAN;
  out.heap_free_bytes = ESP.getFreeHeap();
  out.heap_min_bytes = ESP.getMinFreeHeap();
  out.psram_free_bytes = ESP.getFreePsram();
  out.uptime_s = static_cast<std::uint32_t>(esp_timer_get_time() / 1000000);
#if CONFIG_IDF_TARGET_ESP32
  out.temperature_c = NAN;  // its sensor is not calibrated: it says 53.3 on many chips, whatever the weather
#else
  out.temperature_c = temperatureRead();
#endif
}

const char* chip_name() { return ESP.getChipModel(); }

std::uint32_t psram_bytes() { return ESP.getPsramSize(); }

camlink::FixedText<17> mac_text() {
  std::uint8_t mac[6] = {};
  esp_read_mac(mac, ESP_MAC_WIFI_STA);
  char text[18] = {};
  std::snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  camlink::FixedText<17> out;
  out.assign(text);
  return out;
}

}  // namespace espcam
