#include "cluster/pacing/byte_share.h"

namespace ashlar::cluster {

Task<ByteShare::Hold> ByteShare::Take(uint64_t bytes) {
  Waiter waiter;
  waiter.bytes = bytes;
  {
    const std::lock_guard lock(mutex_);
    if (waiters_.empty() && Fits(bytes)) {
      held_ += bytes;
      co_return Hold(this, bytes);
    }
    waiters_.push_back(&waiter);
  }
  OneShot<Unit>& turn = waiter.turn;
  co_await turn;
  co_return Hold(this, bytes);
}

void ByteShare::GiveBack(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  held_ -= bytes;
  while (!waiters_.empty() && Fits(waiters_.front()->bytes)) {
    Waiter* const next = waiters_.front();
    waiters_.pop_front();
    held_ += next->bytes;
    next->turn.Set(Unit{});  // its frame may go from now on
  }
}

}  // namespace ashlar::cluster
