#include "runtime/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ashlar {
namespace {

std::string ErrnoText(int error) {
  std::array<char, 128> buffer{};
  return strerror_r(error, buffer.data(), buffer.size());
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

Result<std::unique_ptr<FileLock>> FileLock::Acquire(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    const int error = errno;
    return Status(error == ENOSPC ? Code::kNoSpace : Code::kIoError,
                  "cannot open " + path + ": " + ErrnoText(error));
  }
  std::unique_ptr<FileLock> lock(new FileLock(fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> holder{};
    const ssize_t count = pread(fd, holder.data(), holder.size() - 1, 0);
    return Status(Code::kAlreadyExists,
                  "another process works on this data (" + path + " is locked" +
                      (count > 0 ? " by process " + std::string(holder.data()) : "") + ")");
  }
  const std::string id = std::to_string(getpid());
  if (ftruncate(fd, 0) != 0 ||
      pwrite(fd, id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
    const int error = errno;
    return Status(error == ENOSPC ? Code::kNoSpace : Code::kIoError,
                  "cannot write " + path + ": " + ErrnoText(error));
  }
  return lock;
}

FileLock::~FileLock() { close(fd_); }

void PrepareSignals() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

std::string WaitForStopSignal() {
  const sigset_t signals = StopSignals();
  int number = 0;
  while (sigwait(&signals, &number) != 0) {
  }
  return number == SIGTERM ? "SIGTERM" : "SIGINT";
}

uint64_t RaiseOpenFilesLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

Status MakePrivateDirectory(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string prefix = path.substr(0, slash);
    if (mkdir(prefix.c_str(), 0700) != 0 && errno != EEXIST) {
      const int error = errno;
      return {error == ENOSPC ? Code::kNoSpace : Code::kIoError,
              "cannot create " + prefix + ": " + ErrnoText(error)};
    }
    if (slash == std::string::npos) break;
  }
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return {Code::kInvalidArgument, path + " is not a directory"};
  }
  if (access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return {Code::kIoError, "cannot write to " + path + ": " + ErrnoText(errno)};
  }
  return Status::Ok();
}

bool StandardErrorIsTerminal() { return isatty(STDERR_FILENO) == 1; }

}  // namespace ashlar
