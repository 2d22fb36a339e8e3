// Espressif ESP-EYE. The white LED is on GPIO 22. GPIO 13 and 14 are the camera's; debuggers need them too.
#pragma once

#include "board_pins.h"

#define ESPCAM_BOARD_NAME "esp-eye"  // as in hello.board and in the image's marker

constexpr BoardPins kBoardPins = {
    /* power_down */ -1,
    /* reset */ -1,
    /* xclk */ 4,
    /* sccb_data */ 18,
    /* sccb_clock */ 23,
    /* data */ {34, 13, 14, 35, 39, 38, 37, 36},
    /* vsync */ 5,
    /* href */ 27,
    /* pixel_clock */ 25,
    /* lamp */ 22,
};
