// The names and limits of the camera link that the code refers to.
#pragma once

#include <cstddef>
#include <cstdint>

namespace camlink {

constexpr int kLinkVersion = 1;
// Links2004's client takes no longer text; nor do we write one.
constexpr std::size_t kMaxTextBytes = 15359;
constexpr std::size_t kMaxSentBytes = 1536;

constexpr std::uint8_t kQualityBest = 4;
constexpr std::uint8_t kQualityWorst = 63;
constexpr float kMaxFpsLowest = 0.5F;
constexpr float kMaxFpsHighest = 60.0F;
constexpr std::uint8_t kFlashFull = 255;

// Why the bridge closed the link.
enum CloseCode : std::uint16_t {
  kCloseNormal = 1000,
  kCloseGoingAway = 1001,
  kCloseNotUtf8 = 1007,
  kCloseTooBig = 1009,
  kCloseSilent = 1011,
  kCloseBadHello = 4400,
  kCloseBadToken = 4401,
  kCloseWaitsForApproval = 4403,
  kCloseUnknownCamera = 4404,
  kCloseReplaced = 4409,
};

// Whether a person has to do something before dialling again can help: the slow, steady class of backoff.
constexpr bool is_refusal(std::uint16_t close_code) { return close_code >= 4400 && close_code < 4500; }

}  // namespace camlink
