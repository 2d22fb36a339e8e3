// The names and limits of the camera link that the code refers to; table.h has them from the link's one source.
#pragma once

#include <cstddef>
#include <cstdint>

#include "camlink/table.h"

namespace camlink {

constexpr int kLinkVersion = table::kLinkVersion;
constexpr std::size_t kMaxTextBytes = table::kMaxTextBytes;
constexpr std::size_t kMaxSentBytes = table::kMaxCameraTextBytes;

constexpr std::uint8_t kQualityBest = table::kQualityLowest;
constexpr std::uint8_t kQualityWorst = table::kQualityHighest;
constexpr float kMaxFpsLowest = table::kMaxFpsLowest;
constexpr float kMaxFpsHighest = table::kMaxFpsHighest;
constexpr std::uint8_t kFlashFull = table::kFlashHighest;

// Why the bridge closed the link.
enum CloseCode : std::uint16_t {
  kCloseNormal = table::kCloseNormal,
  kCloseGoingAway = table::kCloseGoingAway,
  kCloseNotUtf8 = table::kCloseNotUtf8,
  kCloseTooBig = table::kCloseTooBig,
  kCloseSilent = table::kCloseSilent,
  kCloseBadHello = table::kCloseBadHello,
  kCloseBadToken = table::kCloseBadToken,
  kCloseWaitsForApproval = table::kCloseWaitsForApproval,
  kCloseUnknownCamera = table::kCloseUnknownCamera,
  kCloseReplaced = table::kCloseReplaced,
};

// Whether a person has to do something before dialling again can help: the slow, steady class of backoff.
constexpr bool is_refusal(std::uint16_t close_code) { return close_code >= 4400 && close_code < 4500; }

}  // namespace camlink
