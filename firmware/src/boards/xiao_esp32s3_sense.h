// Seeed XIAO ESP32S3 Sense. It has no lamp: the light on GPIO 21 only shows that the board lives.
#pragma once

#include "board_pins.h"

#define ESPCAM_BOARD_NAME "xiao-esp32s3-sense"  // as in hello.board and in the image's marker

constexpr BoardPins kBoardPins = {
    /* power_down */ -1,
    /* reset */ -1,
    /* xclk */ 10,
    /* sccb_data */ 40,
    /* sccb_clock */ 39,
    /* data */ {15, 17, 18, 16, 14, 12, 11, 48},
    /* vsync */ 38,
    /* href */ 47,
    /* pixel_clock */ 13,
    /* lamp */ -1,
};
