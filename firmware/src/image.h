// The image that runs: what it says of itself, and whether it may stay.
#pragma once

#include <string_view>

namespace espcam {

// "ESPCAM-FIRMWARE;board=...;version=...;": the bridge finds it in the file.
std::string_view image_marker();

// Whether this image runs for the first time after an update and the bootloader would still go back.
bool image_on_trial();
// It works: keep it.
void mark_image_valid();
// It does not: restart with the one before. Returns only when there is none.
void roll_back_image();

}  // namespace espcam
