// The command line of camlink-host.
#pragma once

#include <cstdint>
#include <string>

#include "url.h"

namespace host {

struct Options {
  Url url;                // ws://HOST[:PORT]/ws/CAMERA_ID
  std::string camera_id;  // from the address
  std::string state;      // folder: settings, key, image
  std::string frames;     // folder of JPEG files
  float fps = 10.0F;      // what the sensor can do; the bridge may ask for less
  std::string board = "host";
  std::string version = "0.0.0";          // of the program, until an update is installed
  std::string token;                      // as the user types it; empty: the camera's own key is shown
  std::uint32_t disconnect_every_ms = 0;  // mean time from dialling to a forced reset; 0: never
  std::uint32_t runs = 0;                 // forced resets before the end; 0: no end
};

extern const char* const kUsage;

// Reads the command line. Returns what is wrong with it and how to mend it; empty when all is well.
std::string read_options(int count, char** arguments, Options& out);

}  // namespace host
