#include "api_gateway/http/hash_bundler.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/metrics.h"

namespace ashlar::api_gateway {
namespace {

struct BundlerMetrics {
  prometheus::Counter& bundles =
      MetricCounter("ashlar_hash_bundles_total", "Times that bodies were hashed side by side.");
  prometheus::Counter& pieces =
      MetricCounter("ashlar_hash_pieces_total", "Pieces of bodies that were hashed in bundles.");
};
BundlerMetrics& Metrics() {
  static BundlerMetrics metrics;
  return metrics;
}

}  // namespace

// Bodies whose first pieces are hashed together.
struct HashBundler::Bundle {
  std::array<Body*, kLanes> bodies;
  std::array<HashWork, kLanes> work;
  std::array<SharedBuffer, kLanes> keepers;
  size_t count = 0;
  size_t lanes = 0;
};

HashBundler::~HashBundler() { CHECK(open_ == 0); }

void HashBundler::Add(Body& body, Piece piece) {
  const std::lock_guard lock(mutex_);
  piece.tick = tick_;
  body.pieces_.push_back(std::move(piece));
  if (body.pieces_.size() == 1) MakeReady(body);
}

void HashBundler::MakeReady(Body& body) {
  ready_.push_back(&body);
  ready_lanes_ += body.lanes();
  if (!ticking_) StartTicks();
}

void HashBundler::Unready(const Body& body) {
  if (std::erase(ready_, &body) > 0) ready_lanes_ -= body.lanes();
}

void HashBundler::Take(Body& body, Bundle* bundle) {
  body.bundler_->Unready(body);
  body.in_work_ = true;
  Piece& piece = body.pieces_.front();
  bundle->work[bundle->count] = {body.md5_, body.sha256_, piece.bytes};
  bundle->keepers[bundle->count] = std::move(piece.keeper);
  bundle->bodies[bundle->count++] = &body;
  bundle->lanes += body.lanes();
}

void HashBundler::TakeFromFront(Bundle* bundle) {
  while (!ready_.empty() && bundle->lanes + ready_.front()->lanes() <= kLanes) {
    Take(*ready_.front(), bundle);
  }
}

void HashBundler::RunIfDue() {
  Bundle bundle;
  {
    const std::lock_guard lock(mutex_);
    if (ready_lanes_ < kLanes && ready_.size() < open_) return;
    TakeFromFront(&bundle);
  }
  Run(bundle);
}

bool HashBundler::RunBundleWith(Body& body) {
  Bundle bundle;
  {
    const std::lock_guard lock(mutex_);
    if (body.in_work_) return false;
    if (!body.pieces_.empty()) Take(body, &bundle);
    TakeFromFront(&bundle);
  }
  Run(bundle);
  return true;
}

void HashBundler::Run(Bundle& bundle) {
  if (bundle.count == 0) return;
  UpdateTogether(std::span(bundle.work).first(bundle.count));
  Metrics().bundles.Increment();
  Metrics().pieces.Increment(static_cast<double>(bundle.count));

  // Buffers are given back before their bodies hear of it, so nothing that a body lent outlives it.
  bundle.keepers = {};
  // Bodies go on without the lock, and may be gone by then.
  std::array<std::pair<Executor*, std::coroutine_handle<>>, kLanes> waiters;
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < bundle.count; ++i) {
      Body& body = *bundle.bodies[i];
      body.pieces_.pop_front();
      body.in_work_ = false;
      if (!body.pieces_.empty()) MakeReady(body);
      waiters[i] = {body.waiter_executor_, std::exchange(body.waiter_, nullptr)};
    }
    bundle_done_.notify_all();
  }
  for (const auto& [executor, waiter] : std::span(waiters).first(bundle.count)) {
    if (waiter) executor->Post(waiter);
  }
}

void HashBundler::Remove(Body& body) {
  std::unique_lock lock(mutex_);
  bundle_done_.wait(lock, [&body] { return !body.in_work_; });
  CHECK(!body.waiter_);
  Unready(body);
  --open_;
}

void HashBundler::StartTicks() {
  ticking_ = true;
  Executor::Current()->PostFunctionAfter(kPatience, [self = shared_from_this()] { self->Tick(); });
}

void HashBundler::Tick() {
  {
    const std::lock_guard lock(mutex_);
    ++tick_;
    ticking_ = false;
    if (!ready_.empty()) StartTicks();
  }
  RunOverdue();
}

void HashBundler::RunOverdue() {
  Bundle bundle;
  {
    const std::lock_guard lock(mutex_);
    const auto overdue = std::find_if(ready_.begin(), ready_.end(), [this](const Body* body) {
      return body->pieces_.front().tick + 1 < tick_;
    });
    if (overdue == ready_.end()) return;
    Take(**overdue, &bundle);
    TakeFromFront(&bundle);
  }
  Run(bundle);
  Executor::Current()->PostFunction([self = shared_from_this()] { self->RunOverdue(); });
}

HashBundler::Body::Body(std::shared_ptr<HashBundler> bundler, Md5Hasher& md5, Sha256Hasher* sha256)
    : bundler_(std::move(bundler)), md5_(&md5), sha256_(sha256) {
  const std::lock_guard lock(bundler_->mutex_);
  ++bundler_->open_;
}

Task<void> HashBundler::Body::Update(ByteSpan bytes, SharedBuffer keeper) {
  const size_t ahead_max = keeper != nullptr ? kPiecesAheadMax : 0;
  bundler_->Add(*this, Piece{bytes, std::move(keeper)});
  // Whoever is ready in this same turn of the loop joins, and others run.
  Yield yield;
  co_await yield;
  bundler_->RunIfDue();
  co_await CatchUp(ahead_max);
}

Task<void> HashBundler::Body::CatchUp(size_t ahead_max) {
  while (IsAhead(ahead_max)) {
    if (bundler_->RunBundleWith(*this)) continue;
    Wait wait{*this};
    co_await wait;
  }
}

bool HashBundler::Body::IsAhead(size_t ahead_max) const {
  const std::lock_guard lock(bundler_->mutex_);
  return pieces_.size() > ahead_max;
}

bool HashBundler::Body::Wait::await_suspend(std::coroutine_handle<> waiter) const {
  const std::lock_guard lock(body.bundler_->mutex_);
  if (!body.in_work_) return false;
  body.waiter_ = waiter;
  body.waiter_executor_ = Executor::Current();
  return true;
}

}  // namespace ashlar::api_gateway
