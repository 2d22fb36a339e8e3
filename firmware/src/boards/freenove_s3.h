// Freenove ESP32-S3-WROOM CAM. The camera's pins are those of the ESP32-S3-EYE. Its coloured LED on GPIO 48 is no lamp:
// it cannot be dimmed by PWM.
#pragma once

#include "board_pins.h"

#define ESPCAM_BOARD_NAME "freenove-s3"  // as in hello.board and in the image's marker

constexpr BoardPins kBoardPins = {
    /* power_down */ -1,
    /* reset */ -1,
    /* xclk */ 15,
    /* sccb_data */ 4,
    /* sccb_clock */ 5,
    /* data */ {11, 9, 8, 10, 12, 18, 17, 16},
    /* vsync */ 6,
    /* href */ 7,
    /* pixel_clock */ 13,
    /* lamp */ -1,
};
