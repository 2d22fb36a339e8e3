#include "socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace host {

namespace {

// A board holds little: what waits here is old by the time it leaves.
constexpr int kSendBufferBytes = 16'384;

}  // namespace

bool TcpSocket::connect(const std::string& host, std::uint16_t port) {
  close();
  error_.clear();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int problem = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (problem != 0) {
    error_ = "no address for " + host + ": " + gai_strerror(problem);
    return false;
  }
  // The first address only: a camera has one network, and dials again anyway.
  fd_ = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ >= 0) {
    const int yes = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
  }
  if (fd_ < 0 || (::connect(fd_, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS)) {
    failed(errno);
    close();
  }
  freeaddrinfo(found);
  return is_open();
}

bool TcpSocket::check_connected() {
  int problem = 0;
  socklen_t size = sizeof problem;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0) {
    failed(problem);
    return false;
  }
  connected_ = true;
  return true;
}

TcpSocket::Io TcpSocket::read(std::uint8_t* bytes, std::size_t capacity, std::size_t& count) {
  const ssize_t got = recv(fd_, bytes, capacity, 0);
  if (got > 0) {
    count = static_cast<std::size_t>(got);
    return Io::kDone;
  }
  if (got == 0) {
    error_ = "the other side hung up";
    return Io::kEnded;
  }
  return failed(errno);
}

TcpSocket::Io TcpSocket::write(const std::uint8_t* bytes, std::size_t size, std::size_t& count) {
  const ssize_t put = send(fd_, bytes, size, MSG_NOSIGNAL);
  if (put >= 0) {
    count = static_cast<std::size_t>(put);
    return Io::kDone;
  }
  return failed(errno);
}

void TcpSocket::close() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  fd_ = -1;
  connected_ = false;
}

void TcpSocket::reset() {
  const linger at_once{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

TcpSocket::Io TcpSocket::failed(int number) {
  if (number == EAGAIN || number == EWOULDBLOCK || number == EINTR) {
    return Io::kLater;
  }
  error_ = std::strerror(number);
  return Io::kEnded;
}

}  // namespace host
