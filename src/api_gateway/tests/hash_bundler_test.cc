// HashBundler: that digests are right however bodies come, stand still and go; and that nobody
// waits for company for longer than he may.
#include "api_gateway/http/hash_bundler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "api_gateway/tests/memory_connection.h"
#include "runtime/event_loop.h"
#include "runtime/pooled.h"

namespace ashlar::api_gateway {
namespace {

std::string RandomText(uint64_t seed, size_t size) {
  std::mt19937_64 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// A body under test, its hashers and the buffers that it lent.
class LentBody {
 public:
  explicit LentBody(const std::shared_ptr<HashBundler>& bundler) {
    body_.emplace(bundler, md5_, &sha256_);
  }
  // `ahead`: the bundler holds the buffer and may hash later.
  Task<void> Send(std::string bytes, bool ahead) {
    Result<PooledBuffer> block = co_await pool_.Acquire(bytes.size(), Duration::zero());
    SharedBuffer buffer = MakePooled<PooledBuffer>(std::move(block).value());
    std::copy(bytes.begin(), bytes.end(), buffer->data());
    const ByteSpan part(buffer->data(), bytes.size());
    SharedBuffer keeper;
    if (ahead) keeper.swap(buffer);
    co_await body_->Update(part, std::move(keeper));
    // Whoever looks at it later finds other bytes.
    if (!ahead) std::fill_n(buffer->data(), bytes.size(), uint8_t{0});
  }
  Task<void> Settle() { return body_->Settle(); }
  void Leave() { body_.reset(); }
  // Each piece has a block of this size.
  size_t pieces_lent() const { return pool_.bytes_lent() / kBlockBytes; }
  bool IsOf(const std::string& text) {
    return md5_.Finish() == Md5(AsBytes(text)) && sha256_.Finish() == Sha256(AsBytes(text));
  }

  static constexpr size_t kBlockBytes = 16 * 1024;

 private:
  BufferPool pool_{64 << 20};
  Md5Hasher md5_;
  Sha256Hasher sha256_;
  std::optional<HashBundler::Body> body_;
};

struct Plan {
  uint64_t seed = 0;
  size_t size = 0;
  size_t piece = 4096;
  int turns = 0;  // of the loop between two pieces
  bool ahead = false;
  size_t leave_after = 0;  // pieces; 0: stays
};

// Sends a whole body. `right` stays false when it left.
Task<void> Feed(std::shared_ptr<HashBundler> bundler, Plan plan, bool* right) {
  const std::string text = RandomText(plan.seed, plan.size);
  LentBody body(bundler);
  size_t sent = 0;
  for (size_t at = 0; at < text.size(); at += plan.piece) {
    co_await body.Send(text.substr(at, plan.piece), plan.ahead);
    if (++sent == plan.leave_after) {
      body.Leave();
      EXPECT_EQ(body.pieces_lent(), 0U);
      co_return;
    }
    for (int i = 0; i < plan.turns; ++i) {
      Yield yield;
      co_await yield;
    }
  }
  co_await body.Settle();
  *right = body.IsOf(text);
}

class HashBundlerTest : public ::testing::Test {
 protected:
  // Time stands still meanwhile.
  void FeedAll(size_t bodies, int turns_max, bool ahead) {
    const auto right = std::make_unique<bool[]>(bodies);
    TaskScope scope;
    for (size_t i = 0; i < bodies; ++i) {
      Plan plan{i,
                20'000 + 777 * i,
                i % 3 == 0 ? size_t{1000} : size_t{4096},
                static_cast<int>(i) % (turns_max + 1),
                ahead,
                0};
      scope.Spawn(executor_, Feed(bundler_, plan, &right[i]));
    }
    executor_.Run();
    EXPECT_EQ(scope.active(), 0U);
    for (size_t i = 0; i < bodies; ++i) EXPECT_TRUE(right[i]) << "body " << i << " of " << bodies;
  }
  static Task<void> Mark(Task<void> task, std::shared_ptr<bool> done) {
    co_await std::move(task);
    *done = true;
  }
  // As far as it goes while time stands still. True: it is done.
  bool Go(Task<void> task) {
    const auto done = std::make_shared<bool>(false);
    scope_.Spawn(executor_, Mark(std::move(task), done));
    executor_.Run();
    return *done;
  }
  bool Send(LentBody& body, const std::string& bytes) { return Go(body.Send(bytes, true)); }
  // As many pieces as it may be ahead, and one more: it waits. `other` is open and has none.
  void SendToTheLimit(LentBody& body) {
    for (size_t i = 0; i < HashBundler::kPiecesAheadMax; ++i) EXPECT_TRUE(Send(body, piece_));
    EXPECT_FALSE(Send(body, piece_));
    EXPECT_EQ(body.pieces_lent(), HashBundler::kPiecesAheadMax + 1);
  }

  ManualClock clock_;
  ManualExecutor executor_{clock_};
  std::shared_ptr<HashBundler> bundler_ = HashBundler::Create();
  TaskScope scope_;
  const std::string piece_ = RandomText(1, LentBody::kBlockBytes);
};

TEST_F(HashBundlerTest, OneBodyWaitsForNobody) {
  FeedAll(1, 0, false);
  LentBody body(bundler_);
  EXPECT_TRUE(Send(body, piece_));
  EXPECT_EQ(body.pieces_lent(), 0U);
  EXPECT_TRUE(body.IsOf(piece_));
}

TEST_F(HashBundlerTest, AnyNumberOfBodiesAtAnyPace) {
  for (const size_t bodies : {2, 4, 7, 8, 9, 16, 17, 33, 50}) {
    for (const bool ahead : {false, true}) {
      FeedAll(bodies, 0, ahead);
      FeedAll(bodies, 3, ahead);
    }
  }
}

TEST_F(HashBundlerTest, ABodyGoesOnWhileItsPiecesWaitForCompany) {
  LentBody one(bundler_);
  LentBody other(bundler_);
  EXPECT_TRUE(Send(one, piece_));
  EXPECT_EQ(one.pieces_lent(), 1U);
  EXPECT_TRUE(Send(other, piece_));
  EXPECT_EQ(one.pieces_lent() + other.pieces_lent(), 0U);
  EXPECT_TRUE(one.IsOf(piece_));
  EXPECT_TRUE(other.IsOf(piece_));
}

TEST_F(HashBundlerTest, AFullBundleDoesNotWaitForTheRest) {
  std::vector<std::unique_ptr<LentBody>> bodies;
  for (size_t i = 0; i <= HashBundler::kLanes / 2; ++i) {
    bodies.push_back(std::make_unique<LentBody>(bundler_));
  }
  for (size_t i = 0; i < HashBundler::kLanes / 2; ++i) {
    EXPECT_EQ(bodies[0]->pieces_lent(), i == 0 ? 0U : 1U);
    EXPECT_TRUE(Send(*bodies[i], piece_));
  }
  for (const auto& body : bodies) EXPECT_EQ(body->pieces_lent(), 0U);
}

TEST_F(HashBundlerTest, NoBodyIsFurtherAheadThanItMay) {
  LentBody one(bundler_);
  const LentBody stands_still(bundler_);
  SendToTheLimit(one);
  executor_.Advance(HashBundler::kTick);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(scope_.active(), 0U);
    EXPECT_EQ(one.pieces_lent(), HashBundler::kPiecesAheadMax);
    EXPECT_TRUE(Send(one, piece_));  // it waited lately
  }
  EXPECT_TRUE(Go(one.Settle()));
  EXPECT_EQ(one.pieces_lent(), 0U);
  std::string text;
  for (size_t i = 0; i < HashBundler::kPiecesAheadMax + 4; ++i) text += piece_;
  EXPECT_TRUE(one.IsOf(text));
}

TEST_F(HashBundlerTest, ABodyAtItsLimitGoesOnWithTheNextPieceOfAnother) {
  LentBody one(bundler_);
  LentBody other(bundler_);
  SendToTheLimit(one);
  EXPECT_TRUE(Send(other, piece_));
  EXPECT_EQ(other.pieces_lent(), 0U);
  EXPECT_EQ(one.pieces_lent(), HashBundler::kPiecesAheadMax);
  EXPECT_EQ(scope_.active(), 0U);
}

TEST_F(HashBundlerTest, NobodyWaitsForOneThatEndsOrLeaves) {
  LentBody one(bundler_);
  LentBody ends(bundler_);
  SendToTheLimit(one);
  EXPECT_TRUE(Go(ends.Settle()));
  EXPECT_EQ(scope_.active(), 0U);
  EXPECT_TRUE(Go(one.Settle()));
  LentBody third(bundler_);
  LentBody leaves(bundler_);
  SendToTheLimit(third);
  leaves.Leave();
  executor_.Run();
  EXPECT_EQ(scope_.active(), 0U);
}

TEST_F(HashBundlerTest, ABodyStandsStillForAnEighthOfItsTimeAtMost) {
  LentBody fast(bundler_);
  LentBody slow(bundler_);
  constexpr int kTicks = 160;
  int stood_still = 0;
  for (int tick = 0; tick < kTicks; ++tick) {
    EXPECT_TRUE(Send(slow, piece_));
    for (int i = 0; i < 30 && scope_.active() == 0; ++i) Send(fast, piece_);
    stood_still += static_cast<int>(scope_.active());
    executor_.Advance(HashBundler::kTick);
    EXPECT_EQ(scope_.active(), 0U);
  }
  EXPECT_GE(stood_still, kTicks / 16);
  EXPECT_LE(stood_still, kTicks / 8 + 1);
}

TEST_F(HashBundlerTest, NobodyWaitsForOneThatSentNothingLately) {
  LentBody one(bundler_);
  LentBody stands_still(bundler_);
  EXPECT_TRUE(Send(one, piece_));
  executor_.Advance(2 * HashBundler::kPatience);  // ticks while there is a piece
  for (size_t i = 0; i < 2 * HashBundler::kPiecesAheadMax; ++i) EXPECT_TRUE(Send(one, piece_));
  EXPECT_EQ(one.pieces_lent(), HashBundler::kPiecesAheadMax);
}

TEST_F(HashBundlerTest, PiecesOfABodyThatStandsStillAreHashedInTime) {
  LentBody one(bundler_);
  const LentBody stands_still(bundler_);
  for (int round = 0; round < 2; ++round) {  // the timer starts anew
    EXPECT_TRUE(Send(one, piece_));
    EXPECT_TRUE(Send(one, piece_));
    EXPECT_EQ(one.pieces_lent(), 2U);
    executor_.Advance(2 * HashBundler::kPatience);
    EXPECT_EQ(one.pieces_lent(), 0U);
    executor_.Advance(4 * HashBundler::kPatience);
  }
  EXPECT_TRUE(one.IsOf(piece_ + piece_ + piece_ + piece_));
}

TEST_F(HashBundlerTest, WhoLeavesTakesItsPiecesWithIt) {
  LentBody one(bundler_);
  LentBody leaves(bundler_);
  EXPECT_TRUE(Send(leaves, piece_));
  EXPECT_TRUE(Send(leaves, piece_));
  leaves.Leave();
  EXPECT_EQ(leaves.pieces_lent(), 0U);
  EXPECT_TRUE(Send(one, piece_));  // alone now
  EXPECT_EQ(one.pieces_lent(), 0U);
  EXPECT_TRUE(one.IsOf(piece_));
}

// As in the server: one bundler, bodies on all loops, some of which leave in the middle (for TSan).
TEST(HashBundlerLoopsTest, AllLoopsTogether) {
  EventLoopGroup group(3);
  const std::shared_ptr<HashBundler> bundler = HashBundler::Create();
  constexpr size_t kBodies = 8;
  bool right[3][kBodies] = {};
  auto run = [](EventLoopGroup* loops, std::shared_ptr<HashBundler> shared,
                bool(*results)[kBodies]) -> Task<void> {
    TaskScope scope;
    for (size_t loop = 0; loop < loops->size(); ++loop) {
      for (size_t i = 0; i < kBodies; ++i) {
        const Plan plan{i, 600'000 + 5000 * i, 16'384, 0, i % 4 != 0, i % 4 == 3 ? i * 3 : 0};
        scope.Spawn(loops->loop(loop), Feed(shared, plan, &results[loop][i]));
      }
    }
    co_await scope.Join();
  };
  group.RunToCompletion(run(&group, bundler, right));
  for (const auto& of_loop : right) {
    for (size_t i = 0; i < kBodies; ++i) EXPECT_EQ(of_loop[i], i % 4 != 3) << "body " << i;
  }
}

}  // namespace
}  // namespace ashlar::api_gateway
