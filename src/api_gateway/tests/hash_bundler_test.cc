// HashBundler: who is hashed with whom, in what order, and that nobody waits for company.
#include "api_gateway/http/hash_bundler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <vector>

#include "api_gateway/tests/memory_connection.h"
#include "runtime/event_loop.h"

namespace ashlar::api_gateway {
namespace {

std::string RandomText(uint64_t seed, size_t size) {
  std::mt19937_64 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// Feeds `text` through the bundler in pieces, with `turns` turns of the loop between two of them.
Task<void> Feed(HashBundler& bundler, std::string text, size_t piece, int turns, bool* right) {
  Md5Hasher md5;
  Sha256Hasher sha256;
  for (size_t at = 0; at < text.size(); at += piece) {
    const std::string bytes = text.substr(at, piece);  // gone after Update
    const HashWork work{&md5, &sha256, AsBytes(bytes)};
    co_await bundler.Update(work);
    for (int i = 0; i < turns; ++i) {
      Yield yield;
      co_await yield;
    }
  }
  *right = md5.Finish() == Md5(AsBytes(text)) && sha256.Finish() == Sha256(AsBytes(text));
}

class HashBundlerTest : public ::testing::Test {
 protected:
  void FeedAll(size_t bodies, int turns_max) {
    const auto right = std::make_unique<bool[]>(bodies);
    TaskScope scope;
    for (size_t i = 0; i < bodies; ++i) {
      const size_t piece = i % 3 == 0 ? 1000 : 4096;
      scope.Spawn(executor_, Feed(bundler_, RandomText(i, 20'000 + 777 * i), piece,
                                  static_cast<int>(i) % (turns_max + 1), &right[i]));
    }
    executor_.Run();
    EXPECT_EQ(scope.active(), 0U);
    for (size_t i = 0; i < bodies; ++i) EXPECT_TRUE(right[i]) << "body " << i << " of " << bodies;
  }
  ManualClock clock_;
  ManualExecutor executor_{clock_};
  HashBundler bundler_;
};

// The clock stands still, so none of these waits for a timer.
TEST_F(HashBundlerTest, OneBodyGoesOnAlone) { FeedAll(1, 0); }

TEST_F(HashBundlerTest, AnyNumberOfBodiesAtAnyPace) {
  for (const size_t bodies : {2, 4, 15, 16, 17, 33, 50}) {
    FeedAll(bodies, 0);
    FeedAll(bodies, 3);
  }
}

Task<void> Note(HashBundler& bundler, Md5Hasher& md5, std::string* order, char name) {
  const HashWork work{&md5, nullptr, AsBytes("piece")};
  co_await bundler.Update(work);
  order->push_back(name);
}
Task<void> NoteLater(std::string* order) {
  order->push_back('|');
  co_return;
}

TEST_F(HashBundlerTest, OthersRunBetweenTwoBundles) {
  std::vector<Md5Hasher> md5(HashBundler::kBundleMax + 1);
  std::string order;
  TaskScope scope;
  for (size_t i = 0; i + 1 < md5.size(); ++i) {
    scope.Spawn(executor_, Note(bundler_, md5[i], &order, 'a'));
  }
  scope.Spawn(executor_, Note(bundler_, md5.back(), &order, 'b'));
  scope.Spawn(executor_, NoteLater(&order));
  executor_.Run();
  EXPECT_EQ(order, "|" + std::string(HashBundler::kBundleMax, 'a') + "b");
}

// As in the server: a bundler a loop, bodies of their own on each (for TSan).
TEST(HashBundlerLoopsTest, ALoopEach) {
  EventLoopGroup group(3);
  std::vector<HashBundler> bundlers(group.size());
  constexpr size_t kBodies = 8;
  bool right[3][kBodies] = {};
  auto run = [](EventLoopGroup* loops, std::vector<HashBundler>* bundler,
                bool(*results)[kBodies]) -> Task<void> {
    TaskScope scope;
    for (size_t loop = 0; loop < loops->size(); ++loop) {
      for (size_t i = 0; i < kBodies; ++i) {
        scope.Spawn(loops->loop(loop),
                    Feed((*bundler)[loop], RandomText(i, 300'000), 16'384, 0, &results[loop][i]));
      }
    }
    co_await scope.Join();
  };
  group.RunToCompletion(run(&group, &bundlers, right));
  for (const auto& of_loop : right) {
    for (const bool one : of_loop) EXPECT_TRUE(one);
  }
}

}  // namespace
}  // namespace ashlar::api_gateway
