#include <camlink/improv.h>
#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace camlink;

namespace {

std::string packet(std::uint8_t type, const std::string& data) {
  std::string out = "IMPROV";
  out += '\x01';
  out += static_cast<char>(type);
  out += static_cast<char>(data.size());
  out += data;
  std::uint8_t sum = 0;
  for (const char byte : out) {
    sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(byte));
  }
  out += static_cast<char>(sum);
  return out;
}

std::string command(std::uint8_t which, const std::string& data = "") {
  return packet(3, std::string() + static_cast<char>(which) + static_cast<char>(data.size()) + data);
}

std::string wifi(const std::string& ssid, const std::string& password) {
  return command(1,
                 std::string() + static_cast<char>(ssid.size()) + ssid + static_cast<char>(password.size()) + password);
}

// The events other than "nothing".
std::vector<ImprovEvent> feed(ImprovReader& reader, const std::string& bytes) {
  std::vector<ImprovEvent> events;
  for (const char byte : bytes) {
    const ImprovEvent event = reader.feed(static_cast<std::uint8_t>(byte));
    if (event != ImprovEvent::kNothing) {
      events.push_back(event);
    }
  }
  return events;
}

using Events = std::vector<ImprovEvent>;

std::string bytes_of(const ImprovPacket& made) { return {reinterpret_cast<const char*>(made.data()), made.size()}; }

}  // namespace

TEST_CASE("Improv: a network and its password, among other output") {
  ImprovReader reader;
  CHECK(feed(reader, "boot: IMPIMPROVE\nIMPROV\x02" + wifi("home", "secret 1")) == Events{ImprovEvent::kRequest});
  CHECK(reader.request().command == ImprovCommand::kWifiSettings);
  CHECK(reader.request().ssid.view() == "home");
  CHECK(reader.request().password.view() == "secret 1");
  CHECK(feed(reader, wifi("open", "")) == Events{ImprovEvent::kRequest});
  CHECK(reader.request().password.empty());
}

TEST_CASE("Improv: the other commands") {
  ImprovReader reader;
  for (const auto which :
       {ImprovCommand::kCurrentState, ImprovCommand::kDeviceInformation, ImprovCommand::kScannedNetworks}) {
    CHECK(feed(reader, command(static_cast<std::uint8_t>(which))) == Events{ImprovEvent::kRequest});
    CHECK(reader.request().command == which);
  }
  CHECK(feed(reader, command(9)) == Events{ImprovEvent::kUnknown});
  CHECK(feed(reader, packet(1, "\x02")).empty());  // a state is for the other side
}

TEST_CASE("Improv: damaged packets are refused, and the next one is read") {
  ImprovReader reader;
  std::string damaged = wifi("home", "password");
  damaged[12] ^= 1;
  CHECK(feed(reader, damaged) == Events{ImprovEvent::kInvalid});
  const std::string four(1, '\x04');
  for (const std::string& wrong :
       {packet(3, ""), packet(3, "\x01"), packet(3, "\x01\x05" + four + "home"), wifi("", "password"),
        wifi(std::string(33, 's'), ""), wifi("home", std::string(65, 'p')), command(1, "\x09home"),
        command(1, four + "home"), command(1, four + "home" + std::string(1, '\0') + "x")}) {
    CHECK(feed(reader, wrong) == Events{ImprovEvent::kInvalid});
    CHECK(reader.request().ssid.empty());
  }
  CHECK(feed(reader, wifi("home", "")) == Events{ImprovEvent::kRequest});
}

TEST_CASE("Improv: what is sent") {
  CHECK(bytes_of(ImprovPacket::state(ImprovState::kProvisioned)) == packet(1, "\x04") + "\n");
  CHECK(bytes_of(ImprovPacket::error(ImprovError::kUnableToConnect)) == packet(2, "\x03") + "\n");
  const std::string_view texts[] = {"ab", "", "c"};
  CHECK(bytes_of(ImprovPacket::result(ImprovCommand::kDeviceInformation, texts, 3)) ==
        packet(4, std::string("\x03\x06\x02"
                              "ab\x00\x01"
                              "c",
                              8)) +
            "\n");
  const std::string large(300, 'x');
  const std::string_view too_much[] = {"ab", large, "c"};
  CHECK(bytes_of(ImprovPacket::result(ImprovCommand::kScannedNetworks, too_much, 3)) ==
        packet(4, std::string("\x04\x03\x02"
                              "ab",
                              5)) +
            "\n");
}
