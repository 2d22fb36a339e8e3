#include "camlink/improv.h"

#include <algorithm>
#include <cstring>

namespace camlink {
namespace {

constexpr std::string_view kHeader = "IMPROV";
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kTypeState = 1;
constexpr std::uint8_t kTypeError = 2;
constexpr std::uint8_t kTypeRpc = 3;
constexpr std::uint8_t kTypeResult = 4;
// Where a packet's fields are: IMPROV, version, type, length, data, sum.
constexpr std::size_t kVersionAt = 6;
constexpr std::size_t kTypeAt = 7;
constexpr std::size_t kLengthAt = 8;
constexpr std::size_t kDataAt = 9;
constexpr std::size_t kMostData = 255;

}  // namespace

ImprovEvent ImprovReader::feed(std::uint8_t byte) {
  if (at_ < kHeader.size()) {
    const auto letter = static_cast<char>(byte);
    // The header's first letter comes only once in it, so a mismatch can only begin anew.
    at_ = letter == kHeader[at_] ? at_ + 1 : letter == kHeader[0] ? 1 : 0;
    sum_ = 0;
    if (at_ == kHeader.size()) {
      for (const char of_header : kHeader) {
        sum_ = static_cast<std::uint8_t>(sum_ + static_cast<std::uint8_t>(of_header));
      }
    }
    return ImprovEvent::kNothing;
  }
  const std::size_t place = at_++;
  if (place == kVersionAt && byte != kVersion) {
    at_ = 0;
    return ImprovEvent::kNothing;
  }
  if (place == kTypeAt) {
    type_ = byte;
  } else if (place == kLengthAt) {
    length_ = byte;
  } else if (place >= kDataAt && place == kDataAt + length_) {
    at_ = 0;
    return byte == sum_ ? finish() : ImprovEvent::kInvalid;
  } else if (place >= kDataAt) {
    data_[place - kDataAt] = byte;
  }
  sum_ = static_cast<std::uint8_t>(sum_ + byte);
  return ImprovEvent::kNothing;
}

ImprovEvent ImprovReader::finish() { return type_ == kTypeRpc ? read_command() : ImprovEvent::kNothing; }

ImprovEvent ImprovReader::read_command() {
  request_ = ImprovRequest();
  if (length_ < 2 || data_[1] != length_ - 2) {
    return ImprovEvent::kInvalid;
  }
  switch (data_[0]) {
    case static_cast<std::uint8_t>(ImprovCommand::kWifiSettings):
      break;
    case static_cast<std::uint8_t>(ImprovCommand::kCurrentState):
    case static_cast<std::uint8_t>(ImprovCommand::kDeviceInformation):
    case static_cast<std::uint8_t>(ImprovCommand::kScannedNetworks):
      request_.command = static_cast<ImprovCommand>(data_[0]);
      return ImprovEvent::kRequest;
    default:
      return ImprovEvent::kUnknown;
  }
  std::string_view rest(reinterpret_cast<const char*>(data_.data()) + 2, length_ - 2U);
  const auto take = [&rest](auto& out) {
    if (rest.empty()) {
      return false;
    }
    const auto size = static_cast<std::uint8_t>(rest[0]);
    if (size > rest.size() - 1 || !out.assign(rest.substr(1, size))) {
      return false;
    }
    rest.remove_prefix(size + 1U);
    return true;
  };
  if (!take(request_.ssid) || !take(request_.password) || request_.ssid.empty() || !rest.empty()) {
    request_ = ImprovRequest();
    return ImprovEvent::kInvalid;
  }
  request_.command = ImprovCommand::kWifiSettings;
  return ImprovEvent::kRequest;
}

ImprovPacket ImprovPacket::packet(std::uint8_t type, const std::uint8_t* data, std::size_t length) {
  ImprovPacket made;
  const auto put = [&made](std::uint8_t byte) { made.bytes_[made.size_++] = byte; };
  for (const char letter : kHeader) {
    put(static_cast<std::uint8_t>(letter));
  }
  put(kVersion);
  put(type);
  put(static_cast<std::uint8_t>(length));
  for (std::size_t at = 0; at < length; ++at) {
    put(data[at]);
  }
  std::uint8_t sum = 0;
  for (std::size_t at = 0; at < made.size_; ++at) {
    sum = static_cast<std::uint8_t>(sum + made.bytes_[at]);
  }
  put(sum);
  put('\n');
  return made;
}

ImprovPacket ImprovPacket::state(ImprovState state) {
  const auto byte = static_cast<std::uint8_t>(state);
  return packet(kTypeState, &byte, 1);
}

ImprovPacket ImprovPacket::error(ImprovError error) {
  const auto byte = static_cast<std::uint8_t>(error);
  return packet(kTypeError, &byte, 1);
}

ImprovPacket ImprovPacket::result(ImprovCommand command, const std::string_view* texts, std::size_t count) {
  std::array<std::uint8_t, kMostData> data{};
  std::size_t length = 2;
  for (std::size_t at = 0; at < count; ++at) {
    const std::string_view text = texts[at];
    if (text.size() + 1 > data.size() - length) {
      break;
    }
    data[length++] = static_cast<std::uint8_t>(text.size());
    std::memcpy(data.data() + length, text.data(), text.size());
    length += text.size();
  }
  data[0] = static_cast<std::uint8_t>(command);
  data[1] = static_cast<std::uint8_t>(length - 2);
  return packet(kTypeResult, data.data(), length);
}

}  // namespace camlink
