#include "portal.h"

#include <memory>
#include <new>

#include "console.h"
#include "storage.h"

namespace espcam {
namespace {

constexpr std::size_t kLeastWpaPassword = 8;
constexpr std::size_t kMostWpaPassword = 63;  // 64 hex digits are a key, which an access point cannot have

String escaped(const char* text) {
  String out;
  for (; *text != '\0'; ++text) {
    switch (*text) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += *text;
    }
  }
  return out;
}

String input(const char* name, const char* label, const char* value, const char* hint) {
  return String("<label for='") + name + "'>" + label + "</label><input id='" + name + "' name='" + name + "' value='" +
         escaped(value) + "' placeholder='" + hint + "'>";
}

}  // namespace

Portal::Portal(camlink::Store& store, camlink::Configuration& configuration)
    : store_(store), configuration_(configuration) {
  manager_.setDebugOutput(false);  // it would print the network's password
  manager_.setConfigPortalBlocking(false);
  manager_.setSaveConnect(false);  // the session joins
  manager_.setShowInfoErase(false);
  manager_.setShowInfoUpdate(false);  // an update is signed for by the bridge, not uploaded by a passer-by
  const char* menu[] = {"wifi"};
  manager_.setMenu(menu, 1);
  manager_.setTitle("Camera");
  manager_.setSaveParamsCallback([this] { save(); });
}

void Portal::begin(const camlink::Problem& problem) {
  form_ = form(problem);
  if (parameter_ == nullptr) {
    parameter_ = new (std::nothrow) WiFiManagerParameter(form_.c_str());
    if (parameter_ != nullptr) {
      manager_.addParameter(parameter_);
    }
  } else {
    // The parameter's text cannot be changed, but it can be made anew where it lies; the manager has its address.
    parameter_->~WiFiManagerParameter();
    new (parameter_) WiFiManagerParameter(form_.c_str());
  }
}

void Portal::open(const camlink::Problem& problem) {
  close();
  begin(problem);
  const bool guarded =
      configuration_.password.size() >= kLeastWpaPassword && configuration_.password.size() <= kMostWpaPassword;
  camlink::FixedText<32> name;  // a network's name has no more
  name.append(configuration_.camera_id.view());
  say(guarded ? "Portal: join this network with your Wi-Fi's password" : "Portal: join this open network", name.view());
  manager_.startConfigPortal(name.c_str(), guarded ? configuration_.password.c_str() : nullptr);
  mode_ = Mode::kAccessPoint;
}

void Portal::open_in_network(const camlink::Problem& problem) {
  if (mode_ != Mode::kClosed) {
    return;
  }
  begin(problem);
  manager_.startWebPortal();
  mode_ = Mode::kInNetwork;
}

void Portal::close() {
  if (mode_ == Mode::kAccessPoint) {
    manager_.stopConfigPortal();
  } else if (mode_ == Mode::kInNetwork) {
    manager_.stopWebPortal();
  }
  mode_ = Mode::kClosed;
}

void Portal::poll() {
  if (mode_ != Mode::kClosed) {
    manager_.process();
  }
}

bool Portal::take_change() {
  const bool changed = changed_;
  changed_ = false;
  return changed;
}

void Portal::save() {
  // On the heap: a configuration has 3.5 KB with its certificate.
  std::unique_ptr<camlink::Configuration> wanted(new (std::nothrow) camlink::Configuration(configuration_));
  refusal_.clear();
  if (wanted == nullptr) {
    refusal_.assign("no memory: restart the camera");
  } else if (read_form(*wanted) && camlink::check(*wanted, refusal_)) {
    configuration_ = *wanted;
    if (!camlink::save(store_, configuration_)) {
      say("Portal", "the settings are used but could not be kept: the flash is full or worn out");
    }
    changed_ = true;
  }
  if (!refusal_.empty()) {
    say("Portal: not taken", refusal_.view());
    form_ = form({});  // shows the refusal when the page is loaded again
    begin({});
  }
}

bool Portal::read_form(camlink::Configuration& wanted) {
  const bool same_network = manager_.server->arg("s") == configuration_.ssid.c_str() || manager_.server->arg("s") == "";
  return read_field(wanted, "ssid", "s", true) && read_field(wanted, "password", "p", same_network) &&
         read_field(wanted, "host", "host", false) && read_field(wanted, "port", "port", true) &&
         read_field(wanted, "tls", "tls", true) && read_field(wanted, "ca", "ca", true) &&
         read_field(wanted, "id", "id", true) && read_field(wanted, "token", "token", true) &&
         read_field(wanted, "address", "address", false) && read_field(wanted, "gateway", "gateway", false) &&
         read_field(wanted, "netmask", "netmask", false) && read_field(wanted, "dns", "dns", false) &&
         (manager_.server->arg("xclk") == "" || save_xclk(store_, manager_.server->arg("xclk").c_str()) ||
          (refusal_.assign("the camera's clock must be 6 to 24 MHz"), false));
}

bool Portal::read_field(camlink::Configuration& wanted, const char* field, const char* argument, bool empty_keeps) {
  if (!manager_.server->hasArg(argument)) {
    return true;
  }
  String value = manager_.server->arg(argument);
  if (std::string_view(field) != "password" && std::string_view(field) != "ssid") {  // both may end in a space
    value.trim();
  }
  if (value == "" && empty_keeps) {
    return true;
  }
  if (std::string_view(argument) == "ca" && value == "-") {
    value = "";  // how a certificate is taken away
  }
  return camlink::set_field(wanted, field, {value.c_str(), value.length()}, refusal_);
}

String Portal::form(const camlink::Problem& problem) const {
  const camlink::Configuration& now = configuration_;
  String html;
  html.reserve(3000);
  if (!refusal_.empty()) {
    html += "<p><b>Not saved: " + escaped(refusal_.c_str()) + "</b></p>";
  }
  if (!problem.empty()) {
    html += "<p>Last problem: " + escaped(problem.c_str()) + "</p>";
  }
  html += input("host", "Bridge", now.host.c_str(), "empty: found by itself");
  html += input("port", "Port", String(now.port).c_str(), "3001");
  html +=
      String("<label for='tls'>TLS</label><select id='tls' name='tls'><option value='0'>no</option><option value='1'") +
      (now.tls ? " selected" : "") + ">yes</option></select>";
  html += String("<label for='ca'>Certificate (PEM)</label><textarea id='ca' name='ca' rows='4' placeholder='") +
          (now.ca_pem.empty() ? "empty: public authorities" : "one is kept; - takes it away") + "'></textarea>";
  html += input("id", "Camera id", now.camera_id.c_str(), "");
  html += input("token", "Token", "", now.token.empty() ? "empty: the bridge approves this camera" : "one is kept");
  html += input("address", "Static address", now.address.c_str(), "empty: DHCP");
  html += input("gateway", "Gateway", now.gateway.c_str(), "");
  html += input("netmask", "Netmask", now.netmask.c_str(), "255.255.255.0");
  html += input("dns", "DNS", now.dns.c_str(), "empty: the gateway");
  html += input("xclk", "Camera clock (MHz)", "", "20; 8 or 16.5 when Wi-Fi suffers; after a restart");
  return html;
}

}  // namespace espcam
