// Whom a TLS client trusts: the user's certificate, else the public authorities. Never everybody.
#pragma once

#include <NetworkClientSecure.h>
#include <camlink.h>

namespace espcam {

// The handshake may take 10 s: the watchdog waits 20 s, and the core's own limit is 120 s.
constexpr unsigned long kHandshakeS = 10;

// `configuration` must outlive the client, which keeps a pointer into it.
void set_trust(NetworkClientSecure& client, const camlink::Configuration& configuration);

}  // namespace espcam
