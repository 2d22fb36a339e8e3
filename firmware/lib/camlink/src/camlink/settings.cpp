#include "camlink/settings.h"

#include <algorithm>
#include <cmath>

namespace camlink {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kKeyDigits = 32;
constexpr std::size_t kLeastPassword = 8;  // WPA2
constexpr std::size_t kMostPassword = 63;  // 64 characters are a key in hex digits
constexpr std::size_t kMostCameraId = 32;  // as the bridge takes it
constexpr std::string_view kReservedId = "bridge";
constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kPemEnd = "-----END CERTIFICATE-----";

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
bool is_lower(char byte) { return byte >= 'a' && byte <= 'z'; }
bool is_letter(char byte) { return is_lower(byte) || (byte >= 'A' && byte <= 'Z'); }
bool is_hex(char byte) { return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F'); }
bool is_visible(char byte) { return byte > ' ' && byte < 0x7F; }

template <typename Test>
bool all(std::string_view text, Test test) {
  return std::all_of(text.begin(), text.end(), test);
}

bool refuse(Problem& problem, std::string_view field, std::string_view must) {
  problem.clear();
  problem.append(field);
  problem.append(": ");
  problem.append(must);
  return false;
}

// At most five digits; false for anything else.
bool read_number(std::string_view text, std::uint32_t& out) {
  if (text.empty() || text.size() > 5 || !all(text, is_digit)) {
    return false;
  }
  out = 0;
  for (const char byte : text) {
    out = out * 10 + static_cast<std::uint32_t>(byte - '0');
  }
  return true;
}

bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    const std::size_t end = text.find('.');
    if ((end == std::string_view::npos) != (part == 3)) {
      return false;
    }
    std::uint32_t number = 0;
    if (!read_number(text.substr(0, end), number) || number > 255) {
      return false;
    }
    text.remove_prefix(part == 3 ? text.size() : end + 1);
  }
  return true;
}

bool is_password(std::string_view text) {
  return text.empty() || (text.size() >= kLeastPassword && text.size() <= kMostPassword) ||
         (text.size() == kMostPassword + 1 && all(text, is_hex));
}

bool is_host(std::string_view text) {
  return all(text, [](char byte) { return is_letter(byte) || is_digit(byte) || byte == '.' || byte == '-'; });
}

bool is_camera_id(std::string_view text) {
  return text.size() <= kMostCameraId && text != kReservedId &&
         all(text, [](char byte) { return is_lower(byte) || is_digit(byte) || byte == '_'; });
}

bool is_pem(std::string_view text) {
  const std::size_t begin = text.find(kPemBegin);
  return begin != std::string_view::npos && text.find(kPemEnd, begin) != std::string_view::npos;
}

bool check_network(const Configuration& now, Problem& problem) {
  if (!is_password(now.password.view())) {
    return refuse(problem, "password", "must have 8 to 63 characters, or none for an open network");
  }
  if (now.address.empty()) {
    return true;
  }
  if (!is_ipv4(now.address.view())) {
    return refuse(problem, "address", "must be like 192.168.1.50");
  }
  if (!is_ipv4(now.gateway.view())) {
    return refuse(problem, "gateway", "must be like 192.168.1.1 when the address is static");
  }
  if (!is_ipv4(now.netmask.view())) {
    return refuse(problem, "netmask", "must be like 255.255.255.0 when the address is static");
  }
  if (!now.dns.empty() && !is_ipv4(now.dns.view())) {
    return refuse(problem, "dns", "must be like 192.168.1.1, or empty");
  }
  return true;
}

bool check_bridge(const Configuration& now, Problem& problem) {
  if (!is_host(now.host.view())) {
    return refuse(problem, "host", "must be a name or an address without http:// and port, or empty");
  }
  if (now.port == 0) {
    return refuse(problem, "port", "must be 1 to 65535");
  }
  if (!now.ca_pem.empty() && !is_pem(now.ca_pem.view())) {
    return refuse(problem, "ca", "must be a certificate in PEM: -----BEGIN CERTIFICATE----- ...");
  }
  if (!is_camera_id(now.camera_id.view())) {
    return refuse(problem, "id", "must be 1 to 32 of a-z, 0-9 and _, not 'bridge'");
  }
  if (!all(now.token.view(), is_visible)) {
    return refuse(problem, "token", "must be ASCII without spaces");
  }
  return true;
}

template <std::size_t kCapacity>
bool set_text(FixedText<kCapacity>& out, std::string_view name, std::string_view text, Problem& problem) {
  if (text.find('\0') != std::string_view::npos) {
    return refuse(problem, name, "must not have a NUL in it");
  }
  if (out.assign(text)) {
    return true;
  }
  refuse(problem, name, "must have at most ");
  problem.append_number(static_cast<std::int64_t>(kCapacity));
  problem.append(" bytes");
  return false;
}

bool set_port(Configuration& out, std::string_view text, Problem& problem) {
  std::uint32_t port = 0;
  if (!read_number(text, port) || port == 0 || port > UINT16_MAX) {
    return refuse(problem, "port", "must be 1 to 65535");
  }
  out.port = static_cast<std::uint16_t>(port);
  return true;
}

bool set_tls(Configuration& out, std::string_view text, Problem& problem) {
  if (text != "0" && text != "1") {
    return refuse(problem, "tls", "must be 0 or 1");
  }
  out.tls = text == "1";
  return true;
}

template <std::size_t kCapacity>
void read_text(Store& store, const char* key, FixedText<kCapacity>& out) {
  char buffer[kCapacity + 1];
  std::string_view text;
  if (store.read(key, buffer, sizeof buffer, text)) {
    out.assign(text);
  }
}

bool read_stored(Store& store, const char* key, std::uint32_t lowest, std::uint32_t highest, std::uint32_t& out) {
  FixedText<8> text;
  std::uint32_t number = 0;
  read_text(store, key, text);
  if (!read_number(text.view(), number) || number < lowest || number > highest) {
    return false;
  }
  out = number;
  return true;
}

bool write_number(Store& store, const char* key, std::int64_t number) {
  FixedText<20> text;
  text.append_number(number);
  return store.write(key, text.view());
}

constexpr float kStoredPerFps = 10.0F;  // tenths: whole numbers need no parser of fractions

}  // namespace

CameraKey make_camera_key(const std::array<std::uint8_t, 16>& random) {
  CameraKey key;
  for (const std::uint8_t byte : random) {
    const char digits[] = {kHexDigits[byte >> 4U], kHexDigits[byte & 0xFU]};
    key.append({digits, sizeof digits});
  }
  return key;
}

bool is_camera_key(std::string_view text) { return text.size() == kKeyDigits && all(text, is_hex); }

FixedText<32> default_camera_id(const std::array<std::uint8_t, 6>& mac) {
  FixedText<32> id;
  id.append("espcam_");
  for (std::size_t at = 3; at < mac.size(); ++at) {
    const char digits[] = {kHexDigits[mac[at] >> 4U], kHexDigits[mac[at] & 0xFU]};
    id.append({digits, sizeof digits});
  }
  return id;
}

bool check(const Configuration& configuration, Problem& problem) {
  return check_network(configuration, problem) && check_bridge(configuration, problem);
}

bool set_field(Configuration& configuration, std::string_view name, std::string_view text, Problem& problem) {
  if (name == "ssid") {
    return set_text(configuration.ssid, name, text, problem);
  }
  if (name == "password") {
    return set_text(configuration.password, name, text, problem);
  }
  if (name == "host") {
    return set_text(configuration.host, name, text, problem);
  }
  if (name == "port") {
    return set_port(configuration, text, problem);
  }
  if (name == "tls") {
    return set_tls(configuration, text, problem);
  }
  if (name == "ca") {
    return set_text(configuration.ca_pem, name, text, problem);
  }
  if (name == "id") {
    return set_text(configuration.camera_id, name, text, problem);
  }
  if (name == "token") {
    return set_text(configuration.token, name, text, problem);
  }
  if (name == "address") {
    return set_text(configuration.address, name, text, problem);
  }
  if (name == "gateway") {
    return set_text(configuration.gateway, name, text, problem);
  }
  if (name == "netmask") {
    return set_text(configuration.netmask, name, text, problem);
  }
  if (name == "dns") {
    return set_text(configuration.dns, name, text, problem);
  }
  return refuse(problem, name, "there is no such setting");
}

void load(Store& store, Configuration& out) {
  read_text(store, "ssid", out.ssid);
  read_text(store, "password", out.password);
  read_text(store, "host", out.host);
  read_text(store, "ca", out.ca_pem);
  read_text(store, "id", out.camera_id);
  read_text(store, "token", out.token);
  read_text(store, "address", out.address);
  read_text(store, "gateway", out.gateway);
  read_text(store, "netmask", out.netmask);
  read_text(store, "dns", out.dns);
  read_text(store, "key", out.key);
  std::uint32_t number = 0;
  if (read_stored(store, "port", 1, UINT16_MAX, number)) {
    out.port = static_cast<std::uint16_t>(number);
  }
  if (read_stored(store, "tls", 0, 1, number)) {
    out.tls = number == 1;
  }
}

bool save(Store& store, const Configuration& configuration) {
  // All are written, also when one fails: what can be kept is kept.
  bool kept = store.write("ssid", configuration.ssid.view());
  kept = store.write("password", configuration.password.view()) && kept;
  kept = store.write("host", configuration.host.view()) && kept;
  kept = store.write("ca", configuration.ca_pem.view()) && kept;
  kept = store.write("id", configuration.camera_id.view()) && kept;
  kept = store.write("token", configuration.token.view()) && kept;
  kept = store.write("address", configuration.address.view()) && kept;
  kept = store.write("gateway", configuration.gateway.view()) && kept;
  kept = store.write("netmask", configuration.netmask.view()) && kept;
  kept = store.write("dns", configuration.dns.view()) && kept;
  kept = store.write("key", configuration.key.view()) && kept;
  kept = write_number(store, "port", configuration.port) && kept;
  return write_number(store, "tls", configuration.tls ? 1 : 0) && kept;
}

void load_values(Store& store, Values& out) {
  FixedText<8> name;
  std::uint32_t number = 0;
  read_text(store, "framesize", name);
  framesize_named(name.view(), out.framesize);
  if (read_stored(store, "quality", kQualityBest, kQualityWorst, number)) {
    out.quality = static_cast<std::uint8_t>(number);
  }
  constexpr auto kLowest = static_cast<std::uint32_t>(kMaxFpsLowest * kStoredPerFps);
  constexpr auto kHighest = static_cast<std::uint32_t>(kMaxFpsHighest * kStoredPerFps);
  if (read_stored(store, "max_dfps", kLowest, kHighest, number)) {
    out.max_fps = static_cast<float>(number) / kStoredPerFps;
  }
}

bool save_values(Store& store, const Values& values) {
  bool kept = store.write("framesize", facts(values.framesize).name);
  kept = write_number(store, "quality", values.quality) && kept;
  return write_number(store, "max_dfps", std::lround(values.max_fps * kStoredPerFps)) && kept;
}

}  // namespace camlink
