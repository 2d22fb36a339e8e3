#include "discovery.h"

#include <ESPmDNS.h>

namespace espcam {
namespace {

// The responder stays up afterwards: it makes the camera known as NAME.local.
bool start_responder(const char* own_name) {
  static bool started = false;
  if (!started) {
    started = MDNS.begin(own_name);
  }
  return started;
}

}  // namespace

bool find_bridge(const char* own_name, FoundBridge& out) {
  if (!start_responder(own_name) || MDNS.queryService("espcam-bridge", "tcp") < 1) {
    return false;
  }
  out.port = MDNS.port(0);
  out.tls = MDNS.hasTxt(0, "tls") && MDNS.txt(0, "tls") == "1";
  // A certificate is made out to a name, so TLS needs it; without TLS the address spares a look-up.
  const String host = out.tls ? MDNS.hostname(0) + ".local" : MDNS.address(0).toString();
  return out.port != 0 && out.host.assign({host.c_str(), host.length()});
}

}  // namespace espcam
