#include "updater.h"

#include <Arduino.h>
#include <NetworkClientSecure.h>
#include <esp_ota_ops.h>
#include <freertos/task.h>

#include <memory>
#include <new>

#include "board.h"
#include "trust.h"

namespace espcam {
namespace {

constexpr std::uint32_t kStackBytes = 10240;  // the TLS handshake takes 6 KB of it
constexpr UBaseType_t kPriority = 2;          // below camera and network
constexpr BaseType_t kCore = 1;
constexpr std::size_t kPieceBytes = 4096;  // a flash sector
constexpr std::uint16_t kTimeoutMs = 10000;
constexpr std::uint32_t kSilenceMs = 20000;

}  // namespace

bool Updater::begin(const camlink::UpdateOrder& order) {
  if (phase_ != Phase::kIdle) {
    return false;
  }
  order_ = order;
  error_.clear();
  written_bytes_ = 0;
  told_bytes_ = 0;
  phase_ = Phase::kRunning;
  // Not watched: it only waits for the other side, has limits of its own, and the camera works on meanwhile.
  if (xTaskCreatePinnedToCore(&Updater::run, "update", kStackBytes, this, kPriority, nullptr, kCore) != pdPASS) {
    error_.assign("no memory for the update: restart the camera and try again");
    phase_ = Phase::kEnded;
  }
  return true;
}

bool Updater::take_progress(std::uint32_t& written_bytes) {
  written_bytes = written_bytes_;
  if (phase_ != Phase::kRunning || written_bytes == told_bytes_) {
    return false;
  }
  told_bytes_ = written_bytes;
  return true;
}

bool Updater::take_end(camlink::Problem& error) {
  if (phase_ != Phase::kEnded) {
    return false;
  }
  error = error_;
  phase_ = Phase::kIdle;
  return true;
}

void Updater::run(void* self) {
  auto& updater = *static_cast<Updater*>(self);
  updater.fetch();
  updater.phase_ = Phase::kEnded;
  vTaskDelete(nullptr);
}

bool Updater::fail(const char* why) {
  if (error_.empty()) {
    error_.assign(why);
  }
  return false;
}

void Updater::fetch() {
  const bool tls = order_.url.view().substr(0, 8) == "https://";
  std::unique_ptr<NetworkClient> socket;
  if (tls) {
    std::unique_ptr<NetworkClientSecure> secure(new (std::nothrow) NetworkClientSecure());
    if (secure != nullptr) {
      set_trust(*secure, configuration_);
    }
    socket = std::move(secure);
  } else {
    socket.reset(new (std::nothrow) NetworkClient());
  }
  if (socket == nullptr) {
    fail("no memory for a connection: restart the camera and try again");
    return;
  }
  HTTPClient http;
  if (open(http, *socket)) {
    copy(http);
  }
  http.end();
}

bool Updater::open(HTTPClient& http, NetworkClient& socket) {
  http.setConnectTimeout(kTimeoutMs);
  http.setTimeout(kTimeoutMs);
  http.setFollowRedirects(HTTPC_DISABLE_FOLLOW_REDIRECTS);  // the ticket is for the bridge alone
  if (!http.begin(socket, order_.url.c_str())) {
    return fail("the update's address cannot be read");
  }
  const int status = http.GET();
  if (status != HTTP_CODE_OK) {
    error_.assign("the image could not be fetched: ");
    if (status > 0) {
      error_.append("HTTP ");
      error_.append_number(status);
    } else {
      error_.append(HTTPClient::errorToString(status).c_str());
    }
    return false;
  }
  if (http.getSize() != static_cast<int>(order_.size_bytes)) {
    return fail("the bridge sends another size than it said");
  }
  return true;
}

void Updater::copy(HTTPClient& http) {
  const esp_partition_t* place = esp_ota_get_next_update_partition(nullptr);
  if (place == nullptr) {
    fail("this board has no second place for an image: flash it once by cable");
    return;
  }
  if (order_.size_bytes > place->size) {
    fail("the image is larger than its place");
    return;
  }
  esp_ota_handle_t handle = 0;
  // Erases as it goes: all at once would stop the other tasks for seconds.
  if (esp_ota_begin(place, OTA_WITH_SEQUENTIAL_WRITES, &handle) != ESP_OK) {
    fail("the flash could not be prepared");
    return;
  }
  check_.begin(order_, ESPCAM_BOARD_NAME);
  if (!copy_pieces(http, handle)) {
    esp_ota_abort(handle);
    return;
  }
  if (!check_.finish()) {
    esp_ota_abort(handle);
    error_ = check_.problem();
    return;
  }
  if (esp_ota_end(handle) != ESP_OK) {
    fail("the image does not hold what a firmware must");
    return;
  }
  if (esp_ota_set_boot_partition(place) != ESP_OK) {
    fail("the image could not be made the one to start");
  }
}

bool Updater::copy_pieces(HTTPClient& http, std::uint32_t handle) {
  std::unique_ptr<std::uint8_t[]> piece(new (std::nothrow) std::uint8_t[kPieceBytes]);
  if (piece == nullptr) {
    return fail("no memory for the update: restart the camera and try again");
  }
  NetworkClient& stream = http.getStream();
  std::uint32_t left = order_.size_bytes;
  std::uint32_t heard_ms = millis();
  while (left > 0) {
    const std::size_t wanted = left < kPieceBytes ? left : kPieceBytes;
    const int got = stream.available() > 0 ? stream.read(piece.get(), wanted) : 0;
    if (got <= 0) {
      if (!http.connected() || millis() - heard_ms > kSilenceMs) {
        return fail("the connection broke while the image was fetched");
      }
      delay(5);
      continue;
    }
    heard_ms = millis();
    const auto size = static_cast<std::size_t>(got);
    if (!check_.feed(piece.get(), size)) {
      error_ = check_.problem();
      return false;
    }
    if (esp_ota_write(handle, piece.get(), size) != ESP_OK) {
      return fail("the flash could not be written");
    }
    left -= size;
    written_bytes_ = order_.size_bytes - left;
    taskYIELD();
  }
  return true;
}

}  // namespace espcam
