// A camera on this machine: the firmware's own library, with sockets and files in place of a board.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "camera.h"

namespace {

constexpr const char* kReasonVariable = "CAMLINK_HOST_RESET_REASON";
constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

volatile std::sig_atomic_t stopped = 0;

void stop(int /*number*/) { stopped = 1; }

int wrong_usage(const std::string& problem) {
  std::fprintf(stderr, "camlink-host: %s\n%s", problem.c_str(), host::kUsage);
  return kWrongUsage;
}

host::Outcome run(const host::Options& options, host::Pictures pictures, std::string& restart_reason) {
  const char* reason = std::getenv(kReasonVariable);
  host::FileStore store(options.state);
  host::Camera camera(options, std::move(pictures), store, reason != nullptr ? reason : "power_on");
  const host::Outcome outcome = camera.run(stopped);
  restart_reason = camera.restart_reason() != nullptr ? camera.restart_reason() : "";
  return outcome;
}

}  // namespace

int main(int count, char** arguments) {
  host::Options options;
  host::Pictures pictures;
  std::string problem = host::read_options(count, arguments, options);
  if (!problem.empty()) {
    return wrong_usage(problem);
  }
  if (mkdir(options.state.c_str(), 0700) != 0 && errno != EEXIST) {
    return wrong_usage("--state: " + options.state + ": " + std::strerror(errno));
  }
  problem = pictures.load(options.frames);
  if (!problem.empty()) {
    return wrong_usage(problem);
  }
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  std::signal(SIGPIPE, SIG_IGN);
  std::string reason;
  switch (run(options, std::move(pictures), reason)) {
    case host::Outcome::kStopped:
    case host::Outcome::kDone:
      return kGood;
    case host::Outcome::kStuck:
      return kFailed;
    case host::Outcome::kRestart:
      break;
  }
  // A new program, as a board that boots: nothing is left of this one but the files and the number of the process.
  setenv(kReasonVariable, reason.c_str(), 1);
  execv("/proc/self/exe", arguments);
  std::fprintf(stderr, "camlink-host: cannot begin anew: %s\n", std::strerror(errno));
  return kFailed;
}
