#include "api_gateway/http/hash_bundler.h"

#include <algorithm>
#include <array>

#include "runtime/executor.h"

namespace ashlar::api_gateway {

Task<void> HashBundler::Update(HashWork work) {
  Piece piece{work, nullptr};
  queue_.push_back(&piece);
  if (queue_.size() == 1) {
    // The others that are ready in this same turn of the loop join.
    Yield yield;
    co_await yield;
  } else {
    Wait wait{piece};
    co_await wait;
  }
  if (!piece.done) RunBundle(piece);
}

void HashBundler::RunBundle(const Piece& own) {
  CHECK(queue_.front() == &own);
  std::array<HashWork, kBundleMax> work;
  std::array<Piece*, kBundleMax> pieces;
  const size_t count = std::min(queue_.size(), kBundleMax);
  for (size_t i = 0; i < count; ++i) {
    pieces[i] = queue_.front();
    work[i] = pieces[i]->work;
    queue_.pop_front();
  }
  UpdateTogether(std::span(work).first(count));
  Executor& executor = *Executor::Current();
  for (Piece* piece : std::span(pieces).first(count)) {
    piece->done = true;
    if (piece != &own) executor.Post(piece->waiter);
  }
  // The next bundle is run by the one who is now the first.
  if (!queue_.empty()) executor.Post(queue_.front()->waiter);
}

}  // namespace ashlar::api_gateway
