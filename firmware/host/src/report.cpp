#include "report.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <ctime>

namespace host {

namespace {

constexpr std::int64_t kUsInS = 1'000'000;

std::int64_t read_us(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * kUsInS + now.tv_nsec / 1000;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (code < 0x20 || code == 0x7F) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", code);
      out += escaped;
    } else {
      out += byte;
    }
  }
  return out + "\"";
}

}  // namespace

Report::Report(std::string_view event) : line_("{\"event\":" + quoted(event)) {
  add("at_s", static_cast<double>(read_us(CLOCK_MONOTONIC)) / kUsInS);
}

Report::~Report() {
  line_ += "}\n";
  std::string_view rest = line_;
  while (!rest.empty()) {
    const ssize_t put = write(STDOUT_FILENO, rest.data(), rest.size());
    if (put <= 0) {
      return;  // nobody listens any more
    }
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
}

void Report::begin(std::string_view key) { line_ += "," + quoted(key) + ":"; }

Report& Report::add(std::string_view key, std::string_view text) {
  begin(key);
  line_ += quoted(text);
  return *this;
}

Report& Report::add(std::string_view key, std::int64_t number) {
  begin(key);
  line_ += std::to_string(number);
  return *this;
}

Report& Report::add(std::string_view key, double number) {
  begin(key);
  if (!std::isfinite(number)) {
    line_ += "null";
    return *this;
  }
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.6f", number);
  line_ += digits;
  return *this;
}

Report& Report::add(std::string_view key, bool flag) {
  begin(key);
  line_ += flag ? "true" : "false";
  return *this;
}

std::int64_t mono_ms() { return read_us(CLOCK_MONOTONIC) / 1000; }

std::uint32_t clock_ms() { return static_cast<std::uint32_t>(mono_ms()); }

std::int64_t unix_us() { return read_us(CLOCK_REALTIME); }

}  // namespace host
