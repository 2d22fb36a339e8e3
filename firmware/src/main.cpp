// Puts the firmware together: two tasks, the camera's and the network's, and what they work with.

#include <Arduino.h>
#include <camlink.h>

#include <new>

#include "board.h"
#include "camera.h"
#include "console.h"
#include "health.h"
#include "image.h"
#include "lamp.h"
#include "network_task.h"
#include "pictures.h"
#include "storage.h"
#include "version.h"
#include "watchdog.h"
#include "wifi_station.h"

namespace {

// In memory that a restart leaves alone; the brown-out detector stays on, and its resets are counted as well.
RTC_NOINIT_ATTR camlink::CrashRecord crash_record;

// After crash upon crash: what asks the least of supply and memory.
constexpr camlink::Values kSafeValues = {camlink::Framesize::kQvga, 20, 1.0F, 0};

// What hello points to lives here.
struct Identity {
  camlink::FixedText<17> mac;
  camlink::FixedText<80> reset_reason;
  camlink::Hello hello;
};

void describe_reset(camlink::ResetReason reason, camlink::Store& store, camlink::FixedText<80>& out) {
  out.assign(camlink::name(reason));
  const auto own = espcam::take_restart_reason(store);
  if (reason == camlink::ResetReason::kSoftware && !own.empty()) {
    out.append(": ");
    out.append(own.view());
  }
}

void fill_hello(Identity& identity, const espcam::Camera& camera, bool lamp, bool safe) {
  identity.mac = espcam::mac_text();
  camlink::Hello& hello = identity.hello;
  hello.firmware = "espcam-firmware/" ESPCAM_VERSION;
  hello.version = ESPCAM_VERSION;
  hello.board = ESPCAM_BOARD_NAME;
  hello.chip = espcam::chip_name();
  hello.psram_bytes = espcam::psram_bytes();
  hello.mac = identity.mac.view();
  hello.sensor = camera.sensor_name();
  // In safe mode the bridge must not bring back what the board may not bear.
  hello.largest = safe ? kSafeValues.framesize : camera.largest();
  hello.capabilities = lamp ? camlink::kCanAll : camlink::kCanAll & ~camlink::kCanFlash;
  hello.reset_reason = identity.reset_reason.view();
}

void start_firmware() {
  // Everything lives as long as the board runs, so nothing of it is ever freed.
  static camlink::CrashLoop crash_loop(crash_record);
  static espcam::NvsStore store;
  static camlink::Configuration configuration;
  static camlink::Values values;
  static Identity identity;
  static espcam::WifiStation wifi;

  const camlink::ResetReason reason = espcam::reset_reason();
  const bool safe = crash_loop.boot(reason) == camlink::BootMode::kSafe;
  if (!store.start()) {
    espcam::say("The settings' area cannot be opened", "erase the flash and flash anew");
  }
  describe_reset(reason, store, identity.reset_reason);
  espcam::say("Started after", identity.reset_reason.view());
  wifi.start();  // before the configuration: its key needs the radio's noise
  espcam::load_configuration(store, configuration);
  if (safe) {
    espcam::say("Safe mode", "it crashed again and again: small pictures, no lamp, settings page in the network");
    values = kSafeValues;
  } else {
    camlink::load_values(store, values);
  }

  static espcam::Camera camera(espcam::load_xclk_hz(store));
  const bool camera_works = camera.start(values);
  if (values.framesize > camera.largest()) {
    values.framesize = camera.largest();
  }
  static espcam::Lamp lamp(kBoardPins.lamp);
  const bool has_lamp = !safe && lamp.start();
  fill_hello(identity, camera, has_lamp, safe);

  static espcam::Pictures pictures(camera, values, camera_works);
  static espcam::NetworkTask network(
      {store, configuration, identity.hello, values, crash_loop, camera, pictures, lamp, wifi});
  const TaskHandle_t task = network.start(safe, espcam::image_on_trial());
  if (task == nullptr) {
    espcam::say("No memory for the network task", "restarting");
    ESP.restart();
  }
  pictures.start(task);
}

}  // namespace

void setup() {
  espcam::start_console();
  espcam::say(espcam::image_marker());
  espcam::start_watchdog();
  start_firmware();
}

void loop() {
  vTaskDelete(nullptr);  // Arduino's own task is done
}
