// The messages of the camera link, version 1: structures in, text out, and back. docs/interfaces.md has the table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "camlink/json.h"
#include "camlink/limits.h"
#include "camlink/text.h"

namespace camlink {

// What an OV2640 offers, smallest first, by the driver's names.
enum class Framesize : std::uint8_t { kQqvga, kQvga, kHvga, kVga, kSvga, kXga, kHd, kSxga, kUxga };
constexpr std::size_t kFramesizeCount = 9;

using FramesizeFacts = table::NamedSize;
const FramesizeFacts& facts(Framesize framesize);
bool framesize_named(std::string_view name, Framesize& out);

// What a board can do, one bit each.
enum Capability : std::uint8_t {
  kCanEcf1 = 1 << 0,
  kCanFramesize = 1 << 1,
  kCanQuality = 1 << 2,
  kCanMaxFps = 1 << 3,
  kCanFlash = 1 << 4,
  kCanRestart = 1 << 5,
  kCanUpdate = 1 << 6,
};
constexpr std::uint8_t kCanAll = 0x7F;

// Who this camera is; the texts must outlive the session.
struct Hello {
  std::string_view firmware;  // name and version, "espcam-firmware/1.2.0"
  std::string_view version;   // semantic version
  std::string_view board;     // as in the image's marker, "ai-thinker"
  std::string_view chip;
  std::uint32_t psram_bytes = 0;
  std::string_view mac;  // "aa:bb:cc:dd:ee:ff"
  std::string_view sensor;
  Framesize largest = Framesize::kUxga;
  std::uint8_t capabilities = kCanAll;
  std::string_view reset_reason;
};

// The settings in force.
struct Values {
  Framesize framesize = Framesize::kSvga;
  std::uint8_t quality = 12;
  float max_fps = 10.0F;
  std::uint8_t flash = 0;
};

// Settings that somebody wants changed: those whose `has_` is true.
struct ValuesChange {
  bool has_framesize = false;
  bool has_quality = false;
  bool has_max_fps = false;
  bool has_flash = false;
  Values wanted;

  [[nodiscard]] bool empty() const { return !has_framesize && !has_quality && !has_max_fps && !has_flash; }
  void apply_to(Values& values) const;
};

// The board's health; what is NaN is left out.
struct Telemetry {
  float rssi_dbm = 0;
  std::uint32_t heap_free_bytes = 0;
  std::uint32_t heap_min_bytes = 0;
  std::uint32_t psram_free_bytes = 0;
  std::uint32_t uptime_s = 0;
  float fps = 0;
  std::uint32_t frames_sent = 0;
  std::uint32_t frames_failed = 0;
  std::uint32_t frames_dropped = 0;  // replaced by a newer one before they were sent
  std::uint32_t camera_errors = 0;
  std::uint32_t reconnects = 0;
  float temperature_c = 0;  // NaN: the chip has no sensor
  float send_ms = 0;        // mean time to hand one picture to the network; NaN: none was sent
};

// The encoders return the text in `buffer`, or an empty one when it does not fit.
std::string_view encode_hello(const Hello& hello, char* buffer, std::size_t capacity);
std::string_view encode_telemetry(const Telemetry& telemetry, char* buffer, std::size_t capacity);
// Only those settings that the board can do are named. `fps`: the rate that is reached, NaN: not known.
std::string_view encode_state(const Values& values, std::uint8_t capabilities, float fps, char* buffer,
                              std::size_t capacity);
// An empty `error` means done.
std::string_view encode_ack(std::int64_t id, std::string_view error, char* buffer, std::size_t capacity);
std::string_view encode_progress(std::int64_t id, std::uint32_t written_bytes, std::uint32_t size_bytes, char* buffer,
                                 std::size_t capacity);

struct Welcome {
  FixedText<64> camera_id;
  std::int64_t server_time_unix_ms = 0;  // 0: not said
  ValuesChange values;
};

struct UpdateOrder {
  FixedText<255> url;                     // absolute, http or https
  std::array<std::uint8_t, 32> sha256{};  // of the image
  std::uint32_t size_bytes = 0;
  FixedText<32> version;
};

enum class MessageKind : std::uint8_t {
  kNone,     // no JSON object, or one without type: passed over
  kUnknown,  // a type of newer bridges; answered when it has an id
  kWelcome,
  kSet,
  kRestart,
  kUpdate,
};

struct Message {
  MessageKind kind = MessageKind::kNone;
  bool has_id = false;
  std::int64_t id = 0;
  FixedText<32> type;  // cut
  Welcome welcome;     // only of the kind that is said, the others are empty
  ValuesChange set;
  UpdateOrder update;
  // Which fields are wrong and what they must be. With `set` and `welcome` the other fields still count; an `update`
  // or `restart` with a problem must not be carried out.
  Problem problem;
};

// Reads a text of the bridge. `largest` and `capabilities` say what this board can do; more is a problem.
void decode(std::string_view text, Framesize largest, std::uint8_t capabilities, Message& out);

constexpr std::size_t kFrameHeaderBytes = 20;

struct FrameHeader {
  std::uint32_t sequence = 0;
  std::uint64_t captured_unix_us = 0;  // 0: the clock is not set
  std::uint32_t flags = 0;
};

// "ECF1", then the fields, big-endian: goes before the JPEG in the same binary message.
void encode_frame_header(const FrameHeader& header, std::uint8_t (&out)[kFrameHeaderBytes]);

}  // namespace camlink
