// HashBundler: MD5 and SHA-256 of the large bodies that arrive at a server, side by side.
//
// A stream of MD5 waits for itself; sixteen at once, or eight with SHA-256, cost hardly more than
// one (base/digest.h). Bodies are therefore hashed behind their arrival, those of all executors
// together: a body goes on to receive while its pieces wait for company.
//
//  1. Pieces of one body are hashed in their order.
//  2. Pieces are hashed when as many bodies have one as the kernels take, or all that are open. At
//     the latest when their body wants them all, has waited for kPatience twice, or may get no
//     further ahead of its hashes and can expect no company soon: nobody else sent anything in the
//     last kPatience who has no piece now. So one body alone waits for nobody.
//     A body at its limit stands still for an eighth of its time at most, however slow the others
//     are. Without that waiting, who is ahead stays ahead, and hashes alone what all could
//     together.
//  3. Who hashes holds no lock; a body has one piece in work at most. Its hashers and that piece
//     stay until then: its destructor waits, for one bundle at most. Other pieces it drops.
//
// Thread-safe. Nothing fails; a body whose client left just does not come again.
#pragma once

#include <array>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "runtime/buffer_pool.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::api_gateway {

class HashBundler : public std::enable_shared_from_this<HashBundler> {
  struct Key {};  // only Create makes one

 public:
  class Body;
  // A body takes one lane, one with SHA-256 two.
  static constexpr size_t kLanes = 16;
  // Pieces that a body may be ahead of its hashes: those of two stripes.
  static constexpr size_t kPiecesAheadMax = 20;
  static constexpr Duration kTick = std::chrono::milliseconds(5);
  static constexpr Duration kPatience = 5 * kTick;

  explicit HashBundler(Key) {}
  HashBundler(const HashBundler&) = delete;
  HashBundler& operator=(const HashBundler&) = delete;
  ~HashBundler();
  static std::shared_ptr<HashBundler> Create() { return std::make_shared<HashBundler>(Key()); }

 private:
  struct Bundle;
  // Coroutines to go on without the lock: their bodies may be gone then.
  using Waiters = std::vector<std::pair<Executor*, std::coroutine_handle<>>>;
  struct Piece {
    ByteSpan bytes;
    SharedBuffer keeper;
    uint64_t tick = 0;  // when it came
  };
  void Add(Body& body, Piece piece);
  void RunIfDue();
  // With `body` in it, if that has a piece. False: it has to wait (Body::MustWait).
  bool RunBundleWith(Body& body, bool in_company);
  void Remove(Body& body);
  void Tick();
  // One bundle in a turn of the loop, until nobody waits for too long.
  void RunOverdue();
  void Run(Bundle& bundle);

  static void Resume(const Waiters& waiters);

  // These hold mutex_.
  void MakeReady(Body& body);
  void Unready(const Body& body);
  void StartTicks();
  bool IsDue() const;
  // Those at their limit look again whether they can expect company.
  void WakeWhoWaitsForCompany(Waiters* waiters);
  static void Take(Body& body, Bundle* bundle);
  void TakeFromFront(Bundle* bundle);

  std::mutex mutex_;
  std::condition_variable bundle_done_;
  std::deque<Body*> ready_;  // have a piece that nobody hashes, who came first in front
  size_t ready_lanes_ = 0;
  std::vector<Body*> open_;
  size_t waiting_for_company_ = 0;
  bool ticking_ = false;  // a timer is set; so it is while anybody is ready
  uint64_t tick_ = 0;
};

// One body. Made, used and destroyed on one executor; the hashers stay until it is gone.
class HashBundler::Body {
 public:
  Body(std::shared_ptr<HashBundler> bundler, Md5Hasher& md5, Sha256Hasher* sha256);
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  ~Body() { bundler_->Remove(*this); }

  // The next bytes. With a `keeper`, which owns them, it may return before they are hashed.
  Task<void> Update(ByteSpan bytes, SharedBuffer keeper);
  // Until all bytes are hashed.
  Task<void> Settle();

 private:
  friend class HashBundler;
  // Until somebody else's bundle with a piece of this body is done, or a tick for the better.
  struct Wait {
    Body& body;
    size_t ahead_max;
    bool in_company;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiter) const;
    void await_resume() const noexcept {}
  };
  // Until no more than `ahead_max` pieces are to be hashed; `in_company`, if any can be expected.
  Task<void> CatchUp(size_t ahead_max, bool in_company);
  bool IsAhead(size_t ahead_max) const;
  // These hold the bundler's mutex.
  bool MustWait(bool in_company) const { return in_work_ || (in_company && ExpectsCompany()); }
  bool ExpectsCompany() const;
  void Wake(Waiters* waiters);
  size_t lanes() const { return sha256_ != nullptr ? 2 : 1; }

  const std::shared_ptr<HashBundler> bundler_;
  Md5Hasher* const md5_;
  Sha256Hasher* const sha256_;
  // Guarded by the bundler's mutex, but for the first piece while it is in work.
  std::deque<Piece> pieces_;
  bool in_work_ = false;
  bool settles_ = false;  // no pieces will come
  bool waits_for_company_ = false;
  uint64_t ticks_waited_ = 0;
  uint64_t first_tick_ = 0;
  uint64_t last_tick_ = 0;  // when the last piece came
  std::coroutine_handle<> waiter_;
  Executor* waiter_executor_ = nullptr;
};

}  // namespace ashlar::api_gateway
