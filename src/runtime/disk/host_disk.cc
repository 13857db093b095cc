// The host's own disk: io_uring of the calling loop for reads, writes and syncs; the blocking pool
// for everything else and where there is no ring. All counters of the metrics page are counted
// here, and the failpoints disk.read, disk.write, disk.sync, disk.allocate and disk.persist (any of
// write, sync, allocate, create, rename, directory sync) act here, with the path as their detail.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "runtime/disk.h"
#include "runtime/disk/blocking_pool.h"
#include "runtime/disk/recent_reads.h"
#include "runtime/disk/uring.h"
#include "runtime/failpoint.h"
#include "runtime/loop/event_loop_impl.h"
#include "runtime/metrics.h"

namespace ashlar {
namespace {

struct DiskMetrics {
  prometheus::Counter& syncs =
      MetricCounter("ashlar_disk_syncs_total", "fdatasync and fsync calls.");
  prometheus::Counter& writes = MetricCounter("ashlar_disk_writes_total", "Write calls.");
  prometheus::Counter& reads = MetricCounter("ashlar_disk_reads_total", "Read calls.");
  prometheus::Counter& bytes_written =
      MetricCounter("ashlar_disk_bytes_written_total", "Bytes handed to write calls.");
  prometheus::Counter& bytes_read =
      MetricCounter("ashlar_disk_bytes_read_total", "Bytes asked of read calls.");
  prometheus::Counter& files_created =
      MetricCounter("ashlar_disk_files_created_total", "Files created, renamed or removed.");
  prometheus::Counter& errors =
      MetricCounter("ashlar_disk_errors_total", "Disk operations that answered an error.");
};
DiskMetrics& Metrics() {
  static DiskMetrics metrics;
  return metrics;
}

Status ErrnoStatus(int error, const char* what, const std::string& path) {
  Metrics().errors.Increment();
  std::array<char, 128> buffer{};
  const std::string text =
      std::string(what) + " " + path + ": " + strerror_r(error, buffer.data(), buffer.size());
  switch (error) {
    case ENOSPC:
    case EDQUOT: return {Code::kNoSpace, text};
    case ENOENT: return {Code::kNotFound, text};
    case EEXIST: return {Code::kAlreadyExists, text};
    default: return {Code::kIoError, text};
  }
}

// Waits if the failpoint says so; true when it asks for an error.
Task<FailpointAction> PassFailpoint(const char* name, std::string path) {
  FailpointHit hit = Failpoint(name, path);
  if (hit.action == FailpointAction::kDelay) {
    Sleep delay(std::chrono::milliseconds(hit.delay_ms));
    co_await delay;
  }
  co_return hit.action;
}

struct SubmitToRing {
  Uring* ring;
  UringOperation* operation;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const {
    operation->waiter = waiter;
    ring->Enqueue(operation);
  }
  void await_resume() const noexcept {}
};

int RunBlocking(const UringOperation& operation) {
  ssize_t result = 0;
  do {
    switch (operation.kind) {
      case UringOperation::Kind::kRead:
        result = preadv(operation.fd, operation.iovecs, static_cast<int>(operation.iovec_count),
                        static_cast<off_t>(operation.offset));
        break;
      case UringOperation::Kind::kWrite:
        result = pwritev(operation.fd, operation.iovecs, static_cast<int>(operation.iovec_count),
                         static_cast<off_t>(operation.offset));
        break;
      case UringOperation::Kind::kSync: result = fdatasync(operation.fd); break;
    }
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : static_cast<int>(result);
}

// Runs one operation on whatever the calling loop has.
Task<int> RunOperation(UringOperation* operation) {
  EventLoop* loop = EventLoop::CurrentLoop();
  if (loop != nullptr && loop->ring() != nullptr) {
    while (true) {
      SubmitToRing submit{loop->ring(), operation};
      co_await submit;
      if (operation->result != -EINTR && operation->result != -EAGAIN) co_return operation->result;
    }
  }
  auto call =
      BlockingPool::Shared().Run([operation] { operation->result = RunBlocking(*operation); });
  co_await call;
  co_return operation->result;
}

class HostFile : public DiskFile {
 public:
  HostFile(int fd, std::string path)
      : fd_(fd), path_(std::move(path)), path_hash_(std::hash<std::string>()(path_)) {}
  ~HostFile() override {
    close(fd_);
    if (const int direct = direct_fd_.load(); direct >= 0) close(direct);
  }

  Task<Status> ReadAt(uint64_t offset, MutableByteSpan out) override {
    FailpointAction action = FailpointAction::kNone;
    if (FailpointsArmed()) {
      action = co_await PassFailpoint("disk.read", path_);
      if (action == FailpointAction::kError) co_return ErrnoStatus(EIO, "read", path_);
    }
    Metrics().reads.Increment();
    Metrics().bytes_read.Increment(static_cast<double>(out.size()));
    MutableByteSpan rest = out;
    const bool past_cache =
        out.size() >= kDirectBytesMin && !RecentReads::Shared().SeenBefore(path_hash_, offset);
    while (!rest.empty()) {
      iovec part{rest.data(), rest.size()};
      UringOperation operation;
      operation.kind = UringOperation::Kind::kRead;
      operation.offset = offset;
      operation.iovecs = &part;
      operation.iovec_count = 1;
      const int direct = past_cache ? DirectFd(offset, std::span(&part, 1)) : -1;
      const int count = co_await RunOnEither(&operation, direct);
      if (count < 0) co_return ErrnoStatus(-count, "read", path_);
      if (count == 0) co_return Status(Code::kIoError, "read beyond the end of " + path_);
      rest = rest.subspan(static_cast<size_t>(count));
      offset += static_cast<uint64_t>(count);
    }
    if (action == FailpointAction::kCorrupt && !out.empty()) out[out.size() / 2] ^= 0x10;
    co_return Status::Ok();
  }

  Task<Status> WriteAt(uint64_t offset, std::span<const ByteSpan> parts) override {
    if (FailpointsArmed()) {
      CO_RETURN_IF_ERROR(co_await PassPersistence("disk.write", EIO));
    }
    std::vector<iovec> iovecs;
    iovecs.reserve(parts.size());
    uint64_t total = 0;
    for (const ByteSpan part : parts) {
      if (part.empty()) continue;
      iovecs.push_back({const_cast<uint8_t*>(part.data()), part.size()});
      total += part.size();
    }
    Metrics().writes.Increment();
    Metrics().bytes_written.Increment(static_cast<double>(total));
    size_t first = 0;
    while (first < iovecs.size()) {
      UringOperation operation;
      operation.kind = UringOperation::Kind::kWrite;
      operation.offset = offset;
      operation.iovecs = iovecs.data() + first;
      operation.iovec_count = static_cast<unsigned>(std::min<size_t>(iovecs.size() - first, 1024));
      const int direct = DirectFd(offset, std::span(iovecs).subspan(first));
      const int count = co_await RunOnEither(&operation, direct);
      if (count < 0) co_return ErrnoStatus(-count, "write", path_);
      if (count == 0) co_return Status(Code::kIoError, "write made no progress: " + path_);
      offset += static_cast<uint64_t>(count);
      for (auto left = static_cast<size_t>(count); left > 0;) {
        iovec& part = iovecs[first];
        const size_t taken = std::min(left, part.iov_len);
        part.iov_base = static_cast<uint8_t*>(part.iov_base) + taken;
        part.iov_len -= taken;
        left -= taken;
        if (part.iov_len == 0) ++first;
      }
    }
    co_return Status::Ok();
  }

  Task<Status> Sync() override {
    if (FailpointsArmed()) {
      CO_RETURN_IF_ERROR(co_await PassPersistence("disk.sync", EIO));
    }
    Metrics().syncs.Increment();
    UringOperation operation;
    operation.kind = UringOperation::Kind::kSync;
    operation.fd = fd_;
    const int result = co_await RunOperation(&operation);
    if (result < 0) co_return ErrnoStatus(-result, "sync", path_);
    co_return Status::Ok();
  }

  Task<Status> Allocate(uint64_t offset, uint64_t size) override {
    if (FailpointsArmed()) {
      CO_RETURN_IF_ERROR(co_await PassPersistence("disk.allocate", ENOSPC));
    }
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      error = posix_fallocate(fd_, static_cast<off_t>(offset), static_cast<off_t>(size));
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "allocate space in", path_);
    co_return Status::Ok();
  }

  Task<Status> PunchHole(uint64_t offset, uint64_t size) override {
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(size)) != 0) {
        error = errno;
      }
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "punch a hole in", path_);
    co_return Status::Ok();
  }

  Task<Status> Truncate(uint64_t size) override {
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      if (ftruncate(fd_, static_cast<off_t>(size)) != 0) error = errno;
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "truncate", path_);
    co_return Status::Ok();
  }

  Task<Result<uint64_t>> Size() override {
    struct stat info {};
    if (fstat(fd_, &info) != 0) co_return ErrnoStatus(errno, "stat", path_);
    co_return static_cast<uint64_t>(info.st_size);
  }

  Task<Result<uint64_t>> AllocatedBytes() override {
    struct stat info {};
    if (fstat(fd_, &info) != 0) co_return ErrnoStatus(errno, "stat", path_);
    co_return static_cast<uint64_t>(info.st_blocks) * 512;
  }

  Task<Result<uint64_t>> DataEnd(uint64_t from) override {
    uint64_t end = from;
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      auto position = static_cast<off_t>(from);
      while (true) {
        const off_t data = lseek(fd_, position, SEEK_DATA);
        if (data < 0) {
          if (errno != ENXIO) error = errno;
          return;
        }
        const off_t hole = lseek(fd_, data, SEEK_HOLE);
        if (hole < 0) {
          error = errno;
          return;
        }
        end = static_cast<uint64_t>(hole);
        position = hole;
      }
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "seek in", path_);
    co_return end;
  }

 private:
  static constexpr int kDirectUntried = -1;
  static constexpr int kNoDirect = -2;
  static constexpr uint64_t kDirectAlignment = 4096;
  static constexpr uint64_t kDirectBytesMin = 32 * 1024;

  // By the descriptor past the page cache if there is one, else by the ordinary one.
  Task<int> RunOnEither(UringOperation* operation, int direct) {
    operation->fd = direct >= 0 ? direct : fd_;
    const int count = co_await RunOperation(operation);
    if (direct < 0 || count != -EINVAL) co_return count;
    // The device wants a coarser alignment: through the page cache, then.
    // The descriptor stays open until the end: others may be using it.
    direct_refused_.store(true);
    operation->fd = fd_;
    co_return co_await RunOperation(operation);
  }

  // A descriptor that goes past the page cache, when the operation is large and every address in
  // it is aligned; -1 otherwise. It saves the copy and the pages: a third of the CPU of a large
  // PUT.
  int DirectFd(uint64_t offset, std::span<const iovec> iovecs) {
    uint64_t bits = offset;
    uint64_t total = 0;
    for (const iovec& part : iovecs) {
      bits |= reinterpret_cast<uint64_t>(part.iov_base) | part.iov_len;
      total += part.iov_len;
    }
    if (bits % kDirectAlignment != 0 || total < kDirectBytesMin) return -1;
    if (direct_refused_.load(std::memory_order_relaxed)) return -1;
    int direct = direct_fd_.load();
    if (direct != kDirectUntried) return direct >= 0 ? direct : -1;
    // By descriptor, not by path: the file may have been renamed since.
    const std::string self = "/proc/self/fd/" + std::to_string(fd_);
    const int access = fcntl(fd_, F_GETFL) & O_ACCMODE;
    direct = open(self.c_str(), access | O_DIRECT | O_CLOEXEC);
    int expected = kDirectUntried;
    if (!direct_fd_.compare_exchange_strong(expected, direct >= 0 ? direct : kNoDirect)) {
      if (direct >= 0) close(direct);
      direct = expected;
    }
    return direct >= 0 ? direct : -1;
  }

  Task<Status> PassPersistence(const char* name, int error) {
    FailpointAction action = co_await PassFailpoint("disk.persist", path_);
    if (action != FailpointAction::kError) action = co_await PassFailpoint(name, path_);
    if (action == FailpointAction::kError) co_return ErrnoStatus(error, name, path_);
    co_return Status::Ok();
  }

  const int fd_;
  std::atomic<int> direct_fd_{kDirectUntried};
  std::atomic<bool> direct_refused_{false};
  const std::string path_;
  const uint64_t path_hash_;
};

class HostDiskImpl : public Disk {
 public:
  Task<Result<std::unique_ptr<DiskFile>>> Open(std::string path, OpenMode mode) override {
    int flags = O_CLOEXEC;
    if (mode == OpenMode::kReadOnly) flags |= O_RDONLY;
    if (mode == OpenMode::kReadWrite) flags |= O_RDWR;
    if (mode == OpenMode::kCreateNew) {
      flags |= O_RDWR | O_CREAT | O_EXCL;
      (void)co_await PassFailpoint("disk.persist", path);
      Metrics().files_created.Increment();
    }
    int fd = -1;
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      fd = open(path.c_str(), flags, 0600);
      if (fd < 0) error = errno;
    });
    co_await call;
    if (fd < 0) co_return ErrnoStatus(error, "open", path);
    std::unique_ptr<DiskFile> file = std::make_unique<HostFile>(fd, std::move(path));
    co_return file;
  }

  Task<Status> CreateDirectory(std::string path) override {
    (void)co_await PassFailpoint("disk.persist", path);
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string prefix = path.substr(0, slash);
        if (mkdir(prefix.c_str(), 0700) != 0 && errno != EEXIST) {
          error = errno;
          return;
        }
        if (slash == std::string::npos) return;
      }
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "create directory", path);
    co_return Status::Ok();
  }

  Task<Status> SyncDirectory(std::string path) override {
    (void)co_await PassFailpoint("disk.persist", path);
    Metrics().syncs.Increment();
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (fd < 0 || fsync(fd) != 0) error = errno;
      if (fd >= 0) close(fd);
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "sync directory", path);
    co_return Status::Ok();
  }

  Task<Result<std::vector<std::string>>> List(std::string path) override {
    std::vector<std::string> names;
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      DIR* directory = opendir(path.c_str());
      if (directory == nullptr) {
        error = errno;
        return;
      }
      errno = 0;
      while (const dirent* entry = readdir(directory)) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
        errno = 0;
      }
      error = errno;
      closedir(directory);
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "list", path);
    std::sort(names.begin(), names.end());
    co_return names;
  }

  Task<Status> Remove(std::string path) override {
    (void)co_await PassFailpoint("disk.persist", path);
    Metrics().files_created.Increment();
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      if (unlink(path.c_str()) != 0) error = errno;
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "remove", path);
    co_return Status::Ok();
  }

  Task<Status> Rename(std::string from, std::string to) override {
    (void)co_await PassFailpoint("disk.persist", to);
    Metrics().files_created.Increment();
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      if (rename(from.c_str(), to.c_str()) != 0) error = errno;
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "rename", from);
    co_return Status::Ok();
  }

  Task<Result<SpaceInfo>> Space(std::string path) override {
    struct statvfs info {};
    int error = 0;
    auto call = BlockingPool::Shared().Run([&] {
      if (statvfs(path.c_str(), &info) != 0) error = errno;
    });
    co_await call;
    if (error != 0) co_return ErrnoStatus(error, "ask for the free space of", path);
    SpaceInfo space;
    space.total_bytes = static_cast<uint64_t>(info.f_blocks) * info.f_frsize;
    space.available_bytes = static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
    co_return space;
  }
};

}  // namespace

Disk& HostDisk() {
  static HostDiskImpl disk;
  return disk;
}

}  // namespace ashlar
