// Where a board's camera and lamp are connected.
#pragma once

// GPIO numbers; -1: the board has no such line.
struct BoardPins {
  int power_down;  // high switches the sensor off
  int reset;
  int xclk;
  int sccb_data;
  int sccb_clock;
  int data[8];  // lowest bit first: Y2 to Y9 in the makers' tables
  int vsync;
  int href;
  int pixel_clock;
  int lamp;
};
