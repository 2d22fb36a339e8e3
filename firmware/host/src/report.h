// Tells what happens: one line of JSON an event, on standard output.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace host {

// One event; written when it goes out of scope, at once and whole.
class Report {
 public:
  // `at_s` is the machine's monotonic clock, which other programs on it can compare with their own.
  explicit Report(std::string_view event);
  ~Report();
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  Report& add(std::string_view key, std::string_view text);
  Report& add(std::string_view key, const char* text) { return add(key, std::string_view(text)); }
  Report& add(std::string_view key, std::int64_t number);
  Report& add(std::string_view key, double number);
  Report& add(std::string_view key, bool flag);

 private:
  void begin(std::string_view key);

  std::string line_;
};

// The machine's monotonic clock in ms, and its last 32 bits, which camlink takes.
std::int64_t mono_ms();
std::uint32_t clock_ms();
// The time of day in us since 1970, UTC.
std::int64_t unix_us();

}  // namespace host
