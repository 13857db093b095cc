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

constexpr uint64_t kTicksOfPatience = HashBundler::kPatience / HashBundler::kTick;
// A body may wait for company for one tick of so many.
constexpr uint64_t kTicksPerTickWaited = 8;

}  // namespace

// Bodies whose first pieces are hashed together.
struct HashBundler::Bundle {
  std::array<Body*, kLanes> bodies;
  std::array<HashWork, kLanes> work;
  std::array<SharedBuffer, kLanes> keepers;
  size_t count = 0;
  size_t lanes = 0;
};

HashBundler::~HashBundler() { CHECK(open_.empty()); }

void HashBundler::Add(Body& body, Piece piece) {
  const std::lock_guard lock(mutex_);
  piece.tick = tick_;
  body.last_tick_ = tick_;
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
    if (!IsDue()) return;
    TakeFromFront(&bundle);
  }
  Run(bundle);
}

bool HashBundler::IsDue() const {
  if (ready_lanes_ >= kLanes || ready_.size() >= open_.size()) return true;
  return waiting_for_company_ > 0 &&
         std::any_of(ready_.begin(), ready_.end(), [](const Body* body) {
           return body->waits_for_company_ && !body->ExpectsCompany();
         });
}

bool HashBundler::RunBundleWith(Body& body, bool in_company) {
  Bundle bundle;
  {
    const std::lock_guard lock(mutex_);
    if (body.MustWait(in_company)) return false;
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
  Waiters waiters;
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < bundle.count; ++i) {
      Body& body = *bundle.bodies[i];
      body.pieces_.pop_front();
      body.in_work_ = false;
      if (!body.pieces_.empty()) MakeReady(body);
      body.Wake(&waiters);
    }
    WakeWhoWaitsForCompany(&waiters);
    bundle_done_.notify_all();
  }
  Resume(waiters);
}

void HashBundler::Resume(const Waiters& waiters) {
  for (const auto& [executor, waiter] : waiters) executor->Post(waiter);
}

void HashBundler::WakeWhoWaitsForCompany(Waiters* waiters) {
  if (waiting_for_company_ == 0) return;
  for (Body* body : ready_) {
    if (body->waits_for_company_) body->Wake(waiters);
  }
}

void HashBundler::Remove(Body& body) {
  Waiters waiters;
  {
    std::unique_lock lock(mutex_);
    bundle_done_.wait(lock, [&body] { return !body.in_work_; });
    CHECK(!body.waiter_);
    Unready(body);
    std::erase(open_, &body);
    WakeWhoWaitsForCompany(&waiters);
  }
  Resume(waiters);
}

void HashBundler::StartTicks() {
  ticking_ = true;
  Executor::Current()->PostFunctionAfter(kTick, [self = shared_from_this()] { self->Tick(); });
}

void HashBundler::Tick() {
  Waiters waiters;
  {
    const std::lock_guard lock(mutex_);
    ++tick_;
    ticking_ = false;
    if (!ready_.empty()) StartTicks();
    for (Body* body : ready_) body->ticks_waited_ += body->waits_for_company_ ? 1 : 0;
    WakeWhoWaitsForCompany(&waiters);
  }
  Resume(waiters);
  RunOverdue();
}

void HashBundler::RunOverdue() {
  Bundle bundle;
  {
    const std::lock_guard lock(mutex_);
    const auto overdue = std::find_if(ready_.begin(), ready_.end(), [this](const Body* body) {
      return body->pieces_.front().tick + 2 * kTicksOfPatience <= tick_;
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
  first_tick_ = last_tick_ = bundler_->tick_;
  bundler_->open_.push_back(this);
}

Task<void> HashBundler::Body::Update(ByteSpan bytes, SharedBuffer keeper) {
  const size_t ahead_max = keeper != nullptr ? kPiecesAheadMax : 0;
  bundler_->Add(*this, Piece{bytes, std::move(keeper)});
  // Whoever is ready in this same turn of the loop joins, and others run.
  Yield yield;
  co_await yield;
  bundler_->RunIfDue();
  co_await CatchUp(ahead_max, /*in_company=*/ahead_max > 0);
}

Task<void> HashBundler::Body::Settle() {
  Waiters waiters;
  {
    const std::lock_guard lock(bundler_->mutex_);
    settles_ = true;
    bundler_->WakeWhoWaitsForCompany(&waiters);
  }
  Resume(waiters);
  co_await CatchUp(0, /*in_company=*/false);
}

Task<void> HashBundler::Body::CatchUp(size_t ahead_max, bool in_company) {
  while (IsAhead(ahead_max)) {
    if (bundler_->RunBundleWith(*this, in_company)) continue;
    Wait wait{*this, ahead_max, in_company};
    co_await wait;
  }
}

bool HashBundler::Body::IsAhead(size_t ahead_max) const {
  const std::lock_guard lock(bundler_->mutex_);
  return pieces_.size() > ahead_max;
}

bool HashBundler::Body::ExpectsCompany() const {
  const HashBundler& bundler = *bundler_;
  if (bundler.ready_lanes_ >= kLanes) return false;
  if (kTicksPerTickWaited * ticks_waited_ > bundler.tick_ - first_tick_) return false;
  return std::any_of(bundler.open_.begin(), bundler.open_.end(), [&](const Body* other) {
    if (other == this || other->settles_) return false;
    const bool sends = other->last_tick_ + kTicksOfPatience >= bundler.tick_;
    return other->in_work_ || (other->pieces_.empty() && sends);
  });
}

void HashBundler::Body::Wake(Waiters* waiters) {
  if (!waiter_) return;
  waiters->emplace_back(waiter_executor_, std::exchange(waiter_, nullptr));
  if (std::exchange(waits_for_company_, false)) --bundler_->waiting_for_company_;
}

bool HashBundler::Body::Wait::await_suspend(std::coroutine_handle<> waiter) const {
  const std::lock_guard lock(body.bundler_->mutex_);
  if (body.pieces_.size() <= ahead_max || !body.MustWait(in_company)) return false;
  if (!body.in_work_) {
    body.waits_for_company_ = true;
    ++body.bundler_->waiting_for_company_;
  }
  body.waiter_ = waiter;
  body.waiter_executor_ = Executor::Current();
  return true;
}

}  // namespace ashlar::api_gateway
