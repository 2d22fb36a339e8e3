#include "websocket.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "digest.h"
#include "random.h"

namespace host {

namespace {

constexpr unsigned kContinuation = 0;
constexpr unsigned kText = 1;
constexpr unsigned kBinary = 2;
constexpr unsigned kClose = 8;
constexpr unsigned kPing = 9;
constexpr unsigned kPong = 10;
constexpr std::size_t kMaxControlBytes = 125;
constexpr std::size_t kMaxHandshakeBytes = 8'192;
constexpr std::size_t kMaxEvents = 64;  // a server that talks faster than we listen is cut off
constexpr int kProtocolError = 1002;
constexpr int kNotUtf8 = 1007;
constexpr int kTooBig = 1009;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// A header's value, without spaces around it; names in any case.
std::string header(const std::string& answer, const std::string& name) {
  const std::string all = lower(answer);
  const std::size_t at = all.find("\r\n" + name + ":");
  if (at == std::string::npos) {
    return "";
  }
  const std::size_t begin = answer.find_first_not_of(" \t", at + name.size() + 3);
  const std::size_t end = answer.find("\r\n", at + 2);
  return begin < end ? answer.substr(begin, answer.find_last_not_of(" \t", end - 1) + 1 - begin) : "";
}

bool may_be_received(int code) {
  // RFC 6455, section 7.4: 1004 to 1006 and 1015 are never sent.
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace

WebSocketClient::WebSocketClient(const std::string& authority, const std::string& path, const std::string& bearer) {
  std::array<std::uint8_t, 16> nonce{};
  fill_random(nonce.data(), nonce.size());
  const std::string key = base64(nonce.data(), nonce.size());
  const auto digest = sha1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  accept_ = base64(digest.data(), digest.size());
  std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + authority +
                        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: " +
                        key + "\r\n";
  if (!bearer.empty()) {
    request += "Authorization: Bearer " + bearer + "\r\n";
  }
  request += "\r\n";
  out_.assign(request.begin(), request.end());
}

void WebSocketClient::receive(const std::uint8_t* bytes, std::size_t count) {
  if (state_ == State::kOver) {
    return;
  }
  in_.insert(in_.end(), bytes, bytes + count);
  if (state_ == State::kHandshake) {
    read_handshake();
  }
  while ((state_ == State::kOpen || state_ == State::kClosing) && read_frame()) {
  }
}

void WebSocketClient::lost(const std::string& why) {
  out_.clear();
  out_begin_ = 0;
  if (state_ != State::kOver) {
    finish(kLost, why);
  }
}

bool WebSocketClient::next(WebSocketEvent& event) {
  if (events_.empty()) {
    return false;
  }
  event = std::move(events_.front());
  events_.pop_front();
  return true;
}

bool WebSocketClient::send_text(std::string_view text) {
  return state_ == State::kOpen &&
         queue(kText, nullptr, 0, reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

bool WebSocketClient::send_binary(const std::uint8_t* head, std::size_t head_bytes, const std::uint8_t* body,
                                  std::size_t body_bytes) {
  return state_ == State::kOpen && queue(kBinary, head, head_bytes, body, body_bytes);
}

void WebSocketClient::send_ping() {
  if (state_ == State::kOpen) {
    queue(kPing, nullptr, 0, nullptr, 0);
  }
}

void WebSocketClient::close(int code, std::string_view reason) {
  if (state_ == State::kOpen) {
    queue_close(code, reason);
    state_ = State::kClosing;
  }
}

void WebSocketClient::sent(std::size_t count) {
  out_begin_ += count;
  sent_total_ += count;
  if (out_begin_ == out_.size()) {
    out_.clear();
    out_begin_ = 0;
  }
}

void WebSocketClient::read_handshake() {
  const std::string answer(in_.begin(), in_.end());
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (answer.size() > kMaxHandshakeBytes) {
      finish(kLost, "the answer to the handshake does not end");
    }
    return;
  }
  const std::string head = answer.substr(0, end + 2);
  const std::string status = head.substr(0, head.find("\r\n"));
  if (status.rfind("HTTP/1.1 101", 0) != 0) {
    finish(kLost, "no WebSocket: " + status);
  } else if (lower(header(head, "upgrade")) != "websocket" ||
             lower(header(head, "connection")).find("upgrade") == std::string::npos ||
             header(head, "sec-websocket-accept") != accept_) {
    finish(kLost, "the answer is not to our handshake: is there a proxy between?");
  } else {
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(end + 4));
    state_ = State::kOpen;
    events_.push_back({WebSocketEvent::Kind::kOpen, 0, ""});
  }
}

bool WebSocketClient::parse_header(Frame& frame) {
  if (in_.size() < 2) {
    return false;
  }
  frame.final = (in_[0] & 0x80U) != 0;
  frame.opcode = in_[0] & 0x0FU;
  const unsigned short_length = in_[1] & 0x7FU;
  const std::size_t length_bytes = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
  frame.header_bytes = 2 + length_bytes;
  if ((in_[0] & 0x70U) != 0 || (in_[1] & 0x80U) != 0) {
    fail(kProtocolError, "a frame with reserved bits or a mask");
    return false;
  }
  const bool control = frame.opcode >= kClose;
  if (frame.opcode > kPong || (frame.opcode > kBinary && !control)) {
    fail(kProtocolError, "a frame of an unknown kind");
    return false;
  }
  if (control && (!frame.final || short_length > kMaxControlBytes)) {
    fail(kProtocolError, "a control frame that is in pieces or too long");
    return false;
  }
  if (in_.size() < frame.header_bytes) {
    return false;
  }
  frame.body_bytes = length_bytes == 0 ? short_length : 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    frame.body_bytes = (frame.body_bytes << 8U) | in_[2 + i];
  }
  return true;
}

bool WebSocketClient::read_frame() {
  Frame frame;
  if (!parse_header(frame)) {
    return false;
  }
  // Judged by the header alone, so that a promise of gigabytes costs nothing.
  if (frame.body_bytes > kMaxTextBytes || message_.size() + frame.body_bytes > kMaxTextBytes + kMaxControlBytes) {
    fail(kTooBig, "a message of more than " + std::to_string(kMaxTextBytes) + " bytes");
    return false;
  }
  const std::size_t whole = frame.header_bytes + static_cast<std::size_t>(frame.body_bytes);
  if (in_.size() < whole) {
    return false;
  }
  const std::uint8_t* body = in_.data() + frame.header_bytes;
  if (frame.opcode >= kClose) {
    take_control(frame, body);
  } else {
    take_data(frame, body);
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(whole));
  return true;
}

void WebSocketClient::take_data(const Frame& frame, const std::uint8_t* body) {
  if (frame.opcode == kBinary) {
    fail(1003, "the camera takes texts only");
    return;
  }
  if ((frame.opcode == kContinuation) != in_message_) {
    fail(kProtocolError, "a message began within another, or went on without a beginning");
    return;
  }
  message_.append(reinterpret_cast<const char*>(body), static_cast<std::size_t>(frame.body_bytes));
  in_message_ = !frame.final;
  if (in_message_ || state_ != State::kOpen) {
    return;
  }
  if (!is_utf8(message_)) {
    fail(kNotUtf8, "a text that is not UTF-8");
  } else if (events_.size() >= kMaxEvents) {
    fail(1008, "too many messages at once");
  } else {
    events_.push_back({WebSocketEvent::Kind::kText, 0, message_});
  }
  message_.clear();
}

void WebSocketClient::take_control(const Frame& frame, const std::uint8_t* body) {
  const auto count = static_cast<std::size_t>(frame.body_bytes);
  if (frame.opcode == kClose) {
    take_close(body, count);
  } else if (frame.opcode == kPing && state_ == State::kOpen) {
    queue(kPong, nullptr, 0, body, count);
  }
}

void WebSocketClient::take_close(const std::uint8_t* body, std::size_t count) {
  int code = kNoCode;
  std::string reason;
  if (count == 1) {
    fail(kProtocolError, "half a close code");
    return;
  }
  if (count >= 2) {
    code = (body[0] << 8) | body[1];
    reason.assign(reinterpret_cast<const char*>(body) + 2, count - 2);
    if (!may_be_received(code) || !is_utf8(reason)) {
      fail(kProtocolError, "a close code that is not sent, or a reason that is not UTF-8");
      return;
    }
  }
  if (state_ == State::kOpen) {
    queue_close(code == kNoCode ? 1000 : code, "");
  }
  finish(code, reason);
}

bool WebSocketClient::queue(unsigned opcode, const std::uint8_t* head, std::size_t head_bytes, const std::uint8_t* body,
                            std::size_t body_bytes) {
  const std::uint64_t count = std::uint64_t{head_bytes} + body_bytes;
  if (waiting_bytes() + count > kMaxWaitingBytes) {
    return false;
  }
  out_.push_back(static_cast<std::uint8_t>(0x80U | opcode));
  if (count <= kMaxControlBytes) {
    out_.push_back(static_cast<std::uint8_t>(0x80U | count));
  } else {
    const bool wide = count > 0xFFFF;
    out_.push_back(wide ? 0xFF : 0xFE);
    for (int shift = wide ? 56 : 8; shift >= 0; shift -= 8) {
      out_.push_back(static_cast<std::uint8_t>(count >> static_cast<unsigned>(shift)));
    }
  }
  std::array<std::uint8_t, 4> mask{};
  fill_random(mask.data(), mask.size());
  out_.insert(out_.end(), mask.begin(), mask.end());
  std::size_t at = 0;
  const std::size_t begin = out_.size();
  out_.resize(begin + static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < head_bytes; ++i, ++at) {
    out_[begin + at] = head[i] ^ mask[at % 4];
  }
  for (std::size_t i = 0; i < body_bytes; ++i, ++at) {
    out_[begin + at] = body[i] ^ mask[at % 4];
  }
  return true;
}

void WebSocketClient::queue_close(int code, std::string_view reason) {
  std::vector<std::uint8_t> body{static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code)};
  const std::string_view fitting = reason.substr(0, kMaxControlBytes - 2);
  body.insert(body.end(), fitting.begin(), fitting.end());
  queue(kClose, nullptr, 0, body.data(), body.size());
}

void WebSocketClient::fail(int code, const std::string& why) {
  if (state_ == State::kOpen) {
    queue_close(code, why);
  }
  finish(code, why);
}

void WebSocketClient::finish(int code, const std::string& reason) {
  state_ = State::kOver;
  events_.push_back({WebSocketEvent::Kind::kClosed, code, reason});
}

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t more = first < 0x80   ? 0
                             : first < 0xC2 ? 9
                             : first < 0xE0 ? 1
                             : first < 0xF0 ? 2
                             : first < 0xF5 ? 3
                                            : 9;
    if (more == 9 || i + more >= text.size()) {
      return false;
    }
    for (std::size_t j = 1; j <= more; ++j) {
      const auto byte = static_cast<unsigned char>(text[i + j]);
      const unsigned low = j > 1 ? 0x80 : first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
      const unsigned high = j > 1 ? 0xBF : first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
      if (byte < low || byte > high) {
        return false;
      }
    }
    i += more + 1;
  }
  return true;
}

}  // namespace host
