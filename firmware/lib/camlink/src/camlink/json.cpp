#include "camlink/json.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace camlink {
namespace {

constexpr std::size_t kLongestNumber = 63;  // longer ones are no numbers that a bridge sends

bool is_space(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }
bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

bool hex_value(char byte, std::uint32_t& out) {
  if (is_digit(byte)) {
    out = static_cast<std::uint32_t>(byte - '0');
  } else if (byte >= 'a' && byte <= 'f') {
    out = static_cast<std::uint32_t>(byte - 'a' + 10);
  } else if (byte >= 'A' && byte <= 'F') {
    out = static_cast<std::uint32_t>(byte - 'A' + 10);
  } else {
    return false;
  }
  return true;
}

// How many bytes the UTF-8 character at the front of `text` has, and which it is; 0 when it is none (RFC 3629).
std::size_t read_utf8(std::string_view text, std::uint32_t& out) {
  const auto byte = [&text](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) {
    out = first;
    return 1;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) {
    return 0;
  }
  out = first & (0x7FU >> length);
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0U) != 0x80) {
      return 0;
    }
    out = (out << 6U) | (byte(at) & 0x3FU);
  }
  const bool overlong = (length == 3 && out < 0x800) || (length == 4 && out < 0x10000);
  const bool surrogate = out >= 0xD800 && out <= 0xDFFF;
  return overlong || surrogate || out > 0x10FFFF ? 0 : length;
}

std::size_t write_utf8(std::uint32_t character, std::array<char, 4>& out) {
  const auto tail = [character](unsigned shift) { return static_cast<char>(0x80U | ((character >> shift) & 0x3FU)); };
  if (character < 0x80) {
    out[0] = static_cast<char>(character);
    return 1;
  }
  if (character < 0x800) {
    out[0] = static_cast<char>(0xC0U | (character >> 6U));
    out[1] = tail(0);
    return 2;
  }
  if (character < 0x10000) {
    out[0] = static_cast<char>(0xE0U | (character >> 12U));
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xF0U | (character >> 18U));
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

bool read_unit(std::string_view digits, std::uint32_t& out) {
  if (digits.size() < 4) {
    return false;
  }
  out = 0;
  for (std::size_t at = 0; at < 4; ++at) {
    std::uint32_t digit = 0;
    if (!hex_value(digits[at], digit)) {
      return false;
    }
    out = out * 16 + digit;
  }
  return true;
}

bool is_high_surrogate(std::uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low_surrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

// Gives the characters of a checked text, quotes included in `raw`, one by one.
class TextReader {
 public:
  explicit TextReader(std::string_view raw) : rest_(raw.substr(1, raw.size() - 2)) {}

  [[nodiscard]] bool done() const { return rest_.empty(); }

  // False for half a surrogate pair.
  bool next(std::uint32_t& out) {
    if (rest_[0] != '\\') {
      const std::size_t length = read_utf8(rest_, out);
      rest_.remove_prefix(length);
      return true;
    }
    const char kind = rest_[1];
    rest_.remove_prefix(2);
    switch (kind) {
      case 'b':
        out = '\b';
        return true;
      case 'f':
        out = '\f';
        return true;
      case 'n':
        out = '\n';
        return true;
      case 'r':
        out = '\r';
        return true;
      case 't':
        out = '\t';
        return true;
      case 'u':
        return next_escaped(out);
      default:  // the quote, and both slashes
        out = static_cast<std::uint8_t>(kind);
        return true;
    }
  }

 private:
  bool next_escaped(std::uint32_t& out) {
    read_unit(rest_, out);
    rest_.remove_prefix(4);
    if (!is_high_surrogate(out)) {
      return !is_low_surrogate(out);
    }
    std::uint32_t low = 0;
    if (rest_.substr(0, 2) != "\\u" || !read_unit(rest_.substr(2), low) || !is_low_surrogate(low)) {
      return false;
    }
    rest_.remove_prefix(6);
    out = 0x10000 + ((out - 0xD800) << 10U) + (low - 0xDC00);
    return true;
  }

  std::string_view rest_;
};

// Walks over JSON and checks it; what it walked over is right.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  bool value(JsonValue& out, int depth) {
    if (!skip_space() || depth > kJsonMaxDepth) {
      return false;
    }
    const std::size_t begin = at_;
    switch (text_[at_]) {
      case '{':
        out.kind = JsonKind::kObject;
        return object(depth) && take(out, begin);
      case '[':
        out.kind = JsonKind::kArray;
        return array(depth) && take(out, begin);
      case '"':
        out.kind = JsonKind::kText;
        return text() && take(out, begin);
      case 't':
        out.kind = JsonKind::kBool;
        return word("true") && take(out, begin);
      case 'f':
        out.kind = JsonKind::kBool;
        return word("false") && take(out, begin);
      case 'n':
        out.kind = JsonKind::kNull;
        return word("null") && take(out, begin);
      default:
        out.kind = JsonKind::kNumber;
        return number() && take(out, begin);
    }
  }

  // False at the end of the text.
  bool skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) {
      ++at_;
    }
    return at_ < text_.size();
  }

  bool take_if(char byte) {
    if (!skip_space() || text_[at_] != byte) {
      return false;
    }
    ++at_;
    return true;
  }

  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }

 private:
  bool take(JsonValue& out, std::size_t begin) const {
    out.raw = text_.substr(begin, at_ - begin);
    return true;
  }

  bool word(std::string_view wanted) {
    if (text_.substr(at_, wanted.size()) != wanted) {
      return false;
    }
    at_ += wanted.size();
    return true;
  }

  bool object(int depth) {
    ++at_;
    if (take_if('}')) {
      return true;
    }
    do {
      JsonValue member;
      if (!skip_space() || text_[at_] != '"' || !text() || !take_if(':') || !value(member, depth + 1)) {
        return false;
      }
    } while (take_if(','));
    return take_if('}');
  }

  bool array(int depth) {
    ++at_;
    if (take_if(']')) {
      return true;
    }
    do {
      JsonValue item;
      if (!value(item, depth + 1)) {
        return false;
      }
    } while (take_if(','));
    return take_if(']');
  }

  bool text() {
    ++at_;
    while (at_ < text_.size()) {
      const char byte = text_[at_];
      if (byte == '"') {
        ++at_;
        return true;
      }
      if (static_cast<std::uint8_t>(byte) < 0x20) {
        return false;
      }
      if (byte == '\\' ? !escape() : !character()) {
        return false;
      }
    }
    return false;
  }

  bool character() {
    std::uint32_t ignored = 0;
    const std::size_t length = read_utf8(text_.substr(at_), ignored);
    at_ += length;
    return length != 0;
  }

  bool escape() {
    const std::string_view after = text_.substr(at_ + 1);
    std::uint32_t ignored = 0;
    if (after.empty()) {
      return false;
    }
    if (after[0] == 'u') {
      at_ += 6;
      return read_unit(after.substr(1), ignored);
    }
    at_ += 2;
    return std::string_view("\"\\/bfnrt").find(after[0]) != std::string_view::npos;
  }

  bool digits() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) {
      ++at_;
    }
    return at_ > begin;
  }

  bool number() {
    const std::size_t begin = at_;
    at_ += text_[at_] == '-' ? 1 : 0;
    const std::size_t first = at_;
    if (!digits() || (text_[first] == '0' && at_ - first > 1)) {
      return false;
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      if (!digits()) {
        return false;
      }
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      at_ += at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-') ? 1 : 0;
      if (!digits()) {
        return false;
      }
    }
    return at_ - begin <= kLongestNumber;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// What is within the brackets of a checked object or array of that kind.
std::string_view inside(const JsonValue& value, JsonKind kind) {
  return value.kind == kind && value.raw.size() >= 2 ? value.raw.substr(1, value.raw.size() - 2) : std::string_view();
}

}  // namespace

bool JsonValue::as_bool(bool& out) const {
  if (kind != JsonKind::kBool) {
    return false;
  }
  out = raw == "true";
  return true;
}

bool JsonValue::as_integer(std::int64_t& out) const {
  if (kind != JsonKind::kNumber || raw.find_first_of(".eE") != std::string_view::npos) {
    return false;
  }
  const bool negative = raw[0] == '-';
  const std::uint64_t limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  std::uint64_t magnitude = 0;
  for (const char byte : raw.substr(negative ? 1 : 0)) {
    const auto digit = static_cast<std::uint64_t>(byte - '0');
    if (magnitude > (limit - digit) / 10) {
      return false;
    }
    magnitude = magnitude * 10 + digit;
  }
  out = static_cast<std::int64_t>(negative ? 0U - magnitude : magnitude);
  return true;
}

bool JsonValue::as_number(double& out) const {
  if (kind != JsonKind::kNumber || raw.size() > kLongestNumber) {
    return false;
  }
  std::array<char, kLongestNumber + 1> copy{};  // strtod wants an end
  raw.copy(copy.data(), raw.size());
  const double value = std::strtod(copy.data(), nullptr);
  if (!std::isfinite(value)) {
    return false;
  }
  out = value;
  return true;
}

bool JsonValue::as_text(char* buffer, std::size_t capacity, std::string_view& out) const {
  if (kind != JsonKind::kText) {
    return false;
  }
  std::size_t length = 0;
  for (TextReader reader(raw); !reader.done();) {
    std::uint32_t character = 0;
    std::array<char, 4> bytes{};
    if (!reader.next(character)) {
      return false;
    }
    const std::size_t count = write_utf8(character, bytes);
    if (length + count > capacity) {
      return false;
    }
    for (std::size_t at = 0; at < count; ++at) {
      buffer[length++] = bytes[at];
    }
  }
  out = {buffer, length};
  return true;
}

bool JsonValue::equals(std::string_view wanted) const {
  if (kind != JsonKind::kText) {
    return false;
  }
  std::size_t at = 0;
  for (TextReader reader(raw); !reader.done(); ++at) {
    std::uint32_t character = 0;
    if (!reader.next(character) || at == wanted.size() || character != static_cast<std::uint8_t>(wanted[at])) {
      return false;
    }
  }
  return at == wanted.size();
}

bool JsonValue::find(std::string_view key, JsonValue& out) const {
  bool found = false;
  JsonValue name;
  JsonValue value;
  for (JsonMembers members(*this); members.next(name, value);) {
    if (name.equals(key)) {
      out = value;
      found = true;
    }
  }
  return found;
}

bool read_json(std::string_view text, JsonValue& out) {
  Walker walker(text);
  JsonValue value;
  if (!walker.value(value, 1) || walker.skip_space()) {
    return false;
  }
  out = value;
  return true;
}

JsonMembers::JsonMembers(const JsonValue& object) : rest_(inside(object, JsonKind::kObject)) {}

bool JsonMembers::next(JsonValue& key, JsonValue& value) {
  Walker walker(rest_);
  if (!walker.skip_space() || !walker.value(key, 1) || !walker.take_if(':') || !walker.value(value, 1)) {
    return false;
  }
  walker.take_if(',');
  rest_ = walker.rest();
  return true;
}

JsonItems::JsonItems(const JsonValue& array) : rest_(inside(array, JsonKind::kArray)) {}

bool JsonItems::next(JsonValue& item) {
  Walker walker(rest_);
  if (!walker.skip_space() || !walker.value(item, 1)) {
    return false;
  }
  walker.take_if(',');
  rest_ = walker.rest();
  return true;
}

void JsonWriter::put(char byte) {
  if (length_ < capacity_) {
    buffer_[length_++] = byte;
  } else {
    overflow_ = true;
  }
}

void JsonWriter::put(std::string_view bytes) {
  for (const char byte : bytes) {
    put(byte);
  }
}

void JsonWriter::begin_value() {
  if (comma_) {
    put(',');
  }
  comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
  begin_value();
  put('{');
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  put('}');
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  begin_value();
  put('[');
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  put(']');
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  text(name);
  put(':');
  comma_ = false;
  return *this;
}

void JsonWriter::escape(std::uint32_t unit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  put("\\u");
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    put(kHex[(unit >> shift) & 0xFU]);
  }
}

JsonWriter& JsonWriter::text(std::string_view value) {
  begin_value();
  put('"');
  while (!value.empty()) {
    std::uint32_t character = '?';
    const std::size_t length = read_utf8(value, character);
    if (length == 0) {
      put('?');
      value.remove_prefix(1);
      continue;
    }
    value.remove_prefix(length);
    if (character == '"' || character == '\\') {
      put('\\');
      put(static_cast<char>(character));
    } else if (character >= 0x10000) {
      escape(0xD800 + ((character - 0x10000) >> 10U));
      escape(0xDC00 + ((character - 0x10000) & 0x3FFU));
    } else if (character < 0x20 || character >= 0x7F) {
      escape(character);
    } else {
      put(static_cast<char>(character));
    }
  }
  put('"');
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  begin_value();
  std::array<char, 20> digits{};
  std::size_t at = digits.size();
  std::uint64_t rest = value < 0 ? 0U - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (value < 0) {
    put('-');
  }
  put(std::string_view(digits.data() + at, digits.size() - at));
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  constexpr double kLargest = 9e15;  // above it a double has no thousandths any more
  if (!std::isfinite(value) || std::fabs(value) > kLargest) {
    return null();
  }
  // Whole thousandths, because printf of a float allocates in newlib.
  const auto thousandths = static_cast<std::uint64_t>(std::llround(std::fabs(value) * 1000.0));
  begin_value();
  if (value < 0 && thousandths != 0) {
    put('-');
  }
  comma_ = false;
  integer(static_cast<std::int64_t>(thousandths / 1000));
  auto rest = static_cast<std::uint32_t>(thousandths % 1000);
  if (rest != 0) {
    put('.');
    for (std::uint32_t place = 100; rest != 0; place /= 10) {
      put(static_cast<char>('0' + rest / place));
      rest %= place;
    }
  }
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  begin_value();
  put(value ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::null() {
  begin_value();
  put("null");
  return *this;
}

}  // namespace camlink
