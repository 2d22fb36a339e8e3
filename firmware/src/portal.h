// The captive portal: an access point of the camera's own whose page asks for the network and the bridge.
#pragma once

#include <WiFiManager.h>
#include <camlink.h>

namespace espcam {

// One task's, the network task's.
class Portal {
 public:
  // Writes what the page's form says into `configuration` and the store.
  Portal(camlink::Store& store, camlink::Configuration& configuration);

  // Opens the access point, named as the camera. It has the password of the configured network, so that nobody else
  // can change what a camera does by disturbing its network; before the first configuration it is open.
  // `problem`: why the camera has no link, for the page.
  void open(const camlink::Problem& problem);
  // Opens the page in the network that the camera is in, without an access point.
  void open_in_network(const camlink::Problem& problem);
  void close();
  void poll();
  // Whether a new configuration was kept since the last call.
  bool take_change();

 private:
  enum class Mode : std::uint8_t { kClosed, kAccessPoint, kInNetwork };

  void begin(const camlink::Problem& problem);
  void save();
  bool read_form(camlink::Configuration& wanted);
  bool read_field(camlink::Configuration& wanted, const char* field, const char* argument, bool empty_keeps);
  [[nodiscard]] String form(const camlink::Problem& problem) const;

  camlink::Store& store_;
  camlink::Configuration& configuration_;
  WiFiManager manager_;
  String form_;  // the parameter keeps a pointer into it
  WiFiManagerParameter* parameter_ = nullptr;
  camlink::Problem refusal_;  // why the last form was not taken
  Mode mode_ = Mode::kClosed;
  bool changed_ = false;
};

}  // namespace espcam
