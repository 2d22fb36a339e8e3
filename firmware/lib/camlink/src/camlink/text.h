// Text of bounded length that lives where it is declared: no heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace camlink {

// Up to `kCapacity` bytes of text, always NUL-terminated.
template <std::size_t kCapacity>
class FixedText {
 public:
  FixedText() = default;

  // Takes a copy; false, and the old text stays, when it is too long.
  bool assign(std::string_view text) {
    if (text.size() > kCapacity) {
      return false;
    }
    length_ = 0;
    append(text);
    return true;
  }

  // Adds as much as fits.
  void append(std::string_view text) {
    for (const char byte : text) {
      if (length_ == kCapacity) {
        break;
      }
      bytes_[length_++] = byte;
    }
    bytes_[length_] = '\0';
  }

  // Adds a whole number in decimal.
  void append_number(std::int64_t number) {
    std::array<char, 20> digits{};
    std::size_t at = digits.size();
    // The magnitude of the smallest number has no positive int64.
    std::uint64_t rest = number < 0 ? 0U - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    do {
      digits[--at] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    if (number < 0) {
      append("-");
    }
    append(std::string_view(digits.data() + at, digits.size() - at));
  }

  void clear() {
    length_ = 0;
    bytes_[0] = '\0';
  }

  [[nodiscard]] std::string_view view() const { return {bytes_.data(), length_}; }
  [[nodiscard]] const char* c_str() const { return bytes_.data(); }
  [[nodiscard]] bool empty() const { return length_ == 0; }
  [[nodiscard]] std::size_t size() const { return length_; }
  static constexpr std::size_t capacity() { return kCapacity; }

 private:
  std::array<char, kCapacity + 1> bytes_{};
  std::size_t length_ = 0;
};

// What is wrong, where, and the mend, in words for a person; empty when nothing is.
using Problem = FixedText<199>;

}  // namespace camlink
