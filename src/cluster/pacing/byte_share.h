// ByteShare: how many bytes of memory some work may use at one time. Who would go beyond waits for
// others to end, in order of arrival; work that is larger than the whole share runs alone.
//
// It counts only: the memory itself comes from the buffer pool. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "runtime/sync.h"
#include "runtime/task.h"

namespace ashlar::cluster {

class ByteShare {
 public:
  // Given back when destroyed; the share must outlive it.
  class Hold {
   public:
    Hold(ByteShare* share, uint64_t bytes) : share_(share), bytes_(bytes) {}
    Hold(Hold&& other) noexcept
        : share_(std::exchange(other.share_, nullptr)), bytes_(other.bytes_) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (share_ != nullptr) share_->GiveBack(bytes_);
    }

   private:
    ByteShare* share_;
    uint64_t bytes_;
  };

  explicit ByteShare(uint64_t bytes) : bytes_(bytes) {}
  Task<Hold> Take(uint64_t bytes);
  uint64_t bytes() const { return bytes_; }

 private:
  struct Waiter {
    uint64_t bytes = 0;
    OneShot<Unit> turn;
  };
  bool Fits(uint64_t bytes) const { return held_ == 0 || held_ + bytes <= bytes_; }
  void GiveBack(uint64_t bytes);

  const uint64_t bytes_;
  std::mutex mutex_;
  uint64_t held_ = 0;
  std::deque<Waiter*> waiters_;  // they live on the frames of Take
};

}  // namespace ashlar::cluster
