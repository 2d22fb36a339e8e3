#include "watchdog.h"

#include <esp_system.h>
#include <esp_task_wdt.h>

namespace espcam {

void start_watchdog() {
  esp_task_wdt_config_t config = {};
  config.timeout_ms = kWatchdogMs;
  config.idle_core_mask = 1U << 0;  // core 0 as Arduino's core has it: Wi-Fi starves when something spins there
  config.trigger_panic = true;
  if (esp_task_wdt_reconfigure(&config) == ESP_ERR_INVALID_STATE) {
    esp_task_wdt_init(&config);
  }
}

void watch_this_task() { esp_task_wdt_add(nullptr); }

void feed_watchdog() { esp_task_wdt_reset(); }

camlink::ResetReason reset_reason() {
  switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
    case ESP_RST_DEEPSLEEP:
      return camlink::ResetReason::kPowerOn;
    case ESP_RST_SW:
      return camlink::ResetReason::kSoftware;
    case ESP_RST_PANIC:
      return camlink::ResetReason::kPanic;
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
      return camlink::ResetReason::kWatchdog;
    case ESP_RST_BROWNOUT:
      return camlink::ResetReason::kBrownOut;
    case ESP_RST_EXT:
      return camlink::ResetReason::kExternal;
    default:
      return camlink::ResetReason::kUnknown;
  }
}

}  // namespace espcam
