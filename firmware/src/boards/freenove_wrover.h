// Freenove ESP32-WROVER CAM. The pins are those of Espressif's WROVER kit. It has no lamp.
#pragma once

#include "board_pins.h"

#define ESPCAM_BOARD_NAME "freenove-wrover"  // as in hello.board and in the image's marker

constexpr BoardPins kBoardPins = {
    /* power_down */ -1,
    /* reset */ -1,
    /* xclk */ 21,
    /* sccb_data */ 26,
    /* sccb_clock */ 27,
    /* data */ {4, 5, 18, 19, 36, 39, 34, 35},
    /* vsync */ 25,
    /* href */ 23,
    /* pixel_clock */ 22,
    /* lamp */ -1,
};
