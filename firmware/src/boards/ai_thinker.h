// AI-Thinker ESP32-CAM. The white LED on GPIO 4 is also a data line of the card slot, which this firmware does not use.
#pragma once

#include "board_pins.h"

#define ESPCAM_BOARD_NAME "ai-thinker"  // as in hello.board and in the image's marker

constexpr BoardPins kBoardPins = {
    /* power_down */ 32,
    /* reset */ -1,
    /* xclk */ 0,
    /* sccb_data */ 26,
    /* sccb_clock */ 27,
    /* data */ {5, 18, 19, 21, 36, 39, 34, 35},
    /* vsync */ 25,
    /* href */ 23,
    /* pixel_clock */ 22,
    /* lamp */ 4,
};
