#include "camera.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "digest.h"
#include "random.h"
#include "report.h"

namespace host {

namespace {

constexpr std::uint32_t kTickMs = 10;
// Longer than the longest wait before dialling (60 s) and the longest dialling (20 s) together.
constexpr std::int64_t kStuckMs = 120'000;
constexpr std::uint32_t kSettleMs = 1'000;  // pictures flow for so long before a run ends well
constexpr std::uint32_t kEarlyResets = 20;

// As `espcam-bridge simulate` makes it up. 02: an address that no maker owns.
std::string mac_of(const std::string& camera_id) {
  const auto digest = sha1(camera_id);
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "02:%02x:%02x:%02x:%02x:%02x", digest[0], digest[1], digest[2], digest[3],
                digest[4]);
  return text.data();
}

std::uint32_t free_memory_bytes() {
  const double bytes = static_cast<double>(sysconf(_SC_AVPHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  return static_cast<std::uint32_t>(std::min(bytes, 4e9));
}

}  // namespace

Camera::Camera(const Options& options, Pictures pictures, FileStore& store, const std::string& reset_reason)
    : options_(options),
      store_(store),
      slots_(options.state),
      image_(slots_.boot(options.board)),
      pictures_(std::move(pictures)),
      session_((configure(), introduce(reset_reason), static_cast<camlink::SessionPort&>(*this)), hello_,
               configuration_, values_),
      storm_(options.disconnect_every_ms, options.runs),
      pacer_(std::min(options.fps, values_.max_fps)) {}

// What the board keeps, and what the command line says instead of the portal.
void Camera::configure() {
  camlink::load(store_, configuration_);
  camlink::load_values(store_, values_);
  configuration_.ssid.assign("this machine's own");
  configuration_.host.assign(options_.url.host);
  configuration_.port = options_.url.port;
  configuration_.camera_id.assign(options_.camera_id);
  configuration_.token.assign(options_.token);
  if (configuration_.key.empty()) {
    std::array<std::uint8_t, 16> random{};
    fill_random(random.data(), random.size());
    configuration_.key = camlink::make_camera_key(random);
  }
  if (!camlink::save(store_, configuration_)) {
    log("the settings could not be kept: is there room in the state folder?");
  }
}

void Camera::introduce(const std::string& reset_reason) {
  version_ = image_.version.empty() ? options_.version : image_.version;
  firmware_ = "camlink-host/" + version_;
  mac_ = mac_of(options_.camera_id);
  reset_reason_ = reset_reason;
  hello_.firmware = firmware_;
  hello_.version = version_;
  hello_.board = options_.board;
  hello_.chip = "host";
  hello_.mac = mac_;
  hello_.sensor = "files";
  hello_.reset_reason = reset_reason_;
}

Outcome Camera::run(const volatile std::sig_atomic_t& stopped) {
  began_ms_ = clock_ms();
  Report("boot")
      .add("camera_id", options_.camera_id)
      .add("version", version_)
      .add("board", options_.board)
      .add("reset_reason", reset_reason_)
      .add("on_trial", image_.on_trial)
      .add("rolled_back", image_.rolled_back);
  session_.start(began_ms_, image_.on_trial);
  Outcome outcome = Outcome::kStopped;
  while (stopped == 0 && !ended(outcome)) {
    step();
    wait();
  }
  if (outcome != Outcome::kRestart) {
    link_.close(camlink::kCloseGoingAway, "the camera is being switched off");
  }
  tell_end();
  return outcome;
}

bool Camera::ended(Outcome& outcome) {
  const std::uint32_t now_ms = clock_ms();
  if (restart_reason_ != nullptr) {
    outcome = Outcome::kRestart;
    return true;
  }
  if (!storm_.over()) {
    over_ms_ = now_ms;
  }
  if (storm_.over() && !storm_.flowing()) {
    over_ms_ = now_ms;
    outcome = Outcome::kStuck;
    return storm_.since_loss_ms(now_ms) > kStuckMs;
  }
  outcome = storm_.over() ? Outcome::kDone : Outcome::kStopped;
  return storm_.over() && now_ms - over_ms_ > kSettleMs;
}

void Camera::tell_end() {
  const Holdings held = holdings();
  camlink::Telemetry telemetry;
  read_telemetry(telemetry);
  Report("end")
      .add("resets", std::int64_t{storm_.resets()})
      .add("state", camlink::name(session_.state()))
      .add("frames_sent", std::int64_t{telemetry.frames_sent})
      .add("frames_dropped", std::int64_t{dropped_})
      .add("rss_early_bytes", early_.rss_bytes)
      .add("rss_bytes", held.rss_bytes)
      .add("open_files_early", early_.open_files)
      .add("open_files", held.open_files);
}

void Camera::wait() const {
  std::array<pollfd, 2> watched{link_.interest(), fetch_.interest()};
  const bool captures = session_.wants_frame();
  const std::uint32_t patience_ms = captures ? std::min(kTickMs, pacer_.wait_ms(clock_ms())) : kTickMs;
  poll(watched.data(), watched.size(), static_cast<int>(patience_ms));
}

void Camera::step() {
  if (joined_) {
    joined_ = false;
    session_.on_wifi_up(clock_ms());
  }
  if (recovered_) {
    recovered_ = false;
    session_.on_camera_recovered(clock_ms(), true);
  }
  if (link_.is_up() && storm_.breaks(clock_ms())) {
    break_link();
  }
  if (link_.step()) {
    session_.on_heard(clock_ms());
  }
  hear();
  carry_on_update();
  watch_picture(clock_ms());
  take_picture(clock_ms());
  send_picture();
  session_.tick(clock_ms());
}

void Camera::break_link() {
  Report("reset")
      .add("stage", session_.welcomed() ? "welcomed" : link_.stage())
      .add("picture_under_way", under_way_)
      .add("after_ms", std::int64_t{clock_ms() - dialled_ms_});
  link_.reset();
  if (storm_.resets() == kEarlyResets) {
    early_ = holdings();
  }
}

void Camera::hear() {
  WebSocketEvent event;
  while (link_.next(event)) {
    switch (event.kind) {
      case WebSocketEvent::Kind::kOpen:
        Report("connected").add("took_ms", std::int64_t{clock_ms() - dialled_ms_});
        session_.on_open(clock_ms());
        break;
      case WebSocketEvent::Kind::kText:
        session_.on_text(clock_ms(), event.text);
        break;
      case WebSocketEvent::Kind::kClosed: {
        const int code = event.code == WebSocketClient::kLost ? 0 : event.code;
        lost(static_cast<std::uint32_t>(code), event.text);
        session_.on_closed(clock_ms(), static_cast<std::uint16_t>(code), event.text);
        break;
      }
    }
    if (session_.welcomed() && !welcomed_) {
      welcomed_ = true;
      Report("welcome").add("took_ms", std::int64_t{clock_ms() - dialled_ms_});
    }
  }
}

// Before the session is told, which may dial again at once.
void Camera::lost(std::uint32_t code, std::string_view why) {
  Report("closed").add("code", std::int64_t{code}).add("reason", why).add("welcomed", welcomed_);
  if (under_way_) {
    meter_.failed();
  }
  welcomed_ = false;
  under_way_ = false;
  waiting_ = nullptr;
  storm_.lost(clock_ms());
}

// The camera task's part: a picture whenever one is due, whether or not the last one could be sent.
void Camera::take_picture(std::uint32_t now_ms) {
  if (!session_.wants_frame() || !pacer_.take(now_ms)) {
    return;
  }
  if (waiting_ != nullptr) {
    ++dropped_;
  }
  waiting_ = &pictures_.next(values_.framesize);
  captured_unix_us_ = static_cast<std::uint64_t>(unix_us() + clock_offset_us_);
  session_.on_camera_works(now_ms);
}

void Camera::send_picture() {
  if (waiting_ == nullptr || under_way_ || !session_.wants_frame()) {
    return;
  }
  std::uint8_t head[camlink::kFrameHeaderBytes];
  camlink::encode_frame_header({sequence_++, captured_unix_us_, 0}, head);
  under_way_ = link_.send_picture(head, sizeof head, waiting_->jpeg.data(), waiting_->jpeg.size());
  if (!under_way_) {
    meter_.failed();
  }
  waiting_ = nullptr;
  handed_over_ms_ = clock_ms();
  link_.step();
  watch_picture(clock_ms());
}

// A picture counts when the network took its last byte.
void Camera::watch_picture(std::uint32_t now_ms) {
  if (!under_way_ || !link_.is_up() || !link_.picture_sent()) {
    return;
  }
  under_way_ = false;
  meter_.sent(now_ms - handed_over_ms_);
  if (session_.welcomed() && storm_.picture()) {
    Report("first_frame")
        .add("took_ms", std::int64_t{now_ms - dialled_ms_})
        .add("back_ms", storm_.since_loss_ms(now_ms))
        .add("outage_ms", storm_.since_flow_ms(now_ms));
  }
  session_.on_frame_sent(now_ms);
}

void Camera::carry_on_update() {
  if (fetch_.step()) {
    session_.on_update_progress(clock_ms(), fetch_.written_bytes());
  }
  std::string error;
  if (!fetch_.take_end(error)) {
    return;
  }
  if (error.empty() && !slots_.install()) {
    error = "the image could not be put in place: is there room in the state folder?";
  }
  Report("update_ended").add("written_bytes", std::int64_t{fetch_.written_bytes()}).add("error", error);
  session_.on_update_ended(clock_ms(), error);
}

void Camera::open_portal() { log("it wants the portal, which this camera does not have"); }

void Camera::dial(const camlink::Endpoint& endpoint, std::string_view bearer) {
  dialled_ms_ = clock_ms();
  storm_.dialled(dialled_ms_);
  link_.dial(std::string(endpoint.host.view()), endpoint.port, std::string(endpoint.path.view()), std::string(bearer));
}

void Camera::close(std::uint16_t code, std::string_view reason) {
  if (link_.is_up()) {
    link_.close(code, reason);
    lost(code, "by this camera: " + std::string(reason));
  }
}

bool Camera::apply(const camlink::ValuesChange& change, camlink::Problem& /*problem*/) {
  change.apply_to(values_);
  pacer_.set_max_fps(std::min(options_.fps, values_.max_fps));
  if (!camlink::save_values(store_, values_)) {
    log("the picture settings could not be kept: is there room in the state folder?");
  }
  Report("state")
      .add("framesize", camlink::facts(values_.framesize).name)
      .add("quality", std::int64_t{values_.quality})
      .add("max_fps", double{values_.max_fps})
      .add("flash", std::int64_t{values_.flash});
  return true;
}

void Camera::read_telemetry(camlink::Telemetry& out) {
  const std::uint32_t now_ms = clock_ms();
  meter_.report(now_ms, out);
  out.rssi_dbm = std::numeric_limits<float>::quiet_NaN();
  out.temperature_c = std::numeric_limits<float>::quiet_NaN();
  out.heap_free_bytes = free_memory_bytes();
  out.heap_min_bytes = out.heap_free_bytes;
  out.uptime_s = (now_ms - began_ms_) / 1000;
  out.frames_dropped = dropped_;
  out.reconnects = session_.reconnects();
}

void Camera::begin_update(const camlink::UpdateOrder& order) {
  Report("update")
      .add("url", order.url.view())
      .add("version", order.version.view())
      .add("size", std::int64_t{order.size_bytes});
  fetch_.begin(order, options_.board, slots_.fresh_path());
}

void Camera::mark_image_valid() {
  slots_.mark_valid();
  Report("image_valid").add("version", version_);
}

void Camera::roll_back() {
  slots_.roll_back();
  restart_reason_ = "rollback";
}

void Camera::restart(camlink::RestartReason reason) { restart_reason_ = camlink::name(reason); }

void Camera::set_clock(std::int64_t unix_ms) { clock_offset_us_ = unix_ms * 1000 - unix_us(); }

std::uint32_t Camera::random() { return random_u32(); }

void Camera::log(std::string_view line) { Report("log").add("line", line); }

}  // namespace host
