#include "runtime/disk/uring.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "runtime/pooled.h"

namespace ashlar {

std::unique_ptr<Uring> Uring::Create(boost::asio::io_context& io) {
  std::unique_ptr<Uring> uring(new Uring(io));
  if (io_uring_queue_init(kEntries, &uring->ring_, 0) != 0) {
    uring->ring_.ring_fd = -1;
    return nullptr;
  }
  const int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_fd < 0) return nullptr;
  uring->event_.assign(event_fd);
  if (io_uring_register_eventfd(&uring->ring_, event_fd) != 0) return nullptr;
  // At most this many workers of the kernel for what cannot be done without blocking.
  unsigned workers[2] = {32, 32};
  (void)io_uring_register_iowq_max_workers(&uring->ring_, workers);
  uring->WaitForEvent();
  return uring;
}

Uring::~Uring() {
  if (ring_.ring_fd >= 0) io_uring_queue_exit(&ring_);
}

bool Uring::FillSlot(UringOperation* operation) {
  // Never more in flight than the completion queue (twice the entries) can hold.
  if (in_flight_ >= kEntries) return false;
  io_uring_sqe* slot = io_uring_get_sqe(&ring_);
  if (slot == nullptr) {
    io_uring_submit(&ring_);
    slot = io_uring_get_sqe(&ring_);
    if (slot == nullptr) return false;
  }
  switch (operation->kind) {
    case UringOperation::Kind::kRead:
      io_uring_prep_readv(slot, operation->fd, operation->iovecs, operation->iovec_count,
                          operation->offset);
      break;
    case UringOperation::Kind::kWrite:
      io_uring_prep_writev(slot, operation->fd, operation->iovecs, operation->iovec_count,
                           operation->offset);
      break;
    case UringOperation::Kind::kSync:
      io_uring_prep_fsync(slot, operation->fd, IORING_FSYNC_DATASYNC);
      break;
  }
  io_uring_sqe_set_data(slot, operation);
  ++in_flight_;
  return true;
}

void Uring::Enqueue(UringOperation* operation) {
  if (!overflow_.empty() || !FillSlot(operation)) overflow_.push_back(operation);
  if (!flush_posted_) PostFlush();
}

void Uring::PostFlush() {
  flush_posted_ = true;
  boost::asio::post(io_, boost::asio::bind_allocator(PooledAllocator<char>(), [this] {
                      flush_posted_ = false;
                      Flush();
                    }));
}

void Uring::Flush() {
  io_uring_submit(&ring_);
  Reap();  // reads from the page cache are done already
}

void Uring::Reap() {
  io_uring_cqe* completion = nullptr;
  while (io_uring_peek_cqe(&ring_, &completion) == 0) {
    auto* operation = static_cast<UringOperation*>(io_uring_cqe_get_data(completion));
    operation->result = completion->res;
    io_uring_cqe_seen(&ring_, completion);
    CHECK(in_flight_ > 0);
    --in_flight_;
    while (!overflow_.empty() && FillSlot(overflow_.front())) overflow_.pop_front();
    operation->waiter.resume();  // may enqueue more
  }
  if (!overflow_.empty() && !flush_posted_) PostFlush();
  if (io_uring_sq_ready(&ring_) > 0 && !flush_posted_) io_uring_submit(&ring_);
}

void Uring::WaitForEvent() {
  event_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](const boost::system::error_code& error) {
                      if (error) return;
                      uint64_t count = 0;
                      (void)!read(event_.native_handle(), &count, sizeof(count));
                      Reap();
                      WaitForEvent();
                    });
}

}  // namespace ashlar
