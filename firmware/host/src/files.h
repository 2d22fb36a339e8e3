// Files that are whole at any moment, and a store of settings made of them.
#pragma once

#include <camlink.h>

#include <string>
#include <string_view>

namespace host {

// The whole content; false when it cannot be read.
bool read_file(const std::string& path, std::string& out);

// Puts a file there, whole or not at all, and on the disk; false when that cannot be done.
bool write_file(const std::string& path, std::string_view content);

// Brings to the disk what a file holds, and the names in its folder.
bool sync_file(int fd);
bool sync_folder(const std::string& folder);

// camlink's settings, a file a key, in a folder that is there.
class FileStore final : public camlink::Store {
 public:
  explicit FileStore(std::string folder) : folder_(std::move(folder)) {}

  bool read(const char* key, char* buffer, std::size_t capacity, std::string_view& out) override;
  bool write(const char* key, std::string_view text) override;

 private:
  [[nodiscard]] std::string path(const char* key) const { return folder_ + "/" + key; }

  std::string folder_;
};

}  // namespace host
