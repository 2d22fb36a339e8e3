// Improv Wi-Fi over the serial line (https://www.improv-wifi.com/serial/): how a browser gives a board its network.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "camlink/text.h"

namespace camlink {

enum class ImprovState : std::uint8_t { kReady = 2, kProvisioning = 3, kProvisioned = 4 };
enum class ImprovError : std::uint8_t {
  kNone = 0,
  kInvalidPacket = 1,
  kUnknownCommand = 2,
  kUnableToConnect = 3,
  kUnknown = 0xFF,
};
enum class ImprovCommand : std::uint8_t {
  kNone = 0,
  kWifiSettings = 1,
  kCurrentState = 2,
  kDeviceInformation = 3,
  kScannedNetworks = 4,
};

struct ImprovRequest {
  ImprovCommand command = ImprovCommand::kNone;
  FixedText<32> ssid;      // of kWifiSettings
  FixedText<64> password;  // of kWifiSettings
};

enum class ImprovEvent : std::uint8_t {
  kNothing,  // more bytes are needed
  kRequest,  // request() holds one
  kInvalid,  // answer with ImprovError::kInvalidPacket
  kUnknown,  // a command that this version does not know: answer with ImprovError::kUnknownCommand
};

// Finds packets among whatever else comes over the line.
class ImprovReader {
 public:
  ImprovEvent feed(std::uint8_t byte);
  [[nodiscard]] const ImprovRequest& request() const { return request_; }

 private:
  ImprovEvent finish();
  ImprovEvent read_command();

  std::array<std::uint8_t, 256> data_{};
  std::size_t at_ = 0;  // bytes of the packet so far
  std::uint8_t type_ = 0;
  std::uint8_t length_ = 0;
  std::uint8_t sum_ = 0;
  ImprovRequest request_;
};

// A packet to send: 6 + 4 bytes around at most 255 of data, and a line feed.
class ImprovPacket {
 public:
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }

  static ImprovPacket state(ImprovState state);
  static ImprovPacket error(ImprovError error);
  // The answer to `command`; a text that does not fit any more is left out with those after it.
  static ImprovPacket result(ImprovCommand command, const std::string_view* texts, std::size_t count);

 private:
  static ImprovPacket packet(std::uint8_t type, const std::uint8_t* data, std::size_t length);

  std::array<std::uint8_t, 266> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace camlink
