// Uring: the io_uring of one event loop. Private to runtime.
//
// Operations queue up while the loop's turn runs and are submitted by one system call at its end;
// completions come back through an eventfd that the loop watches. When the queue is full, what is
// there is submitted at once; operations beyond the ring's size wait in order.
#pragma once

#include <liburing.h>
#include <sys/uio.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <coroutine>
#include <deque>
#include <memory>

namespace ashlar {

// One operation in flight; lives in the awaiting coroutine's frame. `result` as io_uring gives it:
// bytes, or -errno.
struct UringOperation {
  enum class Kind : uint8_t { kRead, kWrite, kSync };
  Kind kind = Kind::kRead;
  int fd = -1;
  uint64_t offset = 0;
  const iovec* iovecs = nullptr;
  unsigned iovec_count = 0;
  int result = 0;
  std::coroutine_handle<> waiter;
};

class Uring {
 public:
  // Null when the kernel refuses (old, or forbidden by a sandbox).
  static std::unique_ptr<Uring> Create(boost::asio::io_context& io);
  ~Uring();

  // Queues; `operation.waiter` is resumed on the loop with `result` set.
  void Enqueue(UringOperation* operation);

 private:
  explicit Uring(boost::asio::io_context& io) : io_(io), event_(io) {}
  bool FillSlot(UringOperation* operation);
  void PostFlush();
  void Flush();
  void Reap();
  void WaitForEvent();

  static constexpr unsigned kEntries = 512;

  boost::asio::io_context& io_;
  boost::asio::posix::stream_descriptor event_;
  io_uring ring_{};
  bool flush_posted_ = false;
  unsigned in_flight_ = 0;
  std::deque<UringOperation*> overflow_;
};

}  // namespace ashlar
