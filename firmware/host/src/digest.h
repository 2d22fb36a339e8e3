// SHA-1 and Base64, as the WebSocket handshake wants them (RFC 6455, section 4.2.2). For nothing secret.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace host {

std::array<std::uint8_t, 20> sha1(const std::string& text);

std::string base64(const std::uint8_t* bytes, std::size_t count);

}  // namespace host
