// HashBundler: MD5 and SHA-256 of the large bodies that arrive at a server, side by side.
//
// A stream of MD5 waits for itself; sixteen at once, or eight with SHA-256, cost hardly more than
// one (base/digest.h). Bodies are therefore hashed behind their arrival, those of all executors
// together: a body goes on to receive while its pieces wait for company.
//
//  1. Pieces of one body are hashed in their order.
//  2. Pieces are hashed when as many bodies have one as the kernels take, or all that are open. At
//     the latest when their body may get no further ahead of its hashes, wants them all, or has
//     waited for kPatience twice. So one body alone waits for nobody, and nobody waits for one that
//     stands still.
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
  // Pieces that a body may be ahead of its hashes: those of a stripe.
  static constexpr size_t kPiecesAheadMax = 10;
  static constexpr Duration kPatience = std::chrono::milliseconds(25);

  explicit HashBundler(Key) {}
  HashBundler(const HashBundler&) = delete;
  HashBundler& operator=(const HashBundler&) = delete;
  ~HashBundler();
  static std::shared_ptr<HashBundler> Create() { return std::make_shared<HashBundler>(Key()); }

 private:
  struct Bundle;
  struct Piece {
    ByteSpan bytes;
    SharedBuffer keeper;
    uint64_t tick = 0;  // when it came
  };
  void Add(Body& body, Piece piece);
  void RunIfDue();
  // With `body` in it, if that has a piece. False: somebody else has it in work.
  bool RunBundleWith(Body& body);
  void Remove(Body& body);
  void Tick();
  // One bundle in a turn of the loop, until nobody waits for too long.
  void RunOverdue();
  void Run(Bundle& bundle);

  // These hold mutex_.
  void MakeReady(Body& body);
  void Unready(const Body& body);
  void StartTicks();
  static void Take(Body& body, Bundle* bundle);
  void TakeFromFront(Bundle* bundle);

  std::mutex mutex_;
  std::condition_variable bundle_done_;
  std::deque<Body*> ready_;  // have a piece that nobody hashes, who came first in front
  size_t ready_lanes_ = 0;
  size_t open_ = 0;
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
  Task<void> Settle() { return CatchUp(0); }

 private:
  friend class HashBundler;
  // Until somebody else's bundle with a piece of this body is done.
  struct Wait {
    Body& body;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiter) const;
    void await_resume() const noexcept {}
  };
  // Until no more than `ahead_max` pieces are to be hashed.
  Task<void> CatchUp(size_t ahead_max);
  bool IsAhead(size_t ahead_max) const;
  size_t lanes() const { return sha256_ != nullptr ? 2 : 1; }

  const std::shared_ptr<HashBundler> bundler_;
  Md5Hasher* const md5_;
  Sha256Hasher* const sha256_;
  // Guarded by the bundler's mutex, but for the first piece while it is in work.
  std::deque<Piece> pieces_;
  bool in_work_ = false;
  std::coroutine_handle<> waiter_;
  Executor* waiter_executor_ = nullptr;
};

}  // namespace ashlar::api_gateway
