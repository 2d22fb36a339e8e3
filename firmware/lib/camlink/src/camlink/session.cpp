#include "camlink/session.h"

#include <limits>

namespace camlink {
namespace {

// Joins words for a log line or a problem; what does not fit is cut.
template <std::size_t kCapacity, typename... Words>
void put(FixedText<kCapacity>& out, Words... words) {
  out.clear();
  (out.append(std::string_view(words)), ...);
}

}  // namespace

const char* name(State state) {
  switch (state) {
    case State::kBoot:
      return "boot";
    case State::kProvision:
      return "provision";
    case State::kWifi:
      return "wifi";
    case State::kDiscover:
      return "discover";
    case State::kConnect:
      return "connect";
    case State::kHello:
      return "hello";
    case State::kStream:
      return "stream";
    case State::kIdle:
      return "idle";
    case State::kBackoff:
      return "backoff";
    case State::kCamRecover:
      return "cam_recover";
    case State::kOta:
      return "ota";
  }
  return "unknown";
}

const char* name(RestartReason reason) {
  switch (reason) {
    case RestartReason::kCommand:
      return "command";
    case RestartReason::kUpdate:
      return "update";
    case RestartReason::kCamera:
      return "camera";
    case RestartReason::kTrial:
      return "trial";
  }
  return "unknown";
}

Session::Session(SessionPort& port, const Hello& hello, const Configuration& configuration, const Values& values,
                 const SessionLimits& limits)
    : port_(port), hello_(hello), configuration_(configuration), limits_(limits), values_(values) {}

// --- what happens -----------------------------------------------------------------------------------------------

void Session::start(std::uint32_t now_ms, bool image_on_trial) {
  if (state_ != State::kBoot) {
    return;
  }
  on_trial_ = image_on_trial;
  if (on_trial_) {
    trial_.arm(now_ms, limits_.trial_ms);
  }
  if (configuration_.has_network()) {
    enter_wifi(now_ms);
  } else {
    enter_provision(now_ms);
  }
}

void Session::tick(std::uint32_t now_ms) {
  if (linked()) {
    tick_linked(now_ms);
  } else {
    tick_waiting(now_ms);
  }
  tick_board(now_ms);
}

void Session::on_configured(std::uint32_t now_ms) {
  if (state_ == State::kBoot || !configuration_.has_network()) {
    return;
  }
  if (linked() || state_ == State::kConnect) {
    port_.close(kCloseGoingAway, "the camera was given other settings");
  }
  if (state_ == State::kProvision) {
    port_.close_portal();
  }
  wifi_up_ = false;
  backoff_.reset();
  no_network_.disarm();
  enter_wifi(now_ms);
}

void Session::on_wifi_up(std::uint32_t now_ms) {
  wifi_up_ = true;
  no_network_.disarm();
  if (state_ == State::kProvision) {
    // The network is back while the portal is open because it was away: pictures go before forms.
    port_.close_portal();
    enter_search(now_ms);
  } else if (state_ == State::kWifi) {
    enter_search(now_ms);
  }
}

void Session::on_wifi_down(std::uint32_t now_ms) {
  wifi_up_ = false;
  if (linked() || state_ == State::kConnect) {
    hang_up(now_ms, kCloseGoingAway, "the Wi-Fi is gone");
  } else if (state_ == State::kDiscover || state_ == State::kBackoff) {
    enter_wifi(now_ms);
  }
}

void Session::on_discovered(std::uint32_t now_ms, std::string_view host, std::uint16_t port, bool tls) {
  if (state_ != State::kDiscover || !found_.host.assign(host)) {
    return;
  }
  found_.port = port;
  found_.tls = tls;
  enter_connect(now_ms);
}

void Session::on_open(std::uint32_t now_ms) {
  if (state_ != State::kConnect) {
    return;
  }
  welcomed_ = false;
  sample_sent_ = false;
  enter(State::kHello);
  step_.arm(now_ms, limits_.welcome_ms);
  on_heard(now_ms);
  send(encode_hello(hello_, buffer_, sizeof buffer_));
}

void Session::on_text(std::uint32_t now_ms, std::string_view text) {
  if (!linked()) {
    return;
  }
  on_heard(now_ms);
  decode(text, hello_.largest, hello_.capabilities, message_);
  obey(now_ms, message_);
}

void Session::on_heard(std::uint32_t now_ms) {
  if (linked()) {
    silence_.arm(now_ms, limits_.silence_ms);
    ping_.arm(now_ms, limits_.ping_ms);
  }
}

void Session::on_closed(std::uint32_t now_ms, std::uint16_t code, std::string_view reason) {
  if (!linked() && state_ != State::kConnect) {
    return;
  }
  Problem why;
  if (code == 0) {
    why.append(linked() ? "the link broke" : "the bridge cannot be reached");
  } else {
    why.append_number(code);
  }
  if (!reason.empty()) {
    why.append(": ");
    why.append(reason);
  }
  lose(now_ms, why.view(), is_refusal(code));
}

void Session::on_frame_sent(std::uint32_t now_ms) {
  if (online()) {
    idle_.arm(now_ms, limits_.idle_after_ms);
    settle();
  } else if (state_ == State::kHello) {
    sample_sent_ = true;
  }
}

void Session::on_camera_failed(std::uint32_t now_ms) {
  if (camera_ == Camera::kRecovering || restarting_) {
    return;
  }
  if (++failures_ >= limits_.failures_to_recover) {
    recover_camera(now_ms);
  }
}

void Session::on_camera_works(std::uint32_t /*now_ms*/) {
  if (camera_ == Camera::kWorks) {
    failures_ = 0;
    recoveries_ = 0;
  }
}

void Session::on_camera_recovered(std::uint32_t now_ms, bool works) {
  if (camera_ != Camera::kRecovering) {
    return;
  }
  if (!works) {
    recover_camera(now_ms);
    return;
  }
  camera_ = Camera::kWorks;
  log("the camera was switched off and on, and starts");
  if (online()) {
    idle_.arm(now_ms, limits_.idle_after_ms);
    settle();
  }
}

void Session::on_update_progress(std::uint32_t now_ms, std::uint32_t written_bytes) {
  if (!updating_) {
    return;
  }
  update_written_ = written_bytes;
  update_silence_.arm(now_ms, limits_.update_silence_ms);
}

void Session::on_update_ended(std::uint32_t now_ms, std::string_view error) {
  if (!updating_) {
    return;
  }
  updating_ = false;
  update_silence_.disarm();
  progress_.disarm();
  log(error.empty() ? "the update is in place" : "the update failed", error);
  if (online()) {
    if (update_has_id_) {
      send(encode_ack(update_id_, error, buffer_, sizeof buffer_));
    }
    settle();
  }
  if (error.empty()) {
    restart_soon(now_ms, RestartReason::kUpdate);
  }
}

bool Session::wants_frame() const {
  if (restarting_ || camera_ == Camera::kRecovering) {
    return false;
  }
  return online() || (state_ == State::kHello && !sample_sent_);
}

// --- states -----------------------------------------------------------------------------------------------------

bool Session::linked() const {
  return state_ == State::kHello || state_ == State::kStream || state_ == State::kIdle ||
         state_ == State::kCamRecover || state_ == State::kOta;
}

bool Session::online() const { return linked() && welcomed_; }

void Session::enter(State state) {
  state_ = state;
  step_.disarm();
}

void Session::enter_provision(std::uint32_t now_ms) {
  enter(State::kProvision);
  no_network_.disarm();
  if (configuration_.has_network()) {
    step_.arm(now_ms, limits_.portal_for_ms);
  }
  port_.open_portal();
}

void Session::enter_wifi(std::uint32_t now_ms) {
  enter(State::kWifi);
  step_.arm(now_ms, limits_.wifi_retry_ms);
  if (!no_network_.armed()) {
    no_network_.arm(now_ms, limits_.portal_after_ms);
  }
  port_.join_wifi();
}

// Where the bridge is: as configured, or whatever mDNS says.
void Session::enter_search(std::uint32_t now_ms) {
  if (configuration_.host.empty()) {
    enter(State::kDiscover);
    step_.arm(now_ms, limits_.discover_ms);
    port_.discover();
    return;
  }
  found_.host = configuration_.host;
  found_.port = configuration_.port;
  found_.tls = configuration_.tls;
  enter_connect(now_ms);
}

void Session::enter_connect(std::uint32_t now_ms) {
  put(found_.path, "/ws/", configuration_.camera_id.view());
  enter(State::kConnect);
  step_.arm(now_ms, limits_.dial_ms);
  port_.dial(found_, configuration_.bearer());
}

void Session::enter_backoff(std::uint32_t now_ms, bool refused) {
  enter(State::kBackoff);
  const std::uint32_t random = port_.random();
  step_.arm(now_ms, refused ? backoff_.refused_ms(random) : backoff_.next_ms(random));
}

// Which of the states with a welcome it is.
void Session::settle() {
  const State state = updating_                        ? State::kOta
                      : camera_ == Camera::kRecovering ? State::kCamRecover
                      : idle_.armed()                  ? State::kStream
                                                       : State::kIdle;
  enter(state);
}

void Session::lose(std::uint32_t now_ms, std::string_view why, bool refused) {
  put(last_problem_, why);
  log("no link", why);
  welcomed_ = false;
  ping_.disarm();
  silence_.disarm();
  telemetry_.disarm();
  idle_.disarm();
  if (wifi_up_) {
    enter_backoff(now_ms, refused);
  } else {
    enter_wifi(now_ms);
  }
}

void Session::hang_up(std::uint32_t now_ms, std::uint16_t code, std::string_view why) {
  port_.close(code, why);
  lose(now_ms, why, false);
}

// --- time -------------------------------------------------------------------------------------------------------

void Session::tick_waiting(std::uint32_t now_ms) {
  if (state_ == State::kWifi && no_network_.take(now_ms)) {
    log("no Wi-Fi for long: the portal opens");
    enter_provision(now_ms);
    return;
  }
  if (!step_.take(now_ms)) {
    return;
  }
  switch (state_) {
    case State::kProvision:
      port_.close_portal();
      enter_wifi(now_ms);
      break;
    case State::kWifi:
      enter_wifi(now_ms);
      break;
    case State::kDiscover:
      lose(now_ms, "no bridge answers in this network: give the camera its address", false);
      break;
    case State::kConnect:
      hang_up(now_ms, kCloseGoingAway, "the bridge did not answer in time");
      break;
    case State::kBackoff:
      enter_search(now_ms);
      break;
    default:
      break;
  }
}

void Session::tick_linked(std::uint32_t now_ms) {
  if (silence_.due(now_ms)) {
    hang_up(now_ms, kCloseSilent, "nothing was heard from the bridge");
    return;
  }
  if (state_ == State::kHello && step_.due(now_ms)) {
    hang_up(now_ms, kCloseGoingAway, "the bridge did not say welcome: is it one?");
    return;
  }
  if (ping_.take(now_ms)) {
    ping_.arm(now_ms, limits_.ping_ms);
    port_.ping();
  }
  if (!online()) {
    return;
  }
  if (telemetry_.take(now_ms)) {
    telemetry_.arm(now_ms, limits_.telemetry_ms);
    Telemetry telemetry;
    port_.read_telemetry(telemetry);
    send(encode_telemetry(telemetry, buffer_, sizeof buffer_));
  }
  if (updating_ && progress_.due(now_ms) && update_written_ != update_told_) {
    progress_.arm(now_ms, limits_.progress_ms);
    update_told_ = update_written_;
    if (update_has_id_) {
      send(encode_progress(update_id_, update_written_, update_size_, buffer_, sizeof buffer_));
    }
  }
  if (idle_.take(now_ms)) {
    settle();
  }
}

void Session::tick_board(std::uint32_t now_ms) {
  if (update_silence_.take(now_ms)) {
    on_update_ended(now_ms, "no bytes came for a minute");
  }
  if (trial_.take(now_ms) && on_trial_) {
    on_trial_ = false;
    restarting_ = true;
    log("the new firmware does not reach the bridge: back to the one before");
    port_.roll_back();
    return;
  }
  if (restart_.take(now_ms)) {
    if (linked()) {
      port_.close(kCloseGoingAway, "the camera restarts");
    }
    port_.restart(restart_reason_);
  }
}

// --- what the bridge says ---------------------------------------------------------------------------------------

void Session::obey(std::uint32_t now_ms, const Message& message) {
  switch (message.kind) {
    case MessageKind::kWelcome:
      obey_welcome(now_ms, message);
      break;
    case MessageKind::kSet:
      obey_set(message);
      break;
    case MessageKind::kRestart:
      obey_restart(now_ms, message);
      break;
    case MessageKind::kUpdate:
      obey_update(now_ms, message);
      break;
    case MessageKind::kUnknown: {
      Problem problem;
      put(problem, "unknown command ", message.type.view());
      send_ack(message, problem.view());
      break;
    }
    case MessageKind::kNone:
      break;
  }
}

void Session::obey_welcome(std::uint32_t now_ms, const Message& message) {
  Problem problem = message.problem;
  apply(message.welcome.values, problem);
  if (!problem.empty()) {
    log("of the welcome", problem.view());
  }
  if (message.welcome.server_time_unix_ms > 0) {
    port_.set_clock(message.welcome.server_time_unix_ms);
  }
  if (state_ == State::kHello) {
    welcomed_ = true;
    reconnects_ = links_++;
    backoff_.reset();
    last_problem_.clear();
    telemetry_.arm(now_ms, 0);
    idle_.arm(now_ms, limits_.idle_after_ms);
    settle();
    log("welcome", message.welcome.camera_id.view());
  }
  if (on_trial_) {
    on_trial_ = false;
    trial_.disarm();
    port_.mark_image_valid();
  }
  send_state();
}

void Session::obey_set(const Message& message) {
  Problem problem = message.problem;
  apply(message.set, problem);
  send_ack(message, problem.view());
  send_state();
}

void Session::obey_restart(std::uint32_t now_ms, const Message& message) {
  send_ack(message, message.problem.view());
  if (message.problem.empty()) {
    restart_soon(now_ms, RestartReason::kCommand);
  }
}

void Session::obey_update(std::uint32_t now_ms, const Message& message) {
  if (!message.problem.empty()) {
    send_ack(message, message.problem.view());
    return;
  }
  if (updating_ || restarting_ || on_trial_ || !welcomed_) {
    send_ack(message, updating_ ? "another update is being fetched" : "not now: try again in a minute");
    return;
  }
  updating_ = true;
  update_has_id_ = message.has_id;
  update_id_ = message.id;
  update_size_ = message.update.size_bytes;
  update_written_ = 0;
  update_told_ = 0;
  update_silence_.arm(now_ms, limits_.update_silence_ms);
  progress_.arm(now_ms, limits_.progress_ms);
  log("fetching version", message.update.version.view());
  settle();
  port_.begin_update(message.update);
}

// Adds to `problem` what the driver refuses.
void Session::apply(const ValuesChange& change, Problem& problem) {
  if (change.empty()) {
    return;
  }
  Problem refusal;
  if (port_.apply(change, refusal)) {
    change.apply_to(values_);
    return;
  }
  if (!problem.empty()) {
    problem.append("; ");
  }
  problem.append(refusal.empty() ? "the camera refuses" : refusal.view());
}

void Session::restart_soon(std::uint32_t now_ms, RestartReason reason) {
  if (restarting_) {
    return;
  }
  restarting_ = true;
  restart_reason_ = reason;
  restart_.arm(now_ms, limits_.restart_after_ms);
  log("restarting", name(reason));
}

void Session::recover_camera(std::uint32_t now_ms) {
  failures_ = 0;
  if (recoveries_ >= limits_.recoveries_to_restart) {
    restart_soon(now_ms, RestartReason::kCamera);
    return;
  }
  ++recoveries_;
  camera_ = Camera::kRecovering;
  log("the camera brings no pictures: it is switched off and on");
  if (online()) {
    settle();
  }
  port_.power_cycle_camera();
}

void Session::send(std::string_view text) {
  // A link that takes nothing is about to be closed by its other events; there is nothing to do here but to say so.
  if (text.empty() || !port_.send_text(text)) {
    log("a message could not be sent");
  }
}

void Session::send_ack(const Message& message, std::string_view error) {
  if (message.has_id) {
    send(encode_ack(message.id, error, buffer_, sizeof buffer_));
  }
  if (!error.empty()) {
    log("refused", error);
  }
}

void Session::send_state() {
  constexpr float kRateNotMeasured = std::numeric_limits<float>::quiet_NaN();  // telemetry tells it
  send(encode_state(values_, hello_.capabilities, kRateNotMeasured, buffer_, sizeof buffer_));
}

void Session::log(std::string_view what, std::string_view detail) {
  Problem line;
  put(line, what, detail.empty() ? "" : ": ", detail);
  port_.log(line.view());
}

}  // namespace camlink
