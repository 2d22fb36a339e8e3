#include "storage.h"

#include <Arduino.h>
#include <esp_mac.h>
#include <esp_random.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>

#include "console.h"

namespace espcam {
namespace {

constexpr char kNamespace[] = "espcam";
constexpr char kXclkKey[] = "xclk";
constexpr char kRestartKey[] = "restart";
constexpr std::uint32_t kXclkHz = 20000000;
constexpr float kXclkLowestMhz = 6.0F;    // OV2640's datasheet
constexpr float kXclkHighestMhz = 24.0F;  // likewise

bool parse_xclk(const char* text, std::uint32_t& out) {
  char* end = nullptr;
  const float mhz = std::strtof(text, &end);
  if (end == text || *end != '\0' || !(mhz >= kXclkLowestMhz && mhz <= kXclkHighestMhz)) {
    return false;
  }
  out = static_cast<std::uint32_t>(std::lround(mhz * 1e6F));
  return true;
}

}  // namespace

bool NvsStore::start() {
  started_ = preferences_.begin(kNamespace, false);
  return started_;
}

bool NvsStore::read(const char* key, char* buffer, std::size_t capacity, std::string_view& out) {
  // Asked first: the core logs an error for a key that is not there, and there are many at the first start.
  if (!started_ || !preferences_.isKey(key)) {
    return false;
  }
  const std::size_t length = preferences_.getString(key, buffer, capacity);  // with the NUL; 0 when it does not fit
  if (length == 0) {
    return false;
  }
  out = std::string_view(buffer, length - 1);
  return true;
}

bool NvsStore::write(const char* key, std::string_view text) {
  if (!started_) {
    return false;
  }
  if (text.empty()) {
    return !preferences_.isKey(key) || preferences_.remove(key);
  }
  // NVS wants a NUL, which a view need not have. On the heap: a certificate is larger than a task's stack allows.
  std::unique_ptr<char[]> copy(new (std::nothrow) char[text.size() + 1]);
  if (copy == nullptr) {
    return false;
  }
  text.copy(copy.get(), text.size());
  copy[text.size()] = '\0';
  return preferences_.putString(key, copy.get()) == text.size();
}

void load_configuration(camlink::Store& store, camlink::Configuration& out) {
  camlink::load(store, out);
  bool changed = false;
  if (!camlink::is_camera_key(out.key.view())) {
    std::array<std::uint8_t, 16> random{};
    esp_fill_random(random.data(), random.size());
    out.key = camlink::make_camera_key(random);
    changed = true;
  }
  if (out.camera_id.empty()) {
    std::array<std::uint8_t, 6> mac{};
    esp_read_mac(mac.data(), ESP_MAC_WIFI_STA);
    out.camera_id = camlink::default_camera_id(mac);
  }
  if (changed && !camlink::save(store, out)) {
    say("The settings could not be kept: the camera must be approved anew after each restart");
  }
}

std::uint32_t load_xclk_hz(camlink::Store& store) {
  char buffer[8] = {};
  std::string_view text;
  std::uint32_t hz = kXclkHz;
  if (store.read(kXclkKey, buffer, sizeof(buffer), text)) {
    parse_xclk(buffer, hz);
  }
  return hz;
}

bool save_xclk(camlink::Store& store, std::string_view mhz) {
  camlink::FixedText<7> text;
  std::uint32_t hz = 0;
  return text.assign(mhz) && parse_xclk(text.c_str(), hz) && store.write(kXclkKey, mhz);
}

void save_restart_reason(camlink::Store& store, camlink::RestartReason reason) {
  store.write(kRestartKey, camlink::name(reason));
}

camlink::FixedText<32> take_restart_reason(camlink::Store& store) {
  camlink::FixedText<32> reason;
  char buffer[33] = {};
  std::string_view text;
  if (store.read(kRestartKey, buffer, sizeof(buffer), text)) {
    reason.assign(text);
    store.write(kRestartKey, {});
  }
  return reason;
}

}  // namespace espcam
