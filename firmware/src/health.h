// What the board knows of itself, for hello and telemetry.
#pragma once

#include <camlink.h>

namespace espcam {

// The radio, memory, time and temperature; the rest of the message is left alone.
void read_health(camlink::Telemetry& out);

const char* chip_name();
std::uint32_t psram_bytes();
// "aa:bb:cc:dd:ee:ff".
camlink::FixedText<17> mac_text();

}  // namespace espcam
