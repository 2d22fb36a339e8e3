// camlink's store in the flash's key-value area (NVS), and what only this board keeps there.
#pragma once

#include <Preferences.h>
#include <camlink.h>

namespace espcam {

class NvsStore : public camlink::Store {
 public:
  // False when the area cannot be opened: nothing is kept then, and everything has its default.
  bool start();

  bool read(const char* key, char* buffer, std::size_t capacity, std::string_view& out) override;
  bool write(const char* key, std::string_view text) override;

 private:
  Preferences preferences_;
  bool started_ = false;
};

// The configuration with a key: made and kept at the first start. The radio must be on, or the key is not random.
void load_configuration(camlink::Store& store, camlink::Configuration& out);

// The clock given to the sensor in Hz; 20 MHz unless the user set another.
std::uint32_t load_xclk_hz(camlink::Store& store);
// In MHz, "6" to "24", "16.5" as well; false, and nothing is kept, for anything else.
bool save_xclk(camlink::Store& store, std::string_view mhz);

// Why the firmware itself restarted the board, for the first hello after it; taken once.
void save_restart_reason(camlink::Store& store, camlink::RestartReason reason);
camlink::FixedText<32> take_restart_reason(camlink::Store& store);

}  // namespace espcam
