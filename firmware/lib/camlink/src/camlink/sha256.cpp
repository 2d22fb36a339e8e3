#include "camlink/sha256.h"

#include <algorithm>
#include <cstring>

namespace camlink {
namespace {

// FIPS 180-4, section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
constexpr std::array<std::uint32_t, 64> kRound = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

std::uint32_t turn(std::uint32_t value, unsigned bits) { return (value >> bits) | (value << (32U - bits)); }

std::uint32_t big_endian(const std::uint8_t* at) {
  return static_cast<std::uint32_t>(at[0]) << 24U | static_cast<std::uint32_t>(at[1]) << 16U |
         static_cast<std::uint32_t>(at[2]) << 8U | static_cast<std::uint32_t>(at[3]);
}

}  // namespace

void Sha256::reset() {
  // Section 5.3.3: the fractional parts of the square roots of the first eight primes.
  state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  total_bytes_ = 0;
}

void Sha256::block(const std::uint8_t* data) {
  std::array<std::uint32_t, 64> w{};
  for (std::size_t t = 0; t < 16; ++t) {
    w[t] = big_endian(data + 4 * t);
  }
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t low = turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ (w[t - 15] >> 3U);
    const std::uint32_t high = turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ (w[t - 2] >> 10U);
    w[t] = w[t - 16] + low + w[t - 7] + high;
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t first = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + kRound[t] + w[t];
    const std::uint32_t second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  const std::array<std::uint32_t, 8> change = {a, b, c, d, e, f, g, h};
  for (std::size_t at = 0; at < state_.size(); ++at) {
    state_[at] += change[at];
  }
}

void Sha256::update(const std::uint8_t* data, std::size_t size_bytes) {
  auto held = static_cast<std::size_t>(total_bytes_ % pending_.size());
  total_bytes_ += size_bytes;
  while (size_bytes > 0) {
    if (held == 0 && size_bytes >= pending_.size()) {
      block(data);
      data += pending_.size();
      size_bytes -= pending_.size();
      continue;
    }
    const std::size_t taken = std::min(size_bytes, pending_.size() - held);
    std::memcpy(pending_.data() + held, data, taken);
    data += taken;
    size_bytes -= taken;
    held += taken;
    if (held == pending_.size()) {
      block(pending_.data());
      held = 0;
    }
  }
}

Sha256Digest Sha256::finish() {
  const std::uint64_t total_bits = total_bytes_ * 8;
  constexpr std::uint8_t kOne = 0x80;
  constexpr std::uint8_t kZero = 0;
  update(&kOne, 1);
  while (total_bytes_ % pending_.size() != pending_.size() - 8) {
    update(&kZero, 1);
  }
  std::array<std::uint8_t, 8> length{};
  for (unsigned at = 0; at < 8; ++at) {
    length[at] = static_cast<std::uint8_t>(total_bits >> (56U - 8U * at));
  }
  update(length.data(), length.size());
  Sha256Digest digest{};
  for (std::size_t at = 0; at < digest.size(); ++at) {
    digest[at] = static_cast<std::uint8_t>(state_[at / 4] >> (24U - 8U * (at % 4)));
  }
  reset();
  return digest;
}

bool read_digest(std::string_view hex, Sha256Digest& out) {
  Sha256Digest digest{};
  if (hex.size() != 2 * digest.size()) {
    return false;
  }
  for (std::size_t at = 0; at < hex.size(); ++at) {
    const char byte = hex[at];
    unsigned value = 0;
    if (byte >= '0' && byte <= '9') {
      value = static_cast<unsigned>(byte - '0');
    } else if (byte >= 'a' && byte <= 'f') {
      value = static_cast<unsigned>(byte - 'a') + 10;
    } else if (byte >= 'A' && byte <= 'F') {
      value = static_cast<unsigned>(byte - 'A') + 10;
    } else {
      return false;
    }
    digest[at / 2] = static_cast<std::uint8_t>(static_cast<unsigned>(digest[at / 2]) << 4U | value);
  }
  out = digest;
  return true;
}

}  // namespace camlink
