// M5Stack camera with PSRAM (M5Camera, version A). Version B has the data line on GPIO 22 and VSYNC on GPIO 25 instead.
// It has no lamp.
#pragma once

#include "board_pins.h"

#define ESPCAM_BOARD_NAME "m5stack-psram"  // as in hello.board and in the image's marker

constexpr BoardPins kBoardPins = {
    /* power_down */ -1,
    /* reset */ 15,
    /* xclk */ 27,
    /* sccb_data */ 25,
    /* sccb_clock */ 23,
    /* data */ {32, 35, 34, 5, 39, 18, 36, 19},
    /* vsync */ 22,
    /* href */ 26,
    /* pixel_clock */ 21,
    /* lamp */ -1,
};
