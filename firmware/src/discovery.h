// Where the bridge is, asked by multicast DNS.
#pragma once

#include <camlink.h>

namespace espcam {

struct FoundBridge {
  camlink::FixedText<128> host;
  std::uint16_t port = 0;
  bool tls = false;
};

// Asks for `_espcam-bridge._tcp` and takes the first answer; false when there is none. Takes 3 s.
bool find_bridge(const char* own_name, FoundBridge& out);

}  // namespace espcam
