#include "files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

namespace host {

namespace {

constexpr mode_t kOwnerOnly = 0600;  // the camera's key is one of the settings

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      return false;
    }
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

bool read_file(const std::string& path, std::string& out) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return false;
  }
  std::ostringstream content;
  content << file.rdbuf();
  out = content.str();
  return true;
}

bool write_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".part";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) {
    return false;
  }
  const bool written = write_all(fd, content) && sync_file(fd);
  close(fd);
  const std::size_t slash = path.rfind('/');
  return written && std::rename(fresh.c_str(), path.c_str()) == 0 &&
         sync_folder(slash == std::string::npos ? "." : path.substr(0, slash));
}

bool sync_file(int fd) { return fsync(fd) == 0; }

bool sync_folder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  const bool synced = fsync(fd) == 0;
  close(fd);
  return synced;
}

bool FileStore::read(const char* key, char* buffer, std::size_t capacity, std::string_view& out) {
  std::string content;
  if (!read_file(path(key), content) || content.size() > capacity) {
    return false;
  }
  std::memcpy(buffer, content.data(), content.size());
  out = std::string_view(buffer, content.size());
  return true;
}

bool FileStore::write(const char* key, std::string_view text) {
  if (text.empty()) {
    return unlink(path(key).c_str()) == 0 || errno == ENOENT;
  }
  return write_file(path(key), text);
}

}  // namespace host
