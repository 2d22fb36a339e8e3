#include "random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace host {

void fill_random(std::uint8_t* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t got = getrandom(bytes, count, 0);
    if (got > 0) {
      bytes += got;
      count -= static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      // A mask that can be foreseen lets a page smuggle requests through proxies (RFC 6455, section 10.3).
      std::perror("getrandom");
      std::abort();
    }
  }
}

std::uint32_t random_u32() {
  std::uint8_t bytes[4];
  fill_random(bytes, sizeof bytes);
  return (std::uint32_t{bytes[0]} << 24U) | (std::uint32_t{bytes[1]} << 16U) | (std::uint32_t{bytes[2]} << 8U) |
         std::uint32_t{bytes[3]};
}

}  // namespace host
