// A bounded JSON reader over a given text, and a writer into a given buffer. Neither allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace camlink {

// Deeper nesting is refused: the reader recurses, and a task's stack is 8 KB.
constexpr int kJsonMaxDepth = 8;

enum class JsonKind : std::uint8_t { kNull, kBool, kNumber, kText, kArray, kObject };

// A piece of a checked JSON text: `raw` points into it, so it lives as long as the text does.
struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  std::string_view raw;

  [[nodiscard]] bool is_null() const { return kind == JsonKind::kNull; }

  // Each returns false, and leaves `out`, when the value is of another kind or out of range.
  bool as_bool(bool& out) const;
  // A whole number written without fraction or exponent.
  bool as_integer(std::int64_t& out) const;
  // Any finite number.
  bool as_number(double& out) const;
  // Text, unescaped to UTF-8 into `buffer`; false as well when it does not fit or holds half a surrogate pair.
  bool as_text(char* buffer, std::size_t capacity, std::string_view& out) const;
  // Whether it is this text; `wanted` is plain ASCII.
  [[nodiscard]] bool equals(std::string_view wanted) const;

  // The last member of that name, as other readers do; false when this is no object or has none.
  bool find(std::string_view key, JsonValue& out) const;
};

// Reads a whole text; false for anything that is not exactly one JSON value of bounded depth.
bool read_json(std::string_view text, JsonValue& out);

// Goes over the members of an object; over nothing when it is none.
class JsonMembers {
 public:
  explicit JsonMembers(const JsonValue& object);
  // The next member, its key as a text value; false at the end.
  bool next(JsonValue& key, JsonValue& value);

 private:
  std::string_view rest_;
};

// Goes over the items of an array; over nothing when it is none.
class JsonItems {
 public:
  explicit JsonItems(const JsonValue& array);
  bool next(JsonValue& item);

 private:
  std::string_view rest_;
};

// Writes JSON into a buffer. What does not fit makes the whole text empty: half a message is worse than none.
class JsonWriter {
 public:
  JsonWriter(char* buffer, std::size_t capacity) : buffer_(buffer), capacity_(capacity) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  // Control characters and what is not ASCII are escaped; what is not UTF-8 becomes '?'.
  JsonWriter& text(std::string_view value);
  JsonWriter& integer(std::int64_t value);
  // Three decimals at most; null when it is not finite.
  JsonWriter& number(double value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();

  [[nodiscard]] bool ok() const { return !overflow_; }
  // What was written; empty when it did not fit.
  [[nodiscard]] std::string_view view() const {
    return overflow_ ? std::string_view() : std::string_view(buffer_, length_);
  }

 private:
  void put(char byte);
  void put(std::string_view bytes);
  void escape(std::uint32_t unit);
  void begin_value();

  char* buffer_;
  std::size_t capacity_;
  std::size_t length_ = 0;
  bool comma_ = false;
  bool overflow_ = false;
};

}  // namespace camlink
