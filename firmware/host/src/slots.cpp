#include "slots.h"

#include <camlink.h>
#include <unistd.h>

#include <cstdio>

#include "files.h"

namespace host {

namespace {

constexpr const char* kFresh = "installed";
constexpr const char* kStarted = "started";

bool is_there(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

RunningImage ImageSlots::boot(const std::string& board) {
  RunningImage image;
  std::string trial;
  const bool tried = read_file(path("trial"), trial);
  if (tried && trial != kFresh) {
    roll_back();
    image.rolled_back = true;
  } else if (tried) {
    write_file(path("trial"), kStarted);
    image.on_trial = true;
  }
  image.version = version(board);
  if (image.on_trial && image.version.empty()) {
    roll_back();
    image = {version(board), false, true};
  }
  return image;
}

bool ImageSlots::install() {
  if (is_there(path("bin"))) {
    unlink(path("old").c_str());
    if (link(path("bin").c_str(), path("old").c_str()) != 0) {
      return false;
    }
  }
  // The trial is noted first: should the power go in between, the old image has to prove itself, and no new one
  // runs unproven.
  if (!write_file(path("trial"), kFresh)) {
    return false;
  }
  if (std::rename(fresh_path().c_str(), path("bin").c_str()) != 0) {
    mark_valid();
    return false;
  }
  return sync_folder(folder_);
}

void ImageSlots::mark_valid() {
  unlink(path("trial").c_str());
  unlink(path("old").c_str());
}

void ImageSlots::roll_back() {
  if (std::rename(path("old").c_str(), path("bin").c_str()) != 0) {
    unlink(path("bin").c_str());
  }
  unlink(path("trial").c_str());
}

std::string ImageSlots::version(const std::string& board) const {
  std::string image;
  if (!read_file(path("bin"), image)) {
    return "";
  }
  const std::string before = std::string(camlink::kImageMarker) + "board=" + board + ";version=";
  const std::size_t at = image.find(before);
  if (at == std::string::npos) {
    return "";
  }
  const std::size_t begin = at + before.size();
  const std::size_t end = image.find(';', begin);
  return end == std::string::npos ? "" : image.substr(begin, end - begin);
}

}  // namespace host
