// The WebSocket to the bridge, on Links2004's client. The network task alone owns it.
//
// Two things are done here and not left to the library. It dials by itself, and with TLS but without a certificate it
// trusts everybody, with a handshake that may take 120 s: this dials itself. And it does not tell why the other side
// closed: this keeps the last bytes that were read, which are the close frame's.
#pragma once

#include <WebSocketsClient.h>
#include <camlink.h>

#include "read_tail.h"

namespace espcam {

// Who hears what the link does. Called from poll() only.
class LinkListener {
 public:
  virtual ~LinkListener() = default;
  virtual void on_link_open() = 0;
  virtual void on_link_text(std::string_view text) = 0;
  virtual void on_link_alive() = 0;  // ping or pong
  virtual void on_link_closed(std::uint16_t code, std::string_view reason) = 0;
};

class LinkClient : private WebSocketsClient {
 public:
  LinkClient(LinkListener& listener, const camlink::Configuration& configuration);

  // Dials at the next poll(); ends what is open.
  void dial(const camlink::Endpoint& endpoint, std::string_view bearer);
  // Ends the link at the next poll(), without a word to the listener.
  void close(std::uint16_t code);
  // Does all the work; may block up to 15 s while it dials.
  void poll();

  bool send_text(std::string_view text);
  void ping();
  // A picture with its header as one binary message, without copying it. False: the link is broken and will be ended.
  bool send_picture(const std::uint8_t (&header)[camlink::kFrameHeaderBytes], std::uint8_t* jpeg, std::size_t size);

 private:
  void connect();
  bool open_socket();
  void hang_up();
  void on_event(WStype_t type, const std::uint8_t* payload, std::size_t size);
  void keep_close_reason();
  void fail(std::string_view why);

  LinkListener& listener_;
  const camlink::Configuration& configuration_;
  ReadTail tail_;

  camlink::Endpoint endpoint_;
  camlink::FixedText<160> authorization_;  // "Authorization: Bearer " and 128 bytes
  bool dial_wanted_ = false;
  bool close_wanted_ = false;
  std::uint16_t close_code_ = 0;
  bool in_use_ = false;  // dialled, and nobody was told that it ended
  bool ended_ = false;   // ended, and the listener is to be told
  std::uint16_t ended_code_ = 0;
  camlink::FixedText<123> ended_reason_;
};

}  // namespace espcam
