// Process: what the composition root needs of the operating system.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"

namespace ashlar {

// An exclusive lock on a file, held until destroyed (or the process ends, however it ends).
class FileLock {
 public:
  // Creates the file if needed. kAlreadyExists: another process holds it; its id is in the message.
  static Result<std::unique_ptr<FileLock>> Acquire(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// Blocks SIGTERM and SIGINT for all threads started later, so that WaitForStopSignal gets them, and
// ignores SIGPIPE. First thing in main.
void PrepareSignals();
// Until SIGTERM or SIGINT; its name.
std::string WaitForStopSignal();

// Raises the limit of open files to what the system allows; the limit then in force.
uint64_t RaiseOpenFilesLimit();

// Makes the folder (and its parents) private to the user; fine if it exists. For start-up, before
// there is a loop to run a Disk on.
Status MakePrivateDirectory(const std::string& path);

// Does a person look at standard error?
bool StandardErrorIsTerminal();

}  // namespace ashlar
