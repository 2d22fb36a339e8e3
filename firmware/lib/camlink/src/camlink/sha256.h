// SHA-256 (FIPS 180-4), piece by piece.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace camlink {

using Sha256Digest = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  Sha256() { reset(); }
  void reset();
  void update(const std::uint8_t* data, std::size_t size_bytes);
  // The digest of all that was given; begins anew.
  Sha256Digest finish();

 private:
  void block(const std::uint8_t* data);

  std::array<std::uint32_t, 8> state_{};
  std::array<std::uint8_t, 64> pending_{};
  std::uint64_t total_bytes_ = 0;
};

// 64 hex digits, of either case; false, and `out` stays, for anything else.
bool read_digest(std::string_view hex, Sha256Digest& out);

}  // namespace camlink
