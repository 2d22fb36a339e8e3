// Anything from the network, in any order, with any pause: the session must stay whole, answer each command exactly
// once, never set what is out of range, and stream again as soon as the world lets it.
#include <camlink.h>

#include <cstdlib>
#include <string>

#include "board.h"

using namespace camlink;
using camlink_tests::Board;

namespace {

void must(bool holds) {
  if (!holds) {
    std::abort();
  }
}

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  [[nodiscard]] bool done() const { return at_ >= size_; }
  std::uint8_t next() { return done() ? std::uint8_t{0} : data_[at_++]; }
  std::string_view text(std::size_t length) {
    const std::size_t taken = length < size_ - at_ ? length : size_ - at_;
    const std::string_view out(reinterpret_cast<const char*>(data_) + at_, taken);
    at_ += taken;
    return out;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

void hear(Session& session, Board& board, std::uint32_t now_ms, std::string_view text) {
  Message message;
  decode(text, Framesize::kUxga, kCanAll, message);
  const bool linked = session.state() == State::kHello || session.state() == State::kStream ||
                      session.state() == State::kIdle || session.state() == State::kCamRecover ||
                      session.state() == State::kOta;
  const bool command = message.kind != MessageKind::kNone && message.kind != MessageKind::kWelcome;
  const int acks = board.count("\"ack\"");
  const int updates = board.updates;
  session.on_text(now_ms, text);
  const int answers = board.count("\"ack\"") - acks + board.updates - updates;  // an update is answered at its end
  must(answers == (linked && command && (message.has_id || board.updates > updates) ? 1 : 0));
  must(session.values().quality >= 4 && session.values().quality <= 63);
  must(session.values().max_fps >= 0.5F && session.values().max_fps <= 60.0F);
  must(session.values().framesize <= Framesize::kUxga);
}

void one_event(Bytes& bytes, Session& session, Board& board, std::uint32_t& now_ms) {
  switch (bytes.next() % 14) {
    case 0:
      now_ms += bytes.next() * 300U;
      session.tick(now_ms);
      break;
    case 1:
      session.on_wifi_up(now_ms);
      break;
    case 2:
      session.on_wifi_down(now_ms);
      break;
    case 3:
      session.on_open(now_ms);
      break;
    case 4:
      session.on_closed(now_ms, static_cast<std::uint16_t>(4395 + bytes.next() % 20), bytes.text(bytes.next() % 16U));
      break;
    case 5:
      session.on_closed(now_ms, 0, "");
      break;
    case 6:
      session.on_camera_failed(now_ms);
      break;
    case 7:
      session.on_camera_recovered(now_ms, bytes.next() % 2 == 0);
      break;
    case 8:
      session.on_frame_sent(now_ms);
      break;
    case 9:
      session.on_update_progress(now_ms, bytes.next());
      break;
    case 10:
      session.on_update_ended(now_ms, bytes.text(bytes.next() % 8U));
      break;
    case 11:
      session.on_configured(now_ms);
      break;
    case 12:
      hear(session, board, now_ms, R"({"type":"welcome","values":{"quality":20}})");
      break;
    default:
      hear(session, board, now_ms, bytes.text(bytes.next() * 4U));
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  Board board;
  const Hello hello = camlink_tests::some_hello();
  const Configuration configuration = camlink_tests::some_configuration();
  Session session(board, hello, configuration, Values());
  std::uint32_t now_ms = 0xFFFF0000U + bytes.next() * 256U;
  board.next_random = bytes.next() * 0x01010101U;
  session.start(now_ms, bytes.next() % 2 == 0);
  while (!bytes.done()) {
    one_event(bytes, session, board, now_ms);
  }
  // Now the world is good again. What was under way ends: an update, a camera that is being mended, a restart.
  session.on_update_ended(now_ms, "the fuzzer ends it");
  for (int round = 0; round < 4 && session.state() == State::kCamRecover; ++round) {
    session.on_camera_recovered(now_ms, true);
  }
  session.on_wifi_up(now_ms);
  for (int step = 0; step < 4000 && !session.welcomed() && board.restarts + board.rolled_back == 0; ++step) {
    now_ms += 100;
    session.tick(now_ms);
    if (session.state() == State::kConnect) {
      session.on_open(now_ms);
      session.on_text(now_ms, R"({"type":"welcome"})");
    }
  }
  must(session.welcomed() || board.restarts + board.rolled_back > 0);
  must(board.rolled_back <= 1);
  return 0;
}
