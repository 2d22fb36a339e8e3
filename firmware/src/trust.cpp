#include "trust.h"

// The authorities that ESP-IDF builds in (Mozilla's).
extern const std::uint8_t bundle_start[] asm("_binary_x509_crt_bundle_start");
extern const std::uint8_t bundle_end[] asm("_binary_x509_crt_bundle_end");

namespace espcam {

void set_trust(NetworkClientSecure& client, const camlink::Configuration& configuration) {
  client.setHandshakeTimeout(kHandshakeS);
  if (!configuration.ca_pem.empty()) {
    client.setCACert(configuration.ca_pem.c_str());
  } else {
    client.setCACertBundle(bundle_start, static_cast<std::size_t>(bundle_end - bundle_start));
  }
}

}  // namespace espcam
