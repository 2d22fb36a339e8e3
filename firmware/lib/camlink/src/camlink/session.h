// The camera's side of the link as a state machine: events in, actions out through a port. No sockets, no clock.
//
//   BOOT -> PROVISION (no network known, or not reached for long) -> WIFI -> DISCOVER (no host configured) -> CONNECT
//   -> HELLO (waits for `welcome`) -> STREAM <-> IDLE (no picture for a while); CAM_RECOVER while the camera is being
//   mended and OTA while an image is fetched, both with the link up. Any loss of the link -> BACKOFF -> DISCOVER or
//   CONNECT; any loss of the network -> WIFI.
//
// Every event bears the time of a millisecond clock that may wrap. One task owns a session; nothing here is locked.
// No event does anything that the state does not expect: late and doubled ones are passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "camlink/backoff.h"
#include "camlink/clock.h"
#include "camlink/protocol.h"
#include "camlink/settings.h"
#include "camlink/text.h"

namespace camlink {

enum class State : std::uint8_t {
  kBoot,
  kProvision,   // the portal is open
  kWifi,        // joining the network
  kDiscover,    // asking mDNS where the bridge is
  kConnect,     // dialled; TCP, TLS and the WebSocket handshake
  kHello,       // hello is sent, welcome is awaited
  kStream,      // welcomed, pictures flow
  kIdle,        // welcomed, no picture for idle_after_ms
  kBackoff,     // waits before dialling again
  kCamRecover,  // welcomed, the camera is being power-cycled
  kOta,         // welcomed, an image is being fetched and written
};
const char* name(State state);

enum class RestartReason : std::uint8_t {
  kCommand,  // the bridge asked for it
  kUpdate,   // a new image is in place
  kCamera,   // three recoveries in a row did not bring the camera back
  kTrial,    // the new image was not welcomed in time: back to the old one
};
const char* name(RestartReason reason);

struct Endpoint {
  FixedText<128> host;
  std::uint16_t port = 0;
  bool tls = false;
  FixedText<80> path;  // "/ws/CAMERA_ID"
};

// What the session has done by the outside. Answers come as events, later; no call may call back into the session.
class SessionPort {
 public:
  virtual ~SessionPort() = default;

  virtual void open_portal() = 0;
  virtual void close_portal() = 0;
  // Joins the configured network -> on_wifi_up. Called again when that takes too long.
  virtual void join_wifi() = 0;
  // Asks mDNS for the bridge -> on_discovered.
  virtual void discover() = 0;
  // Opens the WebSocket -> on_open or on_closed. Shows `bearer` as Authorization.
  virtual void dial(const Endpoint& endpoint, std::string_view bearer) = 0;
  // Sends a text; false when the socket took none of it.
  virtual bool send_text(std::string_view text) = 0;
  virtual void ping() = 0;
  // Ends the link; no on_closed is needed after it (one that comes is passed over).
  virtual void close(std::uint16_t code, std::string_view reason) = 0;

  // Makes these settings the ones in force. False with `problem` when the driver refuses: then none of them is.
  virtual bool apply(const ValuesChange& change, Problem& problem) = 0;
  virtual void read_telemetry(Telemetry& out) = 0;

  // Switches the camera off and on and starts the driver again -> on_camera_recovered.
  virtual void power_cycle_camera() = 0;
  // Fetches and writes an image -> on_update_progress, on_update_ended. Must not block.
  virtual void begin_update(const UpdateOrder& order) = 0;
  // The running image is good: the bootloader need not go back.
  virtual void mark_image_valid() = 0;
  // The running image is not: restart with the one before it.
  virtual void roll_back() = 0;
  virtual void restart(RestartReason reason) = 0;

  // The clock of the bridge, from its welcome.
  virtual void set_clock(std::int64_t unix_ms) = 0;
  virtual std::uint32_t random() = 0;
  // One line for the serial console and the portal's page.
  virtual void log(std::string_view line) = 0;
};

struct SessionLimits {
  std::uint32_t wifi_retry_ms = 30000;
  std::uint32_t portal_after_ms = 300000;  // without network: somebody may have changed its password
  std::uint32_t portal_for_ms = 300000;    // then the network is tried again, if one is configured
  std::uint32_t discover_ms = 5000;
  std::uint32_t dial_ms = 20000;  // TCP, TLS and handshake over weak Wi-Fi; the library itself gives up after 5 to 15
  std::uint32_t welcome_ms = 10000;  // the bridge answers a hello at once
  std::uint32_t ping_ms = 15000;     // without a sign of life
  std::uint32_t silence_ms = 45000;  // then the link is dead; the bridge itself waits 60 s
  std::uint32_t telemetry_ms = 10000;
  std::uint32_t progress_ms = 500;
  std::uint32_t idle_after_ms = 5000;       // longer than two pictures at 0.5 a second
  std::uint32_t trial_ms = 300000;          // a new image must be welcomed within
  std::uint32_t update_silence_ms = 60000;  // no byte for so long: the update failed
  std::uint32_t restart_after_ms = 300;     // lets the ack leave
  std::uint8_t failures_to_recover = 3;     // captures in a row that brought nothing
  std::uint8_t recoveries_to_restart = 3;
};

class Session {
 public:
  // All three must outlive the session; `values` are those in force.
  Session(SessionPort& port, const Hello& hello, const Configuration& configuration, const Values& values,
          const SessionLimits& limits = SessionLimits());

  // Once, at the start. `image_on_trial`: this image runs for the first time and is not marked valid yet.
  void start(std::uint32_t now_ms, bool image_on_trial);
  // Often, ten times a second or so.
  void tick(std::uint32_t now_ms);

  void on_configured(std::uint32_t now_ms);  // the portal or the serial line changed the configuration
  void on_wifi_up(std::uint32_t now_ms);
  void on_wifi_down(std::uint32_t now_ms);
  void on_discovered(std::uint32_t now_ms, std::string_view host, std::uint16_t port, bool tls);
  void on_open(std::uint32_t now_ms);
  void on_text(std::uint32_t now_ms, std::string_view text);
  void on_heard(std::uint32_t now_ms);  // ping, pong or anything else that shows life
  void on_closed(std::uint32_t now_ms, std::uint16_t code, std::string_view reason);  // code 0: never opened, or lost

  void on_frame_sent(std::uint32_t now_ms);
  void on_camera_failed(std::uint32_t now_ms);  // a capture brought nothing
  void on_camera_works(std::uint32_t now_ms);   // a capture brought a picture
  void on_camera_recovered(std::uint32_t now_ms, bool works);

  void on_update_progress(std::uint32_t now_ms, std::uint32_t written_bytes);
  // The image is written and verified (empty error), or nothing changed.
  void on_update_ended(std::uint32_t now_ms, std::string_view error);

  [[nodiscard]] State state() const { return state_; }
  // Whether a picture may be sent now: when welcomed, and one before (the bridge shows it to who approves the camera).
  [[nodiscard]] bool wants_frame() const;
  [[nodiscard]] bool welcomed() const { return welcomed_; }
  [[nodiscard]] bool updating() const { return updating_; }
  [[nodiscard]] const Values& values() const { return values_; }
  [[nodiscard]] std::uint32_t reconnects() const { return reconnects_; }  // links after the first
  // The last reason that a link ended or did not begin: for the portal's page.
  [[nodiscard]] const Problem& last_problem() const { return last_problem_; }

 private:
  enum class Camera : std::uint8_t { kWorks, kRecovering };

  void enter(State state);
  void enter_provision(std::uint32_t now_ms);
  void enter_wifi(std::uint32_t now_ms);
  void enter_search(std::uint32_t now_ms);
  void enter_connect(std::uint32_t now_ms);
  void enter_backoff(std::uint32_t now_ms, bool refused);
  void settle();
  void lose(std::uint32_t now_ms, std::string_view why, bool refused);
  void hang_up(std::uint32_t now_ms, std::uint16_t code, std::string_view why);
  [[nodiscard]] bool linked() const;
  [[nodiscard]] bool online() const;

  void tick_waiting(std::uint32_t now_ms);
  void tick_linked(std::uint32_t now_ms);
  void tick_board(std::uint32_t now_ms);

  void obey(std::uint32_t now_ms, const Message& message);
  void obey_welcome(std::uint32_t now_ms, const Message& message);
  void obey_set(const Message& message);
  void obey_restart(std::uint32_t now_ms, const Message& message);
  void obey_update(std::uint32_t now_ms, const Message& message);
  void apply(const ValuesChange& change, Problem& problem);
  void restart_soon(std::uint32_t now_ms, RestartReason reason);
  void recover_camera(std::uint32_t now_ms);
  void send(std::string_view text);
  void send_ack(const Message& message, std::string_view error);
  void send_state();
  void log(std::string_view what, std::string_view detail = {});

  SessionPort& port_;
  const Hello& hello_;
  const Configuration& configuration_;
  SessionLimits limits_;
  Values values_;
  Backoff backoff_;
  Endpoint found_;

  State state_ = State::kBoot;
  Camera camera_ = Camera::kWorks;
  bool wifi_up_ = false;
  bool welcomed_ = false;
  bool sample_sent_ = false;  // the one picture before welcome
  bool on_trial_ = false;
  bool updating_ = false;
  bool restarting_ = false;
  RestartReason restart_reason_ = RestartReason::kCommand;
  std::uint8_t failures_ = 0;
  std::uint8_t recoveries_ = 0;
  std::uint32_t links_ = 0;
  std::uint32_t reconnects_ = 0;
  std::int64_t update_id_ = 0;
  bool update_has_id_ = false;
  std::uint32_t update_size_ = 0;
  std::uint32_t update_written_ = 0;
  std::uint32_t update_told_ = 0;

  Deadline step_;        // the present state must be left by then
  Deadline no_network_;  // then the portal opens
  Deadline ping_;
  Deadline silence_;
  Deadline telemetry_;
  Deadline progress_;
  Deadline idle_;
  Deadline trial_;
  Deadline update_silence_;
  Deadline restart_;

  Problem last_problem_;
  Message message_;  // here, because it is too big for a small stack
  char buffer_[kMaxSentBytes] = {};
};

}  // namespace camlink
