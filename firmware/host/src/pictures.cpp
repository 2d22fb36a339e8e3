#include "pictures.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "files.h"
#include "report.h"

namespace host {

std::string Pictures::load(const std::string& folder) {
  std::vector<std::filesystem::path> names;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
    if (entry.path().extension() == ".jpg") {
      names.push_back(entry.path());
    }
  }
  if (problem) {
    return "--frames: " + folder + ": " + problem.message();
  }
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    std::string content;
    read_file(name.string(), content);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(content.data());
    const camlink::JpegCheck check = camlink::check_jpeg(bytes, content.size());
    if (check.ok()) {
      pictures_.push_back({{bytes, bytes + check.length_bytes}, check.width_px});
    } else {
      Report("picture_left_out").add("file", name.filename().string()).add("fault", camlink::name(check.fault));
    }
  }
  return pictures_.empty() ? "--frames: no whole JPEG (*.jpg) in " + folder : "";
}

const Picture& Pictures::next(camlink::Framesize framesize) {
  const std::uint16_t width_px = camlink::facts(framesize).width_px;
  for (std::size_t tried = 0; tried < pictures_.size(); ++tried) {
    const Picture& candidate = pictures_[at_++ % pictures_.size()];
    if (candidate.width_px == width_px) {
      return candidate;
    }
  }
  return pictures_[at_++ % pictures_.size()];
}

}  // namespace host
