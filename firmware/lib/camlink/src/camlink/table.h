// The camera link's names, numbers and limits; written by firmware/protocol/generate.py from link.toml.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace camlink {
namespace table {

constexpr int kLinkVersion = 1;

constexpr std::size_t kMaxTextBytes = 15359;
constexpr std::size_t kMaxCameraTextBytes = 1536;
constexpr std::size_t kMaxUrlBytes = 255;
constexpr std::size_t kMaxVersionBytes = 32;
constexpr std::size_t kProgressIntervalMs = 500;

constexpr std::uint8_t kQualityLowest = 4;
constexpr std::uint8_t kQualityHighest = 63;
constexpr float kMaxFpsLowest = 0.5F;
constexpr float kMaxFpsHighest = 60.0F;
constexpr std::uint8_t kFlashLowest = 0;
constexpr std::uint8_t kFlashHighest = 255;

constexpr std::string_view kFrameMagic = "ECF1";
constexpr std::size_t kFrameHeaderBytes = 20;

constexpr std::uint8_t kImageFirstByte = 0xE9;
constexpr std::string_view kImageMarker = "ESPCAM-FIRMWARE;";
constexpr std::string_view kImageBoardKey = "board=";
constexpr std::string_view kImageVersionKey = "version=";
constexpr std::string_view kImageSeparator = ";";

constexpr std::uint16_t kCloseNormal = 1000;
constexpr std::uint16_t kCloseGoingAway = 1001;
constexpr std::uint16_t kCloseNotUtf8 = 1007;
constexpr std::uint16_t kCloseTooBig = 1009;
constexpr std::uint16_t kCloseSilent = 1011;
constexpr std::uint16_t kCloseBadHello = 4400;
constexpr std::uint16_t kCloseBadToken = 4401;
constexpr std::uint16_t kCloseWaitsForApproval = 4403;
constexpr std::uint16_t kCloseUnknownCamera = 4404;
constexpr std::uint16_t kCloseReplaced = 4409;

// One bit each, in this order.
constexpr std::array<std::string_view, 7> kCapabilities = {
    "ecf1", "framesize", "quality", "max_fps", "flash", "restart", "update",
};

struct NamedSize {
  std::string_view name;
  std::uint16_t width_px;
  std::uint16_t height_px;
};
constexpr std::array<NamedSize, 9> kFramesizes = {{
    {"QQVGA", 160, 120},
    {"QVGA", 320, 240},
    {"HVGA", 480, 320},
    {"VGA", 640, 480},
    {"SVGA", 800, 600},
    {"XGA", 1024, 768},
    {"HD", 1280, 720},
    {"SXGA", 1280, 1024},
    {"UXGA", 1600, 1200},
}};

constexpr std::string_view kTypeHello = "hello";
constexpr std::string_view kTypeTelemetry = "telemetry";
constexpr std::string_view kTypeState = "state";
constexpr std::string_view kTypeAck = "ack";
constexpr std::string_view kTypeProgress = "progress";
constexpr std::string_view kTypeWelcome = "welcome";
constexpr std::string_view kTypeSet = "set";
constexpr std::string_view kTypeRestart = "restart";
constexpr std::string_view kTypeUpdate = "update";

constexpr std::string_view kKeyType = "type";
constexpr std::string_view kKeyV = "v";
constexpr std::string_view kKeyFirmware = "firmware";
constexpr std::string_view kKeyVersion = "version";
constexpr std::string_view kKeyBoard = "board";
constexpr std::string_view kKeyChip = "chip";
constexpr std::string_view kKeyPsram = "psram";
constexpr std::string_view kKeyMac = "mac";
constexpr std::string_view kKeySensor = "sensor";
constexpr std::string_view kKeyFramesizes = "framesizes";
constexpr std::string_view kKeyCapabilities = "capabilities";
constexpr std::string_view kKeyResetReason = "reset_reason";
constexpr std::string_view kKeyRssiDbm = "rssi_dbm";
constexpr std::string_view kKeyHeapFreeBytes = "heap_free_bytes";
constexpr std::string_view kKeyHeapMinBytes = "heap_min_bytes";
constexpr std::string_view kKeyPsramFreeBytes = "psram_free_bytes";
constexpr std::string_view kKeyUptimeS = "uptime_s";
constexpr std::string_view kKeyFps = "fps";
constexpr std::string_view kKeySendMs = "send_ms";
constexpr std::string_view kKeyFramesSent = "frames_sent";
constexpr std::string_view kKeyFramesFailed = "frames_failed";
constexpr std::string_view kKeyFramesDropped = "frames_dropped";
constexpr std::string_view kKeyCameraErrors = "camera_errors";
constexpr std::string_view kKeyReconnects = "reconnects";
constexpr std::string_view kKeyTemperatureC = "temperature_c";
constexpr std::string_view kKeyFramesize = "framesize";
constexpr std::string_view kKeyQuality = "quality";
constexpr std::string_view kKeyMaxFps = "max_fps";
constexpr std::string_view kKeyFlash = "flash";
constexpr std::string_view kKeyId = "id";
constexpr std::string_view kKeyOk = "ok";
constexpr std::string_view kKeyError = "error";
constexpr std::string_view kKeyWrittenBytes = "written_bytes";
constexpr std::string_view kKeySize = "size";
constexpr std::string_view kKeyCameraId = "camera_id";
constexpr std::string_view kKeyServerTimeMs = "server_time_ms";
constexpr std::string_view kKeyValues = "values";
constexpr std::string_view kKeyUrl = "url";
constexpr std::string_view kKeySha256 = "sha256";

}  // namespace table
}  // namespace camlink
