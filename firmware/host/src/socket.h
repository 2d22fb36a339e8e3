// A TCP connection that never waits: whoever owns it asks poll(2) when there is something to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace host {

// One connection; closed when it goes out of scope, and in programs that this one starts.
class TcpSocket {
 public:
  // What a read or write came to.
  enum class Io {
    kDone,   // `count` bytes
    kLater,  // nothing now: poll
    kEnded,  // the peer closed, or the network failed; `error()` says which
  };

  TcpSocket() = default;
  ~TcpSocket() { close(); }
  TcpSocket(const TcpSocket&) = delete;
  TcpSocket& operator=(const TcpSocket&) = delete;

  // Begins to connect; false when that cannot be tried. Looking a name up does wait, an address does not.
  bool connect(const std::string& host, std::uint16_t port);
  // Whether connect() came to its end; ask when poll says that the socket can be written to. `error()` when it failed.
  bool check_connected();

  Io read(std::uint8_t* bytes, std::size_t capacity, std::size_t& count);
  Io write(const std::uint8_t* bytes, std::size_t size, std::size_t& count);

  void close();
  // Ends it as a router does that forgot the connection: the peer gets a reset, and what was under way is lost.
  void reset();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] bool connected() const { return connected_; }
  // In words; empty when all is well.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  Io failed(int number);

  int fd_ = -1;
  bool connected_ = false;
  std::string error_;
};

}  // namespace host
