#include "discovery.h"

#include <ESPmDNS.h>
#include <WiFi.h>
#include <mdns.h>

#include <cstring>

namespace espcam {
namespace {

constexpr std::uint32_t kWaitMs = 3000;
constexpr std::size_t kMaxAnswers = 4;

// The responder stays up afterwards: it makes the camera known as NAME.local.
bool start_responder(const char* own_name) {
  static bool started = false;
  if (!started) {
    started = MDNS.begin(own_name);
  }
  return started;
}

// A bridge that runs in a container's host, or has two networks, tells addresses that this camera cannot reach: one
// of the camera's own network comes before the first.
IPAddress reachable(const mdns_result_t& answer) {
  const std::uint32_t mask = WiFi.subnetMask();
  const std::uint32_t own = static_cast<std::uint32_t>(WiFi.localIP()) & mask;
  IPAddress first;
  for (const mdns_ip_addr_t* at = answer.addr; at != nullptr; at = at->next) {
    if (at->addr.type != ESP_IPADDR_TYPE_V4) {
      continue;
    }
    const std::uint32_t address = at->addr.u_addr.ip4.addr;
    if ((address & mask) == own) {
      return IPAddress(address);
    }
    if (first == IPAddress()) {
      first = IPAddress(address);
    }
  }
  return first;
}

bool wants_tls(const mdns_result_t& answer) {
  for (std::size_t at = 0; at < answer.txt_count; ++at) {
    const mdns_txt_item_t& item = answer.txt[at];
    if (item.key != nullptr && item.value != nullptr && std::strcmp(item.key, "tls") == 0) {
      return std::strcmp(item.value, "1") == 0;
    }
  }
  return false;
}

bool read_answer(const mdns_result_t& answer, FoundBridge& out) {
  out.port = answer.port;
  out.tls = wants_tls(answer);
  // A certificate is made out to a name, so TLS needs it; without TLS the address spares a look-up.
  String host;
  if (out.tls && answer.hostname != nullptr) {
    host = String(answer.hostname) + ".local";
  } else if (const IPAddress address = reachable(answer); address != IPAddress()) {
    host = address.toString();
  }
  return out.port != 0 && !host.isEmpty() && out.host.assign({host.c_str(), host.length()});
}

}  // namespace

bool find_bridge(const char* own_name, FoundBridge& out) {
  mdns_result_t* answers = nullptr;
  if (!start_responder(own_name) ||
      mdns_query_ptr("_espcam-bridge", "_tcp", kWaitMs, kMaxAnswers, &answers) != ESP_OK) {
    return false;
  }
  bool found = false;
  for (const mdns_result_t* answer = answers; answer != nullptr && !found; answer = answer->next) {
    found = read_answer(*answer, out);
  }
  mdns_query_results_free(answers);
  return found;
}

}  // namespace espcam
