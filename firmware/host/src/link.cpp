#include "link.h"

#include <array>

#include "url.h"

namespace host {

namespace {

constexpr std::size_t kReadBytes = 4096;

}  // namespace

void Link::dial(const std::string& host, std::uint16_t port, const std::string& path, const std::string& bearer) {
  Url url;
  url.host = host;
  url.port = port;
  client_ = WebSocketClient(url.authority(), path, bearer);
  picture_end_ = 0;
  failed_ = !socket_.connect(host, port);
  failure_ = socket_.error();
}

pollfd Link::interest() const {
  const bool writes = !socket_.connected() || client_.waiting_bytes() > 0;
  return {socket_.fd(), static_cast<short>(POLLIN | (writes ? POLLOUT : 0)), 0};
}

bool Link::step() {
  if (failed_) {
    failed_ = false;
    client_.lost(failure_);
    return false;
  }
  if (!socket_.is_open()) {
    return false;
  }
  if (!socket_.connected()) {
    pollfd ready{socket_.fd(), POLLOUT, 0};
    if (poll(&ready, 1, 0) <= 0) {
      return false;
    }
    if (!socket_.check_connected()) {
      end(socket_.error());
      return false;
    }
  }
  const bool heard = read_all();
  write_all();
  // A server closes first (RFC 6455, section 7.1.1), but one that broke the rules is not waited for.
  if (client_.is_over() && client_.waiting_bytes() == 0) {
    socket_.close();
  }
  return heard;
}

bool Link::next(WebSocketEvent& event) { return client_.next(event); }

bool Link::send_text(std::string_view text) { return client_.send_text(text); }

bool Link::send_picture(const std::uint8_t* head, std::size_t head_bytes, const std::uint8_t* jpeg,
                        std::size_t jpeg_bytes) {
  if (!client_.send_binary(head, head_bytes, jpeg, jpeg_bytes)) {
    return false;
  }
  picture_end_ = client_.queued_total();
  return true;
}

bool Link::picture_sent() const { return client_.sent_total() >= picture_end_; }

void Link::ping() { client_.send_ping(); }

void Link::close(int code, std::string_view reason) {
  client_.close(code, reason);
  if (socket_.connected()) {
    write_all();
  }
  socket_.close();
  client_.lost("");
  WebSocketEvent passed_over;
  while (client_.next(passed_over)) {
  }
}

void Link::reset() {
  socket_.reset();
  client_.lost("reset on purpose");
}

const char* Link::stage() const {
  if (!socket_.connected()) {
    return "connecting";
  }
  return client_.is_open() ? "open" : "handshake";
}

bool Link::read_all() {
  std::array<std::uint8_t, kReadBytes> bytes{};
  bool heard = false;
  // Some reads at most: a server that never stops talking must not keep pictures from being sent.
  for (int reads = 0; reads < 8 && socket_.is_open(); ++reads) {
    std::size_t count = 0;
    const TcpSocket::Io outcome = socket_.read(bytes.data(), bytes.size(), count);
    if (outcome == TcpSocket::Io::kLater) {
      break;
    }
    if (outcome == TcpSocket::Io::kEnded) {
      end(socket_.error());
      break;
    }
    heard = true;
    client_.receive(bytes.data(), count);
  }
  return heard;
}

void Link::write_all() {
  while (socket_.is_open() && client_.waiting_bytes() > 0) {
    std::size_t count = 0;
    const TcpSocket::Io outcome = socket_.write(client_.waiting(), client_.waiting_bytes(), count);
    if (outcome == TcpSocket::Io::kLater) {
      return;
    }
    if (outcome == TcpSocket::Io::kEnded) {
      end(socket_.error());
      return;
    }
    client_.sent(count);
  }
}

void Link::end(const std::string& why) {
  socket_.close();
  client_.lost(why);
}

}  // namespace host
