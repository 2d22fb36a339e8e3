#include "link_client.h"

#include <WiFi.h>

#include <climits>
#include <cstring>
#include <new>

#include "trust.h"
#include "watchdog.h"

namespace espcam {
namespace {

constexpr std::int32_t kConnectMs = 5000;

// A socket that remembers the end of what it read.
template <typename Socket>
class RememberingSocket : public Socket {
 public:
  explicit RememberingSocket(ReadTail& tail) : tail_(tail) {}

  using Socket::read;
  int read(std::uint8_t* buffer, std::size_t size) override {
    const int got = Socket::read(buffer, size);
    if (got > 0) {
      tail_.add(buffer, static_cast<std::size_t>(got));
    }
    return got;
  }

 private:
  ReadTail& tail_;
};

}  // namespace

LinkClient::LinkClient(LinkListener& listener, const camlink::Configuration& configuration)
    : listener_(listener), configuration_(configuration) {
  setReconnectInterval(ULONG_MAX);  // it never dials by itself
  onEvent([this](WStype_t type, std::uint8_t* payload, std::size_t size) { on_event(type, payload, size); });
}

void LinkClient::dial(const camlink::Endpoint& endpoint, std::string_view bearer) {
  endpoint_ = endpoint;
  authorization_.assign("Authorization: Bearer ");
  authorization_.append(bearer);
  dial_wanted_ = true;
}

void LinkClient::close(std::uint16_t code) {
  close_wanted_ = true;
  close_code_ = code;
  dial_wanted_ = false;
}

void LinkClient::poll() {
  if (close_wanted_) {
    hang_up();
  }
  if (dial_wanted_) {
    dial_wanted_ = false;
    hang_up();
    connect();
  }
  if (in_use_ && !ended_) {
    loop();
  }
  if (ended_ && !close_wanted_) {
    ended_ = false;
    in_use_ = false;
    listener_.on_link_closed(ended_code_, ended_reason_.view());
  }
}

void LinkClient::connect() {
  in_use_ = true;
  ended_ = false;
  ended_code_ = 0;
  ended_reason_.clear();
  tail_.clear();
  _client.cWsHeaderDecode = {};
  setExtraHeaders(authorization_.c_str());  // takes the place of the library's "Origin: file://"
  begin(endpoint_.host.c_str(), endpoint_.port, endpoint_.path.c_str(), "");
  // Looked up first, so that the watchdog is fed between that and the connection; lwIP remembers the answer.
  IPAddress address;
  if (!WiFi.hostByName(endpoint_.host.c_str(), address)) {
    fail("the bridge's name is not known: mend host, or the network's DNS");
    return;
  }
  feed_watchdog();
  if (!open_socket()) {
    fail(endpoint_.tls ? "no TLS connection: is it the bridge's port, and the right certificate?"
                       : "no connection: does the bridge run, and is it its port?");
    return;
  }
  feed_watchdog();
  connectedCb();  // sends the handshake
}

bool LinkClient::open_socket() {
  if (endpoint_.tls) {
    auto* socket = new (std::nothrow) RememberingSocket<NetworkClientSecure>(tail_);
    if (socket == nullptr) {
      return false;
    }
    set_trust(*socket, configuration_);
    _client.isSSL = true;
    _client.ssl = socket;
    _client.tcp = socket;
  } else {
    _client.tcp = new (std::nothrow) RememberingSocket<NetworkClient>(tail_);
    if (_client.tcp == nullptr) {
      return false;
    }
  }
  return _client.tcp->connect(endpoint_.host.c_str(), endpoint_.port, kConnectMs) != 0;
}

void LinkClient::fail(std::string_view why) {
  WebSocketsClient::clientDisconnect(&_client, "");  // frees the socket
  ended_ = true;
  ended_code_ = 0;
  ended_reason_.assign(why);
}

void LinkClient::hang_up() {
  const std::uint16_t code = close_wanted_ ? close_code_ : static_cast<std::uint16_t>(camlink::kCloseNormal);
  close_wanted_ = false;
  if (in_use_) {
    WebSockets::clientDisconnect(&_client, code);
  }
  in_use_ = false;
  ended_ = false;
}

void LinkClient::on_event(WStype_t type, const std::uint8_t* payload, std::size_t size) {
  switch (type) {
    case WStype_CONNECTED:
      listener_.on_link_open();
      break;
    case WStype_TEXT:
      if (!close_wanted_) {
        listener_.on_link_text({reinterpret_cast<const char*>(payload), size});
      }
      break;
    case WStype_PING:
    case WStype_PONG:
      listener_.on_link_alive();
      break;
    case WStype_DISCONNECTED:
      if (!ended_) {
        ended_ = true;
        keep_close_reason();
      }
      break;
    default:  // the bridge sends no binary messages and no fragments
      break;
  }
}

void LinkClient::keep_close_reason() {
  const std::size_t size = _client.cWsHeaderDecode.payloadLen;
  if (_client.cWsHeaderDecode.opCode != WSop_close || size < 2) {
    return;
  }
  const std::string_view payload = tail_.last(size);
  if (payload.size() == size) {
    ended_code_ = static_cast<std::uint16_t>((static_cast<std::uint8_t>(payload[0]) << 8U) |
                                             static_cast<std::uint8_t>(payload[1]));
    ended_reason_.assign(payload.substr(2));
  }
}

bool LinkClient::send_text(std::string_view text) {
  if (!in_use_ || ended_ || close_wanted_ || text.empty()) {
    return false;
  }
  return sendTXT(text.data(), text.size());
}

void LinkClient::ping() {
  if (in_use_ && !ended_ && !close_wanted_) {
    sendPing();
  }
}

bool LinkClient::send_picture(const std::uint8_t (&header)[camlink::kFrameHeaderBytes], std::uint8_t* jpeg,
                              std::size_t size) {
  if (!in_use_ || ended_ || close_wanted_ || !clientIsConnected(&_client) || _client.status != WSC_CONNECTED) {
    return false;
  }
  // A key of zeros leaves the payload as it is: the picture need not be copied. The library does so as well for what
  // is longer than a packet.
  std::uint8_t key[4] = {};
  std::uint8_t head[WEBSOCKETS_MAX_HEADER_SIZE + camlink::kFrameHeaderBytes];
  const std::size_t head_size = createHeader(head, WSop_binary, camlink::kFrameHeaderBytes + size, true, key, true);
  std::memcpy(head + head_size, header, camlink::kFrameHeaderBytes);
  const std::size_t first = head_size + camlink::kFrameHeaderBytes;
  bool sent = write(&_client, head, first) == first;
  feed_watchdog();
  sent = sent && write(&_client, jpeg, size) == size;
  if (!sent && !ended_) {
    fail("a picture was cut short: the network is too slow");  // what follows would be read as the rest of it
  }
  return sent;
}

}  // namespace espcam
