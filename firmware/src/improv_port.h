// Improv on the serial line: a browser at the USB cable gives the camera its network.
#pragma once

#include <camlink.h>

namespace espcam {

// One task's, the network task's.
class ImprovPort {
 public:
  ImprovPort(camlink::Store& store, camlink::Configuration& configuration)
      : store_(store), configuration_(configuration) {}

  // Reads what came over the line and answers. `wifi_up`: whether the network is joined.
  void poll(std::uint32_t now_ms, bool wifi_up);
  // Whether a new network was kept since the last call.
  bool take_change();

 private:
  void obey(std::uint32_t now_ms, bool wifi_up);
  void take_network(std::uint32_t now_ms);
  void settle(std::uint32_t now_ms, bool wifi_up);
  void tell_networks();
  static void send(const camlink::ImprovPacket& packet);

  camlink::Store& store_;
  camlink::Configuration& configuration_;
  camlink::ImprovReader reader_;
  camlink::Deadline joining_;  // armed: somebody waits for the network that they gave
  bool left_old_network_ = false;
  bool changed_ = false;
};

}  // namespace espcam
