// What the board keeps over restarts: who it is, where its bridge is, and its picture settings.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "camlink/protocol.h"
#include "camlink/text.h"

namespace camlink {

// Keeps texts by a key of at most 15 characters (the limit of NVS). NVS on the device, memory in tests.
class Store {
 public:
  virtual ~Store() = default;
  // The kept text in `buffer`; false when there is none, or it does not fit.
  virtual bool read(const char* key, char* buffer, std::size_t capacity, std::string_view& out) = 0;
  // False when it could not be kept (full, worn out). An empty text takes the key away.
  virtual bool write(const char* key, std::string_view text) = 0;
};

// The random key that a camera shows as its bearer token: 32 hex digits.
using CameraKey = FixedText<32>;
// `random`: 128 bits of a real random source (the radio must be on for esp_random to be one).
CameraKey make_camera_key(const std::array<std::uint8_t, 16>& random);
bool is_camera_key(std::string_view text);

struct Configuration {
  FixedText<32> ssid;
  FixedText<64> password;  // empty: an open network
  FixedText<128> host;     // of the bridge; empty: found by mDNS
  std::uint16_t port = 3001;
  bool tls = false;
  FixedText<3072> ca_pem;   // certificate that the bridge's must be signed by; empty: the built-in bundle
  FixedText<32> camera_id;  // empty: default_camera_id()
  FixedText<128> token;     // typed by the user; empty: the key is shown
  FixedText<15> address;    // static IPv4; empty: DHCP
  FixedText<15> gateway;    // with `address`
  FixedText<15> netmask;    // with `address`
  FixedText<15> dns;        // with `address`, may be empty
  CameraKey key;

  [[nodiscard]] bool has_network() const { return !ssid.empty(); }
  // What `Authorization: Bearer` is to show.
  [[nodiscard]] std::string_view bearer() const { return token.empty() ? key.view() : token.view(); }
};

// "espcam_" and the last three bytes of the MAC: what a camera calls itself until somebody names it.
FixedText<32> default_camera_id(const std::array<std::uint8_t, 6>& mac);

// Names the first field that cannot be, and what it must be; true when all is well.
bool check(const Configuration& configuration, Problem& problem);

// Sets one field from a form or a serial line: "ssid", "password", "host", "port", "tls" ("0", "1"), "ca", "id",
// "token", "address", "gateway", "netmask", "dns". False with the problem, and nothing changes.
bool set_field(Configuration& configuration, std::string_view name, std::string_view text, Problem& problem);

// What cannot be read keeps its default: a worn store must not keep a camera from starting.
void load(Store& store, Configuration& out);
bool save(Store& store, const Configuration& configuration);
void load_values(Store& store, Values& out);
bool save_values(Store& store, const Values& values);  // all but the lamp, which is off after a start

}  // namespace camlink
