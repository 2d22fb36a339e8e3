// What reads and writes texts: JSON of any bytes, and that what was read can be written and read again.
#include <camlink.h>

#include <cmath>
#include <cstdlib>
#include <string>

using namespace camlink;

namespace {

// Walks over all of it; returns how many values there are.
int walk(const JsonValue& value, int depth) {
  if (depth > kJsonMaxDepth) {
    std::abort();
  }
  char buffer[256];
  std::string_view text;
  double number = 0;
  std::int64_t whole = 0;
  int values = 1;
  if (value.as_text(buffer, sizeof buffer, text)) {
    char again[2000];
    JsonWriter writer(again, sizeof again);
    writer.text(text);
    JsonValue second;
    char other[256];
    std::string_view same;
    if (!read_json(writer.view(), second) || !second.as_text(other, sizeof other, same) || same != text) {
      std::abort();
    }
  }
  if (value.as_number(number) && !std::isfinite(number)) {
    std::abort();
  }
  value.as_integer(whole);
  JsonValue key;
  JsonValue inside;
  for (JsonMembers members(value); members.next(key, inside);) {
    if (key.kind != JsonKind::kText) {
      std::abort();
    }
    values += walk(inside, depth + 1);
  }
  for (JsonItems items(value); items.next(inside);) {
    values += walk(inside, depth + 1);
  }
  return values;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  JsonValue value;
  if (read_json(text, value) && walk(value, 1) < 1) {
    std::abort();
  }
  Message message;
  decode(text, Framesize::kVga, kCanAll & ~kCanFlash, message);
  if (message.set.has_flash || message.welcome.values.has_flash || message.set.wanted.framesize > Framesize::kUxga) {
    std::abort();
  }
  return 0;
}
