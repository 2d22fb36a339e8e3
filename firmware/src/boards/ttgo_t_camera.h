// LilyGO TTGO T-Camera (version 0.5, with OLED and BME280). It has no lamp. Version 1.6 has other pins.
#pragma once

#include "board_pins.h"

#define ESPCAM_BOARD_NAME "ttgo-t-camera"  // as in hello.board and in the image's marker

constexpr BoardPins kBoardPins = {
    /* power_down */ 26,
    /* reset */ -1,
    /* xclk */ 32,
    /* sccb_data */ 13,
    /* sccb_clock */ 12,
    /* data */ {5, 14, 4, 15, 18, 23, 36, 39},
    /* vsync */ 27,
    /* href */ 25,
    /* pixel_clock */ 19,
    /* lamp */ -1,
};
