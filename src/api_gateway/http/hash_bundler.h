// HashBundler: MD5 and SHA-256 of the bodies that arrive on one executor, side by side.
//
// A stream of MD5 waits for itself; several at once cost hardly more than one (base/digest.h). The
// bodies that have a piece ready in the same turn of the loop are therefore hashed together, at the
// end of the turn. There is no timer: one body alone goes on after that turn.
//
//  1. Pieces of one body are hashed in their order, because a body waits for its piece.
//  2. The bytes and hashers of a piece are not touched after Update returned.
//  3. At most kBundleMax pieces are hashed before others on the executor run.
//
// Used on one executor only. Nothing fails; a body whose client left just does not come again.
#pragma once

#include <coroutine>
#include <cstddef>
#include <deque>

#include "base/check.h"
#include "base/digest.h"
#include "runtime/task.h"

namespace ashlar::api_gateway {

class HashBundler {
 public:
  static constexpr size_t kBundleMax = 16;

  HashBundler() = default;
  HashBundler(const HashBundler&) = delete;
  HashBundler& operator=(const HashBundler&) = delete;
  ~HashBundler() { CHECK(queue_.empty()); }

  // What UpdateTogether does. The bytes and hashers must stay until it returns.
  Task<void> Update(HashWork work);

 private:
  struct Piece {
    HashWork work;
    std::coroutine_handle<> waiter;
    bool done = false;
  };
  // Until the piece is done, or the first in the queue.
  struct Wait {
    Piece& piece;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) const { piece.waiter = waiter; }
    void await_resume() const noexcept {}
  };
  // By the owner of the first piece.
  void RunBundle(const Piece& own);

  std::deque<Piece*> queue_;  // at most one a connection
};

}  // namespace ashlar::api_gateway
