// The camera's WebSocket over a socket: what the session dials, speaks through and loses.
#pragma once

#include <poll.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "socket.h"
#include "websocket.h"

namespace host {

// At most one link at a time. Nothing here waits; `step` carries on what poll(2) says can be carried on.
class Link {
 public:
  // Begins a link, in place of one that may be there.
  void dial(const std::string& host, std::uint16_t port, const std::string& path, const std::string& bearer);

  // What poll should watch; `fd` is -1 without a link.
  [[nodiscard]] pollfd interest() const;
  // Reads and writes what there is. Returns whether anything was heard from the bridge.
  bool step();
  // The next thing that happened; false when nothing did.
  bool next(WebSocketEvent& event);

  bool send_text(std::string_view text);
  // A picture behind its header; false when the link is not open, or pictures wait already.
  bool send_picture(const std::uint8_t* head, std::size_t head_bytes, const std::uint8_t* jpeg, std::size_t jpeg_bytes);
  // Whether the network took all of the last picture.
  [[nodiscard]] bool picture_sent() const;
  void ping();

  // Says goodbye as far as the socket takes it at once, and hangs up. No event follows.
  void close(int code, std::string_view reason);
  // Breaks the connection by a TCP reset, wherever it stands, and tells `kClosed` with no code.
  void reset();

  [[nodiscard]] bool is_up() const { return socket_.is_open(); }
  // For reports: "connecting", "handshake" or "open".
  [[nodiscard]] const char* stage() const;

 private:
  bool read_all();
  void write_all();
  void end(const std::string& why);

  TcpSocket socket_;
  WebSocketClient client_{"", "", ""};
  std::uint64_t picture_end_ = 0;  // of the bytes queued on this link
  bool failed_ = false;            // before there was a connection
  std::string failure_;
};

}  // namespace host
