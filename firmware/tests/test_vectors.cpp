// The examples that the bridge is tested with as well.
#include <camlink.h>
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "board.h"

using namespace camlink;

namespace {

struct Vectors {
  Vectors() {
    std::ifstream file(CAMLINK_VECTORS);
    text.assign(std::istreambuf_iterator<char>(file), {});
    REQUIRE(read_json(text, root));
  }
  // Calls `each` with every entry of a list; returns how many there are.
  template <typename Each>
  int over(std::string_view list, Each each) const {
    JsonValue entries;
    REQUIRE(root.find(list, entries));
    int count = 0;
    JsonValue entry;
    for (JsonItems items(entries); items.next(entry); ++count) {
      each(entry);
    }
    return count;
  }
  std::string text;
  JsonValue root;
};

std::string text_of(const JsonValue& value) {
  std::vector<char> buffer(value.raw.size() + 1);
  std::string_view out;
  REQUIRE(value.as_text(buffer.data(), buffer.size(), out));
  return std::string(out);
}

JsonValue get(const JsonValue& object, std::string_view key) {
  JsonValue found;
  CAPTURE(key);
  REQUIRE(object.find(key, found));
  return found;
}

std::string text(const JsonValue& object, std::string_view key) { return text_of(get(object, key)); }

std::int64_t whole(const JsonValue& object, std::string_view key) {
  std::int64_t out = 0;
  REQUIRE(get(object, key).as_integer(out));
  return out;
}

float number(const JsonValue& object, std::string_view key) {
  double out = 0;
  REQUIRE(get(object, key).as_number(out));
  return static_cast<float>(out);
}

bool flag(const JsonValue& object, std::string_view key) {
  bool out = false;
  REQUIRE(get(object, key).as_bool(out));
  return out;
}

MessageKind kind_named(const std::string& name) {
  for (const auto& [known, kind] : {std::pair<const char*, MessageKind>{"none", MessageKind::kNone},
                                    {"unknown", MessageKind::kUnknown},
                                    {"welcome", MessageKind::kWelcome},
                                    {"set", MessageKind::kSet},
                                    {"restart", MessageKind::kRestart},
                                    {"update", MessageKind::kUpdate}}) {
    if (name == known) {
      return kind;
    }
  }
  FAIL("no such kind: " << name);
  return MessageKind::kNone;
}

void check_values(const JsonValue& entry, const ValuesChange& change) {
  const JsonValue value = get(entry, "values");
  JsonValue one;
  CHECK(change.has_framesize == value.find("framesize", one));
  if (change.has_framesize) {
    CHECK(facts(change.wanted.framesize).name == text(value, "framesize"));
  }
  CHECK(change.has_quality == value.find("quality", one));
  CHECK(change.has_max_fps == value.find("max_fps", one));
  CHECK(change.has_flash == value.find("flash", one));
  if (change.has_quality) {
    CHECK(change.wanted.quality == whole(value, "quality"));
  }
  if (change.has_max_fps) {
    CHECK(change.wanted.max_fps == number(value, "max_fps"));
  }
  if (change.has_flash) {
    CHECK(change.wanted.flash == whole(value, "flash"));
  }
}

void check_update(const JsonValue& wanted, const UpdateOrder& order) {
  CHECK(order.url.view() == text(wanted, "url"));
  Sha256Digest digest{};
  CHECK(read_digest(text(wanted, "sha256"), digest));
  CHECK(order.sha256 == digest);
  CHECK(order.size_bytes == whole(wanted, "size"));
  CHECK(order.version.view() == text(wanted, "version"));
}

void check_to_camera(const JsonValue& entry) {
  const std::string name = text(entry, "name");
  CAPTURE(name);
  Message message;
  decode(text(entry, "text"), Framesize::kUxga, kCanAll, message);
  REQUIRE(message.kind == kind_named(text(entry, "kind")));
  CHECK(message.problem.empty() == !flag(entry, "problem"));
  JsonValue id;
  if (entry.find("id", id)) {
    CHECK(message.has_id);
    CHECK(message.id == whole(entry, "id"));
  }
  if (message.kind == MessageKind::kWelcome) {
    check_values(entry, message.welcome.values);
    CHECK(message.welcome.camera_id.view() == text(entry, "camera_id"));
    CHECK(message.welcome.server_time_unix_ms == whole(entry, "server_time_ms"));
  } else if (message.kind == MessageKind::kSet) {
    check_values(entry, message.set);
  } else if (message.kind == MessageKind::kUpdate && message.problem.empty()) {
    check_update(get(entry, "update"), message.update);
  }
}

// The message that camlink writes from an example's fields.
std::string encoded(const JsonValue& entry, char* buffer, std::size_t capacity) {
  const std::string type = text(entry, "type");
  const JsonValue fields = get(entry, "fields");
  if (type == "hello") {
    Hello hello = camlink_tests::some_hello();
    hello.largest = Framesize::kVga;
    return std::string(encode_hello(hello, buffer, capacity));
  }
  if (type == "telemetry") {
    Telemetry telemetry;
    telemetry.rssi_dbm = number(fields, "rssi_dbm");
    telemetry.heap_free_bytes = static_cast<std::uint32_t>(whole(fields, "heap_free_bytes"));
    telemetry.heap_min_bytes = static_cast<std::uint32_t>(whole(fields, "heap_min_bytes"));
    telemetry.psram_free_bytes = static_cast<std::uint32_t>(whole(fields, "psram_free_bytes"));
    telemetry.uptime_s = static_cast<std::uint32_t>(whole(fields, "uptime_s"));
    telemetry.fps = number(fields, "fps");
    telemetry.send_ms = number(fields, "send_ms");
    telemetry.frames_sent = static_cast<std::uint32_t>(whole(fields, "frames_sent"));
    telemetry.frames_failed = static_cast<std::uint32_t>(whole(fields, "frames_failed"));
    telemetry.frames_dropped = static_cast<std::uint32_t>(whole(fields, "frames_dropped"));
    telemetry.camera_errors = static_cast<std::uint32_t>(whole(fields, "camera_errors"));
    telemetry.reconnects = static_cast<std::uint32_t>(whole(fields, "reconnects"));
    telemetry.temperature_c = number(fields, "temperature_c");
    return std::string(encode_telemetry(telemetry, buffer, capacity));
  }
  if (type == "state") {
    Values values;
    REQUIRE(framesize_named(text(fields, "framesize"), values.framesize));
    values.quality = static_cast<std::uint8_t>(whole(fields, "quality"));
    values.max_fps = number(fields, "max_fps");
    values.flash = static_cast<std::uint8_t>(whole(fields, "flash"));
    return std::string(encode_state(values, kCanAll, std::numeric_limits<float>::quiet_NaN(), buffer, capacity));
  }
  if (type == "ack") {
    return std::string(encode_ack(whole(fields, "id"), text(fields, "error"), buffer, capacity));
  }
  REQUIRE(type == "progress");
  return std::string(encode_progress(whole(fields, "id"), static_cast<std::uint32_t>(whole(fields, "written_bytes")),
                                     static_cast<std::uint32_t>(whole(fields, "size")), buffer, capacity));
}

std::string hex(const std::uint8_t* data, std::size_t size) {
  std::string out;
  for (std::size_t at = 0; at < size; ++at) {
    out += "0123456789abcdef"[data[at] >> 4];
    out += "0123456789abcdef"[data[at] & 15];
  }
  return out;
}

}  // namespace

TEST_CASE("Vectors: what the bridge says") { CHECK(Vectors().over("to_camera", check_to_camera) > 50); }

TEST_CASE("Vectors: what the camera says, byte for byte") {
  CHECK(Vectors().over("from_camera", [](const JsonValue& entry) {
    char buffer[kMaxSentBytes];
    CHECK(encoded(entry, buffer, sizeof buffer) == text(entry, "text"));
  }) >= 6);
}

TEST_CASE("Vectors: the header before a picture") {
  CHECK(Vectors().over("frames", [](const JsonValue& entry) {
    std::uint8_t bytes[kFrameHeaderBytes];
    encode_frame_header({static_cast<std::uint32_t>(whole(entry, "sequence")),
                         static_cast<std::uint64_t>(whole(entry, "captured_unix_us")),
                         static_cast<std::uint32_t>(whole(entry, "flags"))},
                        bytes);
    CHECK(hex(bytes, sizeof bytes) == text(entry, "hex"));
  }) == 3);
}
