#include "url.h"

#include <algorithm>
#include <cstdlib>

namespace host {

namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr unsigned long kHighestPort = 65535;

bool is_plain(const std::string& text) {
  // A space or line break would let an address write headers of its own.
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == kHttpPort ? name : name + ":" + std::to_string(port);
}

std::optional<Url> parse_url(const std::string& text) {
  Url url;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string::npos || !is_plain(text)) {
    return std::nullopt;
  }
  url.scheme = text.substr(0, scheme_end);
  if (url.scheme != "ws" && url.scheme != "http") {
    return std::nullopt;
  }
  const std::size_t host_begin = scheme_end + 3;
  const std::size_t path_begin = std::min(text.find_first_of("/?", host_begin), text.size());
  std::string authority = text.substr(host_begin, path_begin - host_begin);
  url.path = text.substr(path_begin);
  if (url.path.empty() || url.path.front() != '/') {
    url.path.insert(url.path.begin(), '/');
  }
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    char* end = nullptr;
    const std::string digits = authority.substr(colon + 1);
    const unsigned long port = std::strtoul(digits.c_str(), &end, 10);
    if (digits.empty() || *end != '\0' || port == 0 || port > kHighestPort) {
      return std::nullopt;
    }
    url.port = static_cast<std::uint16_t>(port);
    authority.resize(colon);
  }
  if (authority.size() > 2 && authority.front() == '[' && authority.back() == ']') {
    authority = authority.substr(1, authority.size() - 2);
  }
  url.host = authority;
  return url.host.empty() ? std::nullopt : std::optional<Url>(url);
}

}  // namespace host
