// A WebSocket client (RFC 6455) as a machine: bytes in, events and bytes out, no sockets and no clock.
//
// What waits to be sent and what is being received is bounded: nothing that a server sends makes it grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace host {

// What happened on the link.
struct WebSocketEvent {
  enum class Kind {
    kOpen,    // the server agreed to the handshake
    kText,    // a whole text came: `text`
    kClosed,  // it is over: `code` and `text` as the server, or our own finding, gave them
  };
  Kind kind = Kind::kClosed;
  int code = 0;
  std::string text;
};

// One link, from the request to the close. It is of no more use after `kClosed`.
class WebSocketClient {
 public:
  static constexpr std::size_t kMaxTextBytes = 16'384;      // the longest message that is taken
  static constexpr std::size_t kMaxWaitingBytes = 1 << 21;  // the most that waits for the network: one picture
  static constexpr int kNoCode = 1005;                      // the close frame had none
  static constexpr int kLost = 1006;                        // the connection ended without a close frame

  // Begins the handshake. `authority` and `path` as in `Url`; an empty `bearer` shows no token.
  WebSocketClient(const std::string& authority, const std::string& path, const std::string& bearer);

  // Take what came from the network.
  void receive(const std::uint8_t* bytes, std::size_t count);

  // The network is gone; tells `kClosed` unless a close was heard.
  void lost(const std::string& why);

  // The next event, oldest first; false when there is none.
  bool next(WebSocketEvent& event);

  // Queue a text; false when the link is not open or too much waits already.
  bool send_text(std::string_view text);

  // Queue one binary message of two parts; false when the link is not open or too much waits already.
  bool send_binary(const std::uint8_t* head, std::size_t head_bytes, const std::uint8_t* body, std::size_t body_bytes);

  // Queue a ping; the answer shows that the link lives.
  void send_ping();

  // Say goodbye; nothing but the answer is awaited then.
  void close(int code, std::string_view reason);

  // What the network should take next; `sent` tells how much it took.
  const std::uint8_t* waiting() const { return out_.data() + out_begin_; }
  std::size_t waiting_bytes() const { return out_.size() - out_begin_; }
  void sent(std::size_t count);
  // All bytes of this link, from the request on: queued ever, and taken by the network.
  [[nodiscard]] std::uint64_t queued_total() const { return sent_total_ + waiting_bytes(); }
  [[nodiscard]] std::uint64_t sent_total() const { return sent_total_; }

  bool is_open() const { return state_ == State::kOpen; }
  // Whether a close was said and heard (or the rules were broken): hang up once nothing waits any more.
  bool is_over() const { return state_ == State::kOver; }

 private:
  enum class State {
    kHandshake,  // the server's answer is awaited
    kOpen,
    kClosing,  // we said close and wait for the answer
    kOver,
  };
  struct Frame {
    bool final = false;
    unsigned opcode = 0;
    std::size_t header_bytes = 0;
    std::uint64_t body_bytes = 0;
  };

  void read_handshake();
  bool read_frame();
  bool parse_header(Frame& frame);
  void take_data(const Frame& frame, const std::uint8_t* body);
  void take_control(const Frame& frame, const std::uint8_t* body);
  void take_close(const std::uint8_t* body, std::size_t count);
  bool queue(unsigned opcode, const std::uint8_t* head, std::size_t head_bytes, const std::uint8_t* body,
             std::size_t body_bytes);
  void queue_close(int code, std::string_view reason);
  void fail(int code, const std::string& why);
  void finish(int code, const std::string& reason);

  State state_ = State::kHandshake;
  std::string accept_;
  std::vector<std::uint8_t> in_;
  std::vector<std::uint8_t> out_;
  std::size_t out_begin_ = 0;
  std::uint64_t sent_total_ = 0;
  std::string message_;
  bool in_message_ = false;
  std::deque<WebSocketEvent> events_;
};

// Whether the bytes are UTF-8 as RFC 3629 has it: no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

}  // namespace host
