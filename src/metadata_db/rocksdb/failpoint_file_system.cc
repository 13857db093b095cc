// A file system that tests can cut short, at every step the engine takes by itself: commits, but
// also flushes, compactions, manifests and the recovery of a start.
//
// Invariants
//  1. Every append, sync, truncation, close, creation, rename and removal is a step, also those of
//     directories. Reads are none, nor are the engine's lock file and its log of messages.
//  2. A step that is told to fail has done nothing, and fails like a device does: an IOError that
//     the engine does not retry.
//  3. A delay holds the calling thread, which is one of the engine's own or the commit thread.
#include "metadata_db/rocksdb/failpoint_file_system.h"

#include <rocksdb/file_system.h>

#include <memory>
#include <string>
#include <utility>

#include "runtime/failpoint.h"

namespace ashlar::metadata_db {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

template <typename Step>
IOStatus Persist(const char* what, const std::string& path, Step step) {
  const FailpointHit hit = Failpoint("metadata.persist", std::string(what) + " " + path);
  if (hit.action == FailpointAction::kError) {
    return IOStatus::IOError("failpoint metadata.persist", path);
  }
  if (hit.action == FailpointAction::kDelay) {
    rocksdb::Env::Default()->SleepForMicroseconds(hit.delay_ms * 1000);
  }
  return step();
}

class FailpointFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using Base = rocksdb::FSWritableFileOwnerWrapper;
  using Verification = rocksdb::DataVerificationInfo;

  FailpointFile(std::unique_ptr<FSWritableFile> file, std::string path)
      : Base(std::move(file)), path_(std::move(path)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return Persist("append", path_, [&] { return Base::Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const Verification& verification,
                  IODebugContext* debug) override {
    return Persist("append", path_,
                   [&] { return Base::Append(data, options, verification, debug); });
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    return Persist("append", path_,
                   [&] { return Base::PositionedAppend(data, offset, options, debug); });
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const Verification& verification, IODebugContext* debug) override {
    return Persist("append", path_, [&] {
      return Base::PositionedAppend(data, offset, options, verification, debug);
    });
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return Persist("truncate", path_, [&] { return Base::Truncate(size, options, debug); });
  }
  // Gives back what was allocated ahead.
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return Persist("close", path_, [&] { return Base::Close(options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return Persist("sync", path_, [&] { return Base::Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Persist("sync", path_, [&] { return Base::Fsync(options, debug); });
  }
  IOStatus RangeSync(uint64_t offset, uint64_t size, const IOOptions& options,
                     IODebugContext* debug) override {
    return Persist("sync", path_, [&] { return Base::RangeSync(offset, size, options, debug); });
  }

 private:
  const std::string path_;
};

class FailpointDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  using Base = rocksdb::FSDirectoryWrapper;

  FailpointDirectory(std::unique_ptr<FSDirectory> directory, std::string path)
      : Base(std::move(directory)), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Persist("sync directory", path_, [&] { return Base::Fsync(options, debug); });
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& reason) override {
    return Persist("sync directory", path_,
                   [&] { return Base::FsyncWithDirOptions(options, debug, reason); });
  }

 private:
  const std::string path_;
};

class FailpointFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using Base = rocksdb::FileSystemWrapper;

  FailpointFileSystem() : Base(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FailpointFileSystem"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    const IOStatus opened =
        Persist("create", path, [&] { return Base::NewWritableFile(path, options, file, debug); });
    return Wrap(opened, path, file);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<FSWritableFile>* file,
                              IODebugContext* debug) override {
    const IOStatus opened = Persist(
        "create", path, [&] { return Base::ReopenWritableFile(path, options, file, debug); });
    return Wrap(opened, path, file);
  }
  // Renames `from` and opens it.
  IOStatus ReuseWritableFile(const std::string& path, const std::string& from,
                             const FileOptions& options, std::unique_ptr<FSWritableFile>* file,
                             IODebugContext* debug) override {
    const IOStatus opened = Persist(
        "rename", path, [&] { return Base::ReuseWritableFile(path, from, options, file, debug); });
    return Wrap(opened, path, file);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<FSDirectory>* directory, IODebugContext* debug) override {
    const IOStatus opened = Base::NewDirectory(path, options, directory, debug);
    if (opened.ok()) {
      *directory = std::make_unique<FailpointDirectory>(std::move(*directory), path);
    }
    return opened;
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    return Persist("remove", path, [&] { return Base::DeleteFile(path, options, debug); });
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions& options,
                    IODebugContext* debug) override {
    return Persist("truncate", path, [&] { return Base::Truncate(path, size, options, debug); });
  }
  IOStatus CreateDir(const std::string& path, const IOOptions& options,
                     IODebugContext* debug) override {
    return Persist("create directory", path, [&] { return Base::CreateDir(path, options, debug); });
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options,
                              IODebugContext* debug) override {
    return Persist("create directory", path,
                   [&] { return Base::CreateDirIfMissing(path, options, debug); });
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions& options,
                     IODebugContext* debug) override {
    return Persist("remove directory", path, [&] { return Base::DeleteDir(path, options, debug); });
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    return Persist("rename", to, [&] { return Base::RenameFile(from, to, options, debug); });
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* debug) override {
    return Persist("link", to, [&] { return Base::LinkFile(from, to, options, debug); });
  }

 private:
  static IOStatus Wrap(const IOStatus& opened, const std::string& path,
                       std::unique_ptr<FSWritableFile>* file) {
    if (opened.ok()) *file = std::make_unique<FailpointFile>(std::move(*file), path);
    return opened;
  }
};

}  // namespace

rocksdb::Env* FailpointEnv() {
  static const std::unique_ptr<rocksdb::Env> env =
      rocksdb::NewCompositeEnv(std::make_shared<FailpointFileSystem>());
  return env.get();
}

}  // namespace ashlar::metadata_db
