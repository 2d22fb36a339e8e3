// The camera: camlink's session with this machine's sockets, files and clock behind it.
#pragma once

#include <camlink.h>

#include <csignal>
#include <cstdint>
#include <string>

#include "fetch.h"
#include "files.h"
#include "link.h"
#include "options.h"
#include "pictures.h"
#include "slots.h"
#include "storms.h"

namespace host {

// How a run ended.
enum class Outcome {
  kStopped,  // by a signal
  kDone,     // the wanted number of resets is over, and pictures flow again
  kStuck,    // pictures did not come back
  kRestart,  // the board restarts: the program is to begin anew
};

class Camera final : private camlink::SessionPort {
 public:
  // `options` and `store` must outlive the camera.
  Camera(const Options& options, Pictures pictures, FileStore& store, const std::string& reset_reason);

  // Until the end, or until a signal handler sets `stopped`.
  Outcome run(const volatile std::sig_atomic_t& stopped);
  // Why it restarts; to be told as the reset reason of the next start.
  [[nodiscard]] const char* restart_reason() const { return restart_reason_; }

 private:
  void configure();
  void introduce(const std::string& reset_reason);
  void lost(std::uint32_t code, std::string_view why);
  void wait() const;
  void step();
  void hear();
  void take_picture(std::uint32_t now_ms);
  void send_picture();
  void watch_picture(std::uint32_t now_ms);
  void carry_on_update();
  void break_link();
  [[nodiscard]] bool ended(Outcome& outcome);
  void tell_end();

  void open_portal() override;
  void close_portal() override {}
  void join_wifi() override { joined_ = true; }
  void discover() override {}
  void dial(const camlink::Endpoint& endpoint, std::string_view bearer) override;
  bool send_text(std::string_view text) override { return link_.send_text(text); }
  void ping() override { link_.ping(); }
  void close(std::uint16_t code, std::string_view reason) override;
  bool apply(const camlink::ValuesChange& change, camlink::Problem& problem) override;
  void read_telemetry(camlink::Telemetry& out) override;
  void power_cycle_camera() override { recovered_ = true; }
  void begin_update(const camlink::UpdateOrder& order) override;
  void mark_image_valid() override;
  void roll_back() override;
  void restart(camlink::RestartReason reason) override;
  void set_clock(std::int64_t unix_ms) override;
  std::uint32_t random() override;
  void log(std::string_view line) override;

  const Options& options_;
  FileStore& store_;
  ImageSlots slots_;
  RunningImage image_;
  Pictures pictures_;
  std::string version_;
  std::string firmware_;
  std::string mac_;
  std::string reset_reason_;
  camlink::Configuration configuration_;
  camlink::Values values_;
  camlink::Hello hello_;
  camlink::Session session_;

  Link link_;
  ImageFetch fetch_;
  Storm storm_;
  camlink::Pacer pacer_;
  camlink::FrameMeter meter_;

  const Picture* waiting_ = nullptr;  // the slot for one: the newest picture wins
  std::uint64_t captured_unix_us_ = 0;
  std::uint32_t sequence_ = 0;
  std::uint32_t dropped_ = 0;
  std::uint32_t handed_over_ms_ = 0;
  bool under_way_ = false;  // a picture is in the link's hands
  bool welcomed_ = false;
  bool joined_ = false;  // answers to the session, told in the next step: no call may call back into it
  bool recovered_ = false;
  const char* restart_reason_ = nullptr;
  std::uint32_t began_ms_ = 0;
  std::uint32_t over_ms_ = 0;
  Holdings early_;  // when the first resets are over, and everything is in use that will be
  std::uint32_t dialled_ms_ = 0;
  std::int64_t clock_offset_us_ = 0;
};

}  // namespace host
