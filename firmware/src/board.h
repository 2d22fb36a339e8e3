// The board that this image is built for: one of src/boards, chosen by -DESPCAM_BOARD_... (platformio.ini).
#pragma once

#if defined(ESPCAM_BOARD_AI_THINKER)
#include "boards/ai_thinker.h"
#elif defined(ESPCAM_BOARD_ESP_EYE)
#include "boards/esp_eye.h"
#elif defined(ESPCAM_BOARD_ESP32S3_EYE)
#include "boards/esp32s3_eye.h"
#elif defined(ESPCAM_BOARD_XIAO_ESP32S3_SENSE)
#include "boards/xiao_esp32s3_sense.h"
#elif defined(ESPCAM_BOARD_FREENOVE_WROVER)
#include "boards/freenove_wrover.h"
#elif defined(ESPCAM_BOARD_FREENOVE_S3)
#include "boards/freenove_s3.h"
#elif defined(ESPCAM_BOARD_M5STACK_PSRAM)
#include "boards/m5stack_psram.h"
#elif defined(ESPCAM_BOARD_TTGO_T_CAMERA)
#include "boards/ttgo_t_camera.h"
// Without a choice, as in the Arduino IDE: what its menu says, as far as it says it.
#elif defined(ARDUINO_XIAO_ESP32S3)
#include "boards/xiao_esp32s3_sense.h"
#elif defined(ARDUINO_ESP32_DEV) || defined(ARDUINO_AI_THINKER_ESP32_CAM) || defined(ARDUINO_ESP32_CAM)
#include "boards/ai_thinker.h"
#else
#error "Which board is this? Build with -DESPCAM_BOARD_AI_THINKER or another of those in src/board.h."
#endif
