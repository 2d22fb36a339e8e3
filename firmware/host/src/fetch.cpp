#include "fetch.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "files.h"
#include "url.h"

namespace host {

namespace {

constexpr std::size_t kReadBytes = 16'384;
constexpr std::size_t kMaxHeadBytes = 8'192;
constexpr mode_t kOwnerOnly = 0600;

}  // namespace

ImageFetch::~ImageFetch() { abandon(); }

void ImageFetch::begin(const camlink::UpdateOrder& order, std::string_view board, const std::string& path) {
  abandon();
  path_ = path;
  error_.clear();
  head_.clear();
  size_bytes_ = order.size_bytes;
  in_body_ = false;
  ended_ = false;
  running_ = true;
  check_.begin(order, board);
  const auto url = parse_url(std::string(order.url.view()));
  if (!url || url->scheme != "http") {
    finish("this camera fetches from http:// addresses only, not " + std::string(order.url.view()));
    return;
  }
  file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly);
  if (file_ < 0) {
    finish(path_ + " cannot be written: " + std::strerror(errno));
    return;
  }
  // The bridge's answer has a length and is not chunked, and we want no other.
  request_ = "GET " + url->path + " HTTP/1.1\r\nHost: " + url->authority() + "\r\nConnection: close\r\n\r\n";
  if (!socket_.connect(url->host, url->port)) {
    finish(socket_.error());
  }
}

pollfd ImageFetch::interest() const {
  return {socket_.fd(), static_cast<short>(request_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
}

bool ImageFetch::step() {
  if (!running_) {
    return false;
  }
  if (!request_.empty()) {
    send_request();
  }
  if (!running_ || !socket_.connected()) {
    return false;
  }
  std::array<std::uint8_t, kReadBytes> bytes{};
  std::size_t count = 0;
  switch (socket_.read(bytes.data(), bytes.size(), count)) {
    case TcpSocket::Io::kLater:
      return false;
    case TcpSocket::Io::kEnded:
      finish(in_body_ ? "the image ended after " + std::to_string(written_bytes()) + " bytes: " + socket_.error()
                      : socket_.error());
      return false;
    case TcpSocket::Io::kDone:
      break;
  }
  if (in_body_) {
    return write_body(bytes.data(), count);
  }
  head_.append(reinterpret_cast<const char*>(bytes.data()), count);
  return take_head();
}

bool ImageFetch::take_end(std::string& error) {
  if (!ended_) {
    return false;
  }
  ended_ = false;
  error = error_;
  return true;
}

void ImageFetch::abandon() {
  socket_.close();
  if (file_ >= 0) {
    close(file_);
    unlink(path_.c_str());
  }
  file_ = -1;
  running_ = false;
  ended_ = false;
}

void ImageFetch::send_request() {
  if (!socket_.connected()) {
    pollfd ready{socket_.fd(), POLLOUT, 0};
    if (poll(&ready, 1, 0) <= 0) {
      return;
    }
    if (!socket_.check_connected()) {
      finish(socket_.error());
      return;
    }
  }
  std::size_t count = 0;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(request_.data());
  const TcpSocket::Io outcome = socket_.write(bytes, request_.size(), count);
  if (outcome == TcpSocket::Io::kEnded) {
    finish(socket_.error());
  } else if (outcome == TcpSocket::Io::kDone) {
    request_.erase(0, count);
  }
}

bool ImageFetch::take_head() {
  const std::size_t end = head_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (head_.size() > kMaxHeadBytes) {
      finish("the answer's headers do not end");
    }
    return false;
  }
  const std::string status = head_.substr(0, head_.find("\r\n"));
  // "HTTP/1.1 200 OK": the digits stand after the first space.
  const std::size_t space = status.find(' ');
  if (space == std::string::npos || status.compare(space + 1, 3, "200") != 0) {
    finish("the bridge does not hand out the image: " + status);
    return false;
  }
  in_body_ = true;
  const std::string rest = head_.substr(end + 4);
  return write_body(reinterpret_cast<const std::uint8_t*>(rest.data()), rest.size());
}

bool ImageFetch::write_body(const std::uint8_t* bytes, std::size_t count) {
  if (count == 0) {
    return false;
  }
  if (!check_.feed(bytes, count)) {
    finish(std::string(check_.problem().view()));
    return false;
  }
  if (::write(file_, bytes, count) != static_cast<ssize_t>(count)) {
    finish(path_ + " cannot be written: " + std::strerror(errno));
    return false;
  }
  if (written_bytes() == size_bytes_) {
    finish(check_.finish() ? "" : std::string(check_.problem().view()));
  }
  return true;
}

void ImageFetch::finish(const std::string& error) {
  error_ = error;
  if (error_.empty() && !sync_file(file_)) {
    error_ = path_ + " cannot be brought to the disk: " + std::strerror(errno);
  }
  socket_.close();
  if (file_ >= 0) {
    close(file_);
    file_ = -1;
    if (!error_.empty()) {
      unlink(path_.c_str());
    }
  }
  running_ = false;
  ended_ = true;
}

}  // namespace host
