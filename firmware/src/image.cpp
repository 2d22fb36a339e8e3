#include "image.h"

#include <esp_ota_ops.h>

#include "board.h"
#include "version.h"

// Arduino's core would mark an image valid before setup() unless this weak function of its says otherwise.
extern "C" bool verifyRollbackLater() { return true; }

namespace espcam {
namespace {

// Read at run time as well: what nobody reads the linker leaves out.
__attribute__((used)) const char kMarker[] = "ESPCAM-FIRMWARE;board=" ESPCAM_BOARD_NAME ";version=" ESPCAM_VERSION ";";

}  // namespace

std::string_view image_marker() {
  const char* volatile text = kMarker;  // keeps the compiler from taking the words apart
  return text;
}

bool image_on_trial() {
  esp_ota_img_states_t state = ESP_OTA_IMG_UNDEFINED;
  const esp_partition_t* running = esp_ota_get_running_partition();
  return esp_ota_get_state_partition(running, &state) == ESP_OK && state == ESP_OTA_IMG_PENDING_VERIFY;
}

void mark_image_valid() { esp_ota_mark_app_valid_cancel_rollback(); }

void roll_back_image() { esp_ota_mark_app_invalid_rollback_and_reboot(); }

}  // namespace espcam
