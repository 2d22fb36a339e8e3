#include "camlink/protocol.h"

#include <cmath>

#include "camlink/sha256.h"

namespace camlink {
namespace {

static_assert(table::kFramesizes.size() == kFramesizeCount, "enum Framesize has the names of link.toml");
static_assert(kCanAll == (1U << table::kCapabilities.size()) - 1, "enum Capability has the names of link.toml");
static_assert(table::kFrameHeaderBytes == kFrameHeaderBytes);
static_assert(table::kMaxUrlBytes == decltype(UpdateOrder::url)::capacity());
static_assert(table::kMaxVersionBytes == decltype(UpdateOrder::version)::capacity());

// As the words of the problems below have them.
static_assert(kQualityBest == 4 && kQualityWorst == 63 && table::kFlashLowest == 0 && kFlashFull == 255);
static_assert(kMaxFpsLowest == 0.5F && kMaxFpsHighest == 60.0F);

constexpr std::size_t kMaxNameBytes = 40;  // of a field, in a problem

JsonWriter& begin(JsonWriter& writer, std::string_view type) {
  return writer.begin_object().key(table::kKeyType).text(type);
}

void number_unless_nan(JsonWriter& writer, std::string_view key, float value) {
  if (!std::isnan(value)) {
    writer.key(key).number(static_cast<double>(value));
  }
}

// Notes one more thing that is wrong: "quality: not a number from 4 to 63".
template <typename... Words>
void complain(Problem& problem, std::string_view field, Words... words) {
  if (!problem.empty()) {
    problem.append("; ");
  }
  problem.append(field);
  problem.append(": ");
  (problem.append(words), ...);
}

bool read_framesize(const JsonValue& value, Framesize largest, Framesize& out) {
  for (std::size_t at = 0; at <= static_cast<std::size_t>(largest); ++at) {
    if (value.equals(table::kFramesizes[at].name)) {
      out = static_cast<Framesize>(at);
      return true;
    }
  }
  return false;
}

bool read_whole(const JsonValue& value, std::int64_t lowest, std::int64_t highest, std::uint8_t& out) {
  std::int64_t whole = 0;
  if (!value.as_integer(whole) || whole < lowest || whole > highest) {
    return false;
  }
  out = static_cast<std::uint8_t>(whole);
  return true;
}

bool read_lamp(const JsonValue& value, std::uint8_t& out) {
  bool on = false;
  if (value.as_bool(on)) {  // a bridge that only knows on and off
    out = on ? table::kFlashHighest : table::kFlashLowest;
    return true;
  }
  return read_whole(value, table::kFlashLowest, table::kFlashHighest, out);
}

bool read_rate(const JsonValue& value, float& out) {
  double rate = 0;
  if (!value.as_number(rate) || rate < static_cast<double>(kMaxFpsLowest) ||
      rate > static_cast<double>(kMaxFpsHighest)) {
    return false;
  }
  out = static_cast<float>(rate);
  return true;
}

// What this board can be set to.
struct Ability {
  Framesize largest;
  std::uint8_t capabilities;

  [[nodiscard]] bool can(Capability what) const { return (capabilities & what) != 0; }
};

void read_value(std::string_view name, const JsonValue& value, Ability board, ValuesChange& out, Problem& problem) {
  if (name == table::kKeyFramesize && board.can(kCanFramesize)) {
    out.has_framesize = read_framesize(value, board.largest, out.wanted.framesize);
    if (!out.has_framesize) {
      complain(problem, name, "not a size from ", table::kFramesizes.front().name, " to ", facts(board.largest).name);
    }
  } else if (name == table::kKeyQuality && board.can(kCanQuality)) {
    out.has_quality = read_whole(value, kQualityBest, kQualityWorst, out.wanted.quality);
    if (!out.has_quality) {
      complain(problem, name, "not a whole number from 4 to 63");
    }
  } else if (name == table::kKeyMaxFps && board.can(kCanMaxFps)) {
    out.has_max_fps = read_rate(value, out.wanted.max_fps);
    if (!out.has_max_fps) {
      complain(problem, name, "not a number from 0.5 to 60");
    }
  } else if (name == table::kKeyFlash && board.can(kCanFlash)) {
    out.has_flash = read_lamp(value, out.wanted.flash);
    if (!out.has_flash) {
      complain(problem, name, "not a whole number from 0 to 255");
    }
  } else {
    complain(problem, name, "cannot be set on this board");
  }
}

// A null leaves a setting as it is.
void read_values(const JsonValue& values, Ability board, ValuesChange& out, Problem& problem) {
  if (values.kind != JsonKind::kObject) {
    complain(problem, table::kKeyValues, "no object");
    return;
  }
  JsonValue key;
  JsonValue value;
  for (JsonMembers members(values); members.next(key, value);) {
    char buffer[kMaxNameBytes];
    std::string_view name;
    if (!key.as_text(buffer, sizeof buffer, name)) {
      complain(problem, table::kKeyValues, "a name that cannot be read");
    } else if (!value.is_null()) {
      read_value(name, value, board, out, problem);
    }
  }
}

template <std::size_t kCapacity>
bool read_text(const JsonValue& message, std::string_view key, FixedText<kCapacity>& out) {
  char buffer[kCapacity];
  JsonValue value;
  std::string_view text;
  return message.find(key, value) && value.as_text(buffer, sizeof buffer, text) && out.assign(text);
}

void read_welcome(const JsonValue& message, Ability board, Message& out) {
  JsonValue value;
  read_text(message, table::kKeyCameraId, out.welcome.camera_id);
  if (message.find(table::kKeyServerTimeMs, value)) {
    std::int64_t unix_ms = 0;
    if (value.as_integer(unix_ms) && unix_ms > 0) {
      out.welcome.server_time_unix_ms = unix_ms;
    }
  }
  if (message.find(table::kKeyValues, value) && !value.is_null()) {
    read_values(value, board, out.welcome.values, out.problem);
  }
}

void read_set(const JsonValue& message, Ability board, Message& out) {
  JsonValue values;
  message.find(table::kKeyValues, values);  // none is null, which is no object either
  read_values(values, board, out.set, out.problem);
}

bool is_web_address(std::string_view url) {
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kSecure = "https://";
  return (url.substr(0, kPlain.size()) == kPlain && url.size() > kPlain.size()) ||
         (url.substr(0, kSecure.size()) == kSecure && url.size() > kSecure.size());
}

void read_update(const JsonValue& message, Message& out) {
  UpdateOrder& order = out.update;
  if (!read_text(message, table::kKeyUrl, order.url) || !is_web_address(order.url.view())) {
    complain(out.problem, table::kKeyUrl, "not an http:// or https:// address of 255 bytes at most");
  }
  FixedText<64> digest;
  if (!read_text(message, table::kKeySha256, digest) || !read_digest(digest.view(), order.sha256)) {
    complain(out.problem, table::kKeySha256, "not 64 hex digits");
  }
  JsonValue value;
  std::int64_t size = 0;
  if (!message.find(table::kKeySize, value) || !value.as_integer(size) || size < 1 || size > INT32_MAX) {
    complain(out.problem, table::kKeySize, "not a number of bytes");
  } else {
    order.size_bytes = static_cast<std::uint32_t>(size);
  }
  if (!read_text(message, table::kKeyVersion, order.version) || order.version.empty()) {
    complain(out.problem, table::kKeyVersion, "not a text of 32 bytes at most");
  }
}

void cut_type(const JsonValue& type, FixedText<32>& out) {
  char buffer[kMaxNameBytes];
  std::string_view text;
  if (type.as_text(buffer, sizeof buffer, text)) {
    out.append(text);
  } else {
    out.assign("?");
  }
}

void cannot(Message& out) { complain(out.problem, out.type.view(), "cannot be done on this board"); }

void put_u32(std::uint8_t* out, std::uint32_t value) {
  for (unsigned at = 0; at < 4; ++at) {
    out[at] = static_cast<std::uint8_t>(value >> (24U - 8U * at));
  }
}

}  // namespace

const FramesizeFacts& facts(Framesize framesize) { return table::kFramesizes[static_cast<std::size_t>(framesize)]; }

bool framesize_named(std::string_view name, Framesize& out) {
  for (std::size_t at = 0; at < table::kFramesizes.size(); ++at) {
    if (table::kFramesizes[at].name == name) {
      out = static_cast<Framesize>(at);
      return true;
    }
  }
  return false;
}

void ValuesChange::apply_to(Values& values) const {
  if (has_framesize) {
    values.framesize = wanted.framesize;
  }
  if (has_quality) {
    values.quality = wanted.quality;
  }
  if (has_max_fps) {
    values.max_fps = wanted.max_fps;
  }
  if (has_flash) {
    values.flash = wanted.flash;
  }
}

std::string_view encode_hello(const Hello& hello, char* buffer, std::size_t capacity) {
  JsonWriter writer(buffer, capacity);
  begin(writer, table::kTypeHello).key(table::kKeyV).integer(kLinkVersion);
  writer.key(table::kKeyFirmware).text(hello.firmware).key(table::kKeyVersion).text(hello.version);
  writer.key(table::kKeyBoard).text(hello.board).key(table::kKeyChip).text(hello.chip);
  writer.key(table::kKeyPsram).integer(hello.psram_bytes);
  writer.key(table::kKeyMac).text(hello.mac).key(table::kKeySensor).text(hello.sensor);
  writer.key(table::kKeyFramesizes).begin_array();
  if ((hello.capabilities & kCanFramesize) != 0) {
    for (std::size_t at = 0; at <= static_cast<std::size_t>(hello.largest); ++at) {
      writer.text(table::kFramesizes[at].name);
    }
  }
  writer.end_array().key(table::kKeyCapabilities).begin_array();
  for (std::size_t bit = 0; bit < table::kCapabilities.size(); ++bit) {
    if ((hello.capabilities >> bit & 1U) != 0) {
      writer.text(table::kCapabilities[bit]);
    }
  }
  writer.end_array().key(table::kKeyResetReason).text(hello.reset_reason);
  return writer.end_object().view();
}

std::string_view encode_telemetry(const Telemetry& telemetry, char* buffer, std::size_t capacity) {
  JsonWriter writer(buffer, capacity);
  begin(writer, table::kTypeTelemetry);
  number_unless_nan(writer, table::kKeyRssiDbm, telemetry.rssi_dbm);
  writer.key(table::kKeyHeapFreeBytes).integer(telemetry.heap_free_bytes);
  writer.key(table::kKeyHeapMinBytes).integer(telemetry.heap_min_bytes);
  writer.key(table::kKeyPsramFreeBytes).integer(telemetry.psram_free_bytes);
  writer.key(table::kKeyUptimeS).integer(telemetry.uptime_s);
  number_unless_nan(writer, table::kKeyFps, telemetry.fps);
  number_unless_nan(writer, table::kKeySendMs, telemetry.send_ms);
  writer.key(table::kKeyFramesSent).integer(telemetry.frames_sent);
  writer.key(table::kKeyFramesFailed).integer(telemetry.frames_failed);
  writer.key(table::kKeyFramesDropped).integer(telemetry.frames_dropped);
  writer.key(table::kKeyCameraErrors).integer(telemetry.camera_errors);
  writer.key(table::kKeyReconnects).integer(telemetry.reconnects);
  number_unless_nan(writer, table::kKeyTemperatureC, telemetry.temperature_c);
  return writer.end_object().view();
}

std::string_view encode_state(const Values& values, std::uint8_t capabilities, float fps, char* buffer,
                              std::size_t capacity) {
  JsonWriter writer(buffer, capacity);
  begin(writer, table::kTypeState);
  if ((capabilities & kCanFramesize) != 0) {
    writer.key(table::kKeyFramesize).text(facts(values.framesize).name);
  }
  if ((capabilities & kCanQuality) != 0) {
    writer.key(table::kKeyQuality).integer(values.quality);
  }
  if ((capabilities & kCanMaxFps) != 0) {
    writer.key(table::kKeyMaxFps).number(static_cast<double>(values.max_fps));
  }
  number_unless_nan(writer, table::kKeyFps, fps);
  if ((capabilities & kCanFlash) != 0) {
    writer.key(table::kKeyFlash).integer(values.flash);
  }
  return writer.end_object().view();
}

std::string_view encode_ack(std::int64_t id, std::string_view error, char* buffer, std::size_t capacity) {
  JsonWriter writer(buffer, capacity);
  begin(writer, table::kTypeAck).key(table::kKeyId).integer(id).key(table::kKeyOk).boolean(error.empty());
  if (!error.empty()) {
    writer.key(table::kKeyError).text(error);
  }
  return writer.end_object().view();
}

std::string_view encode_progress(std::int64_t id, std::uint32_t written_bytes, std::uint32_t size_bytes, char* buffer,
                                 std::size_t capacity) {
  JsonWriter writer(buffer, capacity);
  begin(writer, table::kTypeProgress).key(table::kKeyId).integer(id);
  writer.key(table::kKeyWrittenBytes).integer(written_bytes).key(table::kKeySize).integer(size_bytes);
  return writer.end_object().view();
}

void decode(std::string_view text, Framesize largest, std::uint8_t capabilities, Message& out) {
  out = Message();
  JsonValue message;
  JsonValue type;
  JsonValue id;
  if (text.size() > kMaxTextBytes || !read_json(text, message) || !message.find(table::kKeyType, type) ||
      type.kind != JsonKind::kText) {
    return;
  }
  out.has_id = message.find(table::kKeyId, id) && id.as_integer(out.id);
  cut_type(type, out.type);
  const Ability board = {largest, capabilities};
  if (type.equals(table::kTypeWelcome)) {
    out.kind = MessageKind::kWelcome;
    read_welcome(message, board, out);
  } else if (type.equals(table::kTypeSet)) {
    out.kind = MessageKind::kSet;
    read_set(message, board, out);
  } else if (type.equals(table::kTypeRestart)) {
    out.kind = MessageKind::kRestart;
    if (!board.can(kCanRestart)) {
      cannot(out);
    }
  } else if (type.equals(table::kTypeUpdate)) {
    out.kind = MessageKind::kUpdate;
    if (board.can(kCanUpdate)) {
      read_update(message, out);
    } else {
      cannot(out);
    }
  } else {
    out.kind = MessageKind::kUnknown;
  }
}

void encode_frame_header(const FrameHeader& header, std::uint8_t (&out)[kFrameHeaderBytes]) {
  table::kFrameMagic.copy(reinterpret_cast<char*>(out), table::kFrameMagic.size());
  put_u32(out + 4, header.sequence);
  put_u32(out + 8, static_cast<std::uint32_t>(header.captured_unix_us >> 32U));
  put_u32(out + 12, static_cast<std::uint32_t>(header.captured_unix_us));
  put_u32(out + 16, header.flags);
}

}  // namespace camlink
