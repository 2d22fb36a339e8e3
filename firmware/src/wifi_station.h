// Joining the network and staying in it.
#pragma once

#include <camlink.h>

namespace espcam {

class WifiStation {
 public:
  // Switches the radio on, without joining.
  void start();
  void join(const camlink::Configuration& configuration);
  // Looks whether the network came or went; true when it did, with `up` the news.
  bool poll(bool& up);
  [[nodiscard]] bool up() const { return up_; }

 private:
  bool up_ = false;
};

}  // namespace espcam
