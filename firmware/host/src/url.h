// The parts of ws:// and http:// addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace host {

// An address taken apart; `path` begins with a slash and holds the query.
struct Url {
  std::string scheme;
  std::string host;
  std::uint16_t port = 80;
  std::string path;

  // As the `Host` header names it: with the port unless it is the scheme's own.
  std::string authority() const;
};

// `text` taken apart; nothing when it is no `ws://` or `http://` address. There is no TLS here: `wss://` is nothing.
std::optional<Url> parse_url(const std::string& text);

}  // namespace host
