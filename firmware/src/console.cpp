#include "console.h"

#include <Arduino.h>

#include "lock.h"

namespace espcam {
namespace {

void write(std::string_view text) { Serial.write(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()); }

// Two tasks write; a line is longer than what the driver takes at once.
Mutex& console_mutex() {
  static Mutex mutex;
  return mutex;
}

}  // namespace

void start_console() {
  Serial.begin(115200);
#if ARDUINO_USB_CDC_ON_BOOT
  Serial.setTxTimeoutMs(0);  // with nobody at the USB port a line must not wait for a reader
#endif
}

void say(std::string_view line) { say(line, {}); }

void say(std::string_view what, std::string_view detail) {
  const Hold hold(console_mutex(), portMAX_DELAY);
  write(what);
  if (!detail.empty()) {
    write(": ");
    write(detail);
  }
  write("\r\n");
}

}  // namespace espcam
