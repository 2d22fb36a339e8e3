// Randomness from the kernel: for masks, keys, and the moments at which links are broken.
#pragma once

#include <cstddef>
#include <cstdint>

namespace host {

// Fills `bytes` with what nobody can foresee.
void fill_random(std::uint8_t* bytes, std::size_t count);

// An even choice from 0 to 2^32 - 1.
std::uint32_t random_u32();

}  // namespace host
