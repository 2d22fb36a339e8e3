// Fetches a new image into the other place and makes it the one to start: only when it is whole and for this board.
#pragma once

#include <HTTPClient.h>
#include <camlink.h>
#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>

#include <atomic>

namespace espcam {

// begin() and take_...() are for the network task; the fetch is a task of its own, with a socket of its own.
class Updater {
 public:
  explicit Updater(const camlink::Configuration& configuration) : configuration_(configuration) {}

  // Begins to fetch; false while another fetch runs.
  bool begin(const camlink::UpdateOrder& order);
  // Whether more was written since the last call.
  bool take_progress(std::uint32_t& written_bytes);
  // Whether the fetch ended since the last call: empty `error` when the image is in place.
  bool take_end(camlink::Problem& error);

 private:
  enum class Phase : std::uint8_t { kIdle, kRunning, kEnded };

  static void run(void* self);
  void fetch();
  bool open(HTTPClient& http, NetworkClient& socket);
  void copy(HTTPClient& http);
  bool copy_pieces(HTTPClient& http, std::uint32_t handle);
  bool fail(const char* why);

  const camlink::Configuration& configuration_;
  camlink::UpdateOrder order_;
  camlink::ImageCheck check_;
  camlink::Problem error_;  // the fetch task's until the phase is kEnded
  std::atomic<Phase> phase_{Phase::kIdle};
  std::atomic<std::uint32_t> written_bytes_{0};
  std::uint32_t told_bytes_ = 0;
};

}  // namespace espcam
