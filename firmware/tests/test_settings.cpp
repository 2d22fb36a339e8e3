#include <camlink/settings.h>
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "board.h"

using namespace camlink;

namespace {

struct Memory : Store {
  bool read(const char* key, char* buffer, std::size_t capacity, std::string_view& out) override {
    const auto found = kept.find(key);
    if (found == kept.end() || found->second.size() > capacity) {
      return false;
    }
    found->second.copy(buffer, found->second.size());
    out = {buffer, found->second.size()};
    return true;
  }
  bool write(const char* key, std::string_view text) override {
    CHECK(std::string_view(key).size() <= 15);  // NVS
    if (key == broken) {
      return false;
    }
    if (text.empty()) {
      kept.erase(key);
    } else {
      kept[key] = std::string(text);
    }
    return true;
  }
  std::map<std::string, std::string> kept;
  std::string broken;
};

std::string set_problem(std::string_view name, std::string_view text) {
  Configuration configuration;
  Problem problem;
  return set_field(configuration, name, text, problem) ? "" : std::string(problem.view());
}

// The problem of a configuration that is right but for one field.
std::string check_problem(std::string_view name, std::string_view text, bool fixed_address = false) {
  Configuration configuration = camlink_tests::some_configuration();
  if (fixed_address) {
    configuration.address.assign("192.168.1.50");
    configuration.gateway.assign("192.168.1.1");
    configuration.netmask.assign("255.255.255.0");
  }
  Problem problem;
  REQUIRE(set_field(configuration, name, text, problem));
  return check(configuration, problem) ? "" : std::string(problem.view());
}

}  // namespace

TEST_CASE("Settings: all are kept and read again") {
  Memory memory;
  Configuration before = camlink_tests::some_configuration();
  Problem problem;
  for (const auto& [name, text] :
       std::map<std::string, std::string>{{"ssid", "My Wi-Fi"},
                                          {"password", "spaces are fine "},
                                          {"host", "bridge.lan"},
                                          {"port", "4001"},
                                          {"tls", "1"},
                                          {"ca", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"},
                                          {"id", "porch_2"},
                                          {"token", "secret"},
                                          {"address", "10.0.0.9"},
                                          {"gateway", "10.0.0.1"},
                                          {"netmask", "255.0.0.0"},
                                          {"dns", "10.0.0.2"}}) {
    CHECK(set_field(before, name, text, problem));
  }
  CHECK(check(before, problem));
  CHECK(save(memory, before));
  Configuration after;
  load(memory, after);
  CHECK(after.ssid.view() == "My Wi-Fi");
  CHECK(after.password.view() == "spaces are fine ");
  CHECK(after.host.view() == "bridge.lan");
  CHECK(after.port == 4001);
  CHECK(after.tls);
  CHECK(after.ca_pem.view() == before.ca_pem.view());
  CHECK(after.camera_id.view() == "porch_2");
  CHECK(after.bearer() == "secret");
  CHECK(after.address.view() == "10.0.0.9");
  CHECK(after.gateway.view() == "10.0.0.1");
  CHECK(after.netmask.view() == "255.0.0.0");
  CHECK(after.dns.view() == "10.0.0.2");
  CHECK(after.key.view() == before.key.view());
  CHECK(set_field(after, "token", "", problem));
  CHECK(after.bearer() == before.key.view());
}

TEST_CASE("Settings: what cannot be read keeps its default, what cannot be kept is told") {
  Memory memory;
  memory.kept = {{"port", "70000"}, {"tls", "yes"},        {"ssid", std::string(40, 's')},
                 {"quality", "3"},  {"framesize", "HUGE"}, {"max_dfps", "x"}};
  Configuration configuration;
  load(memory, configuration);
  CHECK(configuration.port == 3001);
  CHECK_FALSE(configuration.tls);
  CHECK_FALSE(configuration.has_network());
  Values values;
  load_values(memory, values);
  CHECK(values.framesize == Framesize::kSvga);
  CHECK(values.quality == 12);
  memory.broken = "host";
  configuration.camera_id.assign("kept_all_the_same");
  CHECK_FALSE(save(memory, configuration));
  CHECK(memory.kept["id"] == "kept_all_the_same");
}

TEST_CASE("Settings: picture settings but not the lamp") {
  Memory memory;
  CHECK(save_values(memory, {Framesize::kHd, 20, 0.5F, 200}));
  Values values;
  load_values(memory, values);
  CHECK(values.framesize == Framesize::kHd);
  CHECK(values.quality == 20);
  CHECK(values.max_fps == doctest::Approx(0.5));
  CHECK(values.flash == 0);
  memory.broken = "quality";
  CHECK_FALSE(save_values(memory, values));
}

TEST_CASE("Settings: a field that does not fit changes nothing") {
  CHECK(set_problem("ssid", std::string(33, 'x')) == "ssid: must have at most 32 bytes");
  CHECK(set_problem("host", std::string_view("a\0b", 3)) == "host: must not have a NUL in it");
  CHECK(set_problem("port", "0") == "port: must be 1 to 65535");
  CHECK(set_problem("port", "65536") == "port: must be 1 to 65535");
  CHECK(set_problem("port", "123456") == "port: must be 1 to 65535");
  CHECK(set_problem("port", "80x") == "port: must be 1 to 65535");
  CHECK(set_problem("tls", "true") == "tls: must be 0 or 1");
  CHECK(set_problem("wings", "2") == "wings: there is no such setting");
}

TEST_CASE("Settings: what cannot be is named with what it must be") {
  CHECK(check_problem("password", "short") == "password: must have 8 to 63 characters, or none for an open network");
  CHECK(check_problem("password", "").empty());
  CHECK(check_problem("password", std::string(64, 'f')).empty());
  CHECK_FALSE(check_problem("password", std::string(64, 'g')).empty());
  CHECK(check_problem("host", "http://bridge") ==
        "host: must be a name or an address without http:// and port, or empty");
  CHECK(check_problem("host", "").empty());
  CHECK(check_problem("ca", "AAAA") == "ca: must be a certificate in PEM: -----BEGIN CERTIFICATE----- ...");
  CHECK(check_problem("id", "Front Door") == "id: must be 1 to 32 of a-z, 0-9 and _, not 'bridge'");
  CHECK_FALSE(check_problem("id", "bridge").empty());
  CHECK(check_problem("token", "two words") == "token: must be ASCII without spaces");
  for (const char* wrong : {"1.2.3", "1.2.3.4.5", "1.2.3.256", "a.b.c.d", "1..2.3", "1.2.3.4x", "..."}) {
    CAPTURE(wrong);
    CHECK(check_problem("address", wrong, true) == "address: must be like 192.168.1.50");
  }
  CHECK(check_problem("gateway", "", true) == "gateway: must be like 192.168.1.1 when the address is static");
  CHECK(check_problem("netmask", "24", true) == "netmask: must be like 255.255.255.0 when the address is static");
  CHECK(check_problem("dns", "none", true) == "dns: must be like 192.168.1.1, or empty");
  CHECK(check_problem("dns", "1.1.1.1", true).empty());
  Configuration configuration = camlink_tests::some_configuration();
  configuration.port = 0;
  Problem problem;
  CHECK_FALSE(check(configuration, problem));
}

TEST_CASE("Settings: keys and names of a new camera") {
  std::array<std::uint8_t, 16> random{};
  for (std::size_t at = 0; at < random.size(); ++at) {
    random[at] = static_cast<std::uint8_t>(at * 17);
  }
  CHECK(make_camera_key(random).view() == "00112233445566778899aabbccddeeff");
  CHECK(is_camera_key(make_camera_key(random).view()));
  CHECK_FALSE(is_camera_key("0011"));
  CHECK_FALSE(is_camera_key(std::string(32, 'x')));
  CHECK(default_camera_id({1, 2, 3, 0xA4, 0xB5, 0x06}).view() == "espcam_a4b506");
}
