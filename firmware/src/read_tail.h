// The end of what a socket read. No Arduino in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace espcam {

// The last bytes that a socket brought: enough for the payload of a close frame.
class ReadTail {
 public:
  void clear() { size_ = 0; }
  void add(const std::uint8_t* data, std::size_t size) {
    if (size >= kCapacity) {
      std::memcpy(bytes_, data + (size - kCapacity), kCapacity);
      size_ = kCapacity;
      return;
    }
    const std::size_t kept = size_ + size > kCapacity ? kCapacity - size : size_;
    std::memmove(bytes_, bytes_ + (size_ - kept), kept);
    std::memcpy(bytes_ + kept, data, size);
    size_ = kept + size;
  }
  // The last `size` bytes; empty when there are not so many.
  [[nodiscard]] std::string_view last(std::size_t size) const {
    return size <= size_ ? std::string_view(bytes_ + (size_ - size), size) : std::string_view();
  }

 private:
  static constexpr std::size_t kCapacity = 125;  // RFC 6455, section 5.5
  char bytes_[kCapacity] = {};
  std::size_t size_ = 0;
};

}  // namespace espcam
