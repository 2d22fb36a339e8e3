#include "options.h"

#include <cstdlib>
#include <string_view>

namespace host {

namespace {

constexpr std::string_view kPathBegin = "/ws/";
constexpr float kHighestFps = 60.0F;

bool read_whole(const std::string& text, std::uint32_t& out) {
  char* end = nullptr;
  const unsigned long long number = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || text[0] < '0' || text[0] > '9' || *end != '\0' || number > 0x7FFF'FFFFULL) {
    return false;
  }
  out = static_cast<std::uint32_t>(number);
  return true;
}

std::string read_url(const std::string& text, Options& out) {
  const auto url = parse_url(text);
  if (!url || url->scheme != "ws" || url->path.rfind(kPathBegin, 0) != 0 || url->path.size() == kPathBegin.size()) {
    return "--url must be ws://HOST:PORT/ws/CAMERA_ID (this camera has no TLS), not " + text;
  }
  out.url = *url;
  out.camera_id = url->path.substr(kPathBegin.size());
  return "";
}

std::string read_fps(const std::string& text, Options& out) {
  char* end = nullptr;
  out.fps = std::strtof(text.c_str(), &end);
  const bool good = !text.empty() && *end == '\0' && out.fps > 0 && out.fps <= kHighestFps;
  return good ? "" : "--fps must be above 0, at most 60, not " + text;
}

std::string read_option(const std::string& name, const std::string& value, Options& out) {
  if (name == "--url") {
    return read_url(value, out);
  }
  if (name == "--fps") {
    return read_fps(value, out);
  }
  if (name == "--disconnect-every") {
    return read_whole(value, out.disconnect_every_ms) ? "" : name + " must be milliseconds, not " + value;
  }
  if (name == "--runs") {
    return read_whole(value, out.runs) ? "" : name + " must be a whole number, not " + value;
  }
  std::string* const text = name == "--state"     ? &out.state
                            : name == "--frames"  ? &out.frames
                            : name == "--board"   ? &out.board
                            : name == "--version" ? &out.version
                            : name == "--token"   ? &out.token
                                                  : nullptr;
  if (text == nullptr) {
    return "there is no option " + name;
  }
  *text = value;
  return "";
}

}  // namespace

const char* const kUsage =
    "camlink-host --url ws://HOST:PORT/ws/CAMERA_ID --state FOLDER --frames FOLDER\n"
    "  The camera firmware's library as a camera on this machine; a line of JSON an event on standard output.\n"
    "  --fps N                what the sensor can do (10)\n"
    "  --board NAME           as in an image's marker (host)\n"
    "  --version VERSION      until an update is installed (0.0.0)\n"
    "  --token TOKEN          shown in place of the camera's own key\n"
    "  --disconnect-every MS  breaks each link by a TCP reset after a random time, MS in the mean\n"
    "  --runs N               ends after N such resets, once pictures flow again\n";

std::string read_options(int count, char** arguments, Options& out) {
  for (int i = 1; i < count; i += 2) {
    const std::string name = arguments[i];
    if (i + 1 >= count) {
      return name + " needs a value";
    }
    const std::string problem = read_option(name, arguments[i + 1], out);
    if (!problem.empty()) {
      return problem;
    }
  }
  if (out.camera_id.empty() || out.state.empty() || out.frames.empty()) {
    return "--url, --state and --frames are needed";
  }
  if (out.runs > 0 && out.disconnect_every_ms == 0) {
    return "--runs counts forced resets: give --disconnect-every, too";
  }
  return "";
}

}  // namespace host
