// The contract of OrderedStore as tests; every adapter instantiates it with a factory.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "metadata_db/ordered_store.h"
#include "runtime/event_loop.h"
#include "runtime/sync.h"

namespace ashlar::metadata_db {

// What a suite runs against. Owns whatever the store needs (a directory).
class StoreFixture {
 public:
  virtual ~StoreFixture() = default;
  virtual OrderedStore& store() = 0;
};
using StoreFactory = std::function<std::unique_ptr<StoreFixture>()>;

inline Status PutRow(Transaction& transaction, const std::string& key, const std::string& value) {
  transaction.Put(key, value);
  return Status::Ok();
}
inline TransactionBody Putting(std::string key, std::string value) {
  return [key, value](Transaction& transaction) { return PutRow(transaction, key, value); };
}

// All rows a view shows from `from` on, as "key=value".
inline std::vector<std::string> Rows(View& view, std::string_view from = "") {
  std::vector<std::string> rows;
  const auto cursor = view.NewCursor();
  for (cursor->Seek(from); cursor->Valid(); cursor->Next()) {
    rows.push_back(std::string(cursor->key()) + "=" + std::string(cursor->value()));
  }
  EXPECT_TRUE(cursor->status().ok());
  return rows;
}

class OrderedStoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  OrderedStoreContract() : loops_(2), fixture_(GetParam()()) {}

  std::vector<Status> Submit(std::vector<TransactionBody> bodies) {
    return RunBlocking(loops_, store().Submit(std::move(bodies)));
  }
  Status SubmitOne(TransactionBody body, Duration patience = Duration::zero()) {
    std::vector<TransactionBody> bodies;
    bodies.push_back(std::move(body));
    return RunBlocking(loops_, store().Submit(std::move(bodies), patience)).at(0);
  }
  std::optional<std::string> Get(const std::string& key) {
    auto row = RunBlocking(loops_, store().Get(key));
    EXPECT_TRUE(row.ok()) << row.status().ToString();
    return *row;
  }
  OrderedStore& store() { return fixture_->store(); }

  EventLoopGroup loops_;
  std::unique_ptr<StoreFixture> fixture_;
};

using Strings = std::vector<std::string>;

TEST_P(OrderedStoreContract, PutGetDelete) {
  EXPECT_EQ(Get("a"), std::nullopt);
  ASSERT_TRUE(SubmitOne(Putting("a", "1")).ok());
  EXPECT_EQ(Get("a"), "1");
  ASSERT_TRUE(SubmitOne([](Transaction& t) {
                t.Delete("a");
                t.Delete("never there");
                return Status::Ok();
              }).ok());
  EXPECT_EQ(Get("a"), std::nullopt);
}

TEST_P(OrderedStoreContract, EmptyKeysAndValuesAndAllBytes) {
  const std::string zeros("\0\0\xff", 3);
  ASSERT_TRUE(SubmitOne([&](Transaction& t) {
                t.Put(zeros, "");
                t.Put("b", std::string("\0x", 2));
                return Status::Ok();
              }).ok());
  EXPECT_EQ(Get(zeros), "");
  EXPECT_EQ(Get("b"), std::string("\0x", 2));
}

TEST_P(OrderedStoreContract, BodiesOfOneSubmitRunInOrderAndSeeEachOther) {
  const auto results = Submit({Putting("k", "1"),
                               [](Transaction& t) {
                                 auto row = t.Get("k");
                                 if (!row.ok() || !*row) return Status(Code::kInternal, "unseen");
                                 t.Put("k", **row + "2");
                                 return Status::Ok();
                               },
                               [](Transaction& t) {
                                 auto row = t.Get("k");
                                 if (!row.ok() || **row != "12") return Status(Code::kInternal, "");
                                 t.Delete("k");
                                 t.Put("done", "yes");
                                 return Status::Ok();
                               }});
  ASSERT_EQ(results.size(), 3U);
  for (const Status& status : results) EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Get("k"), std::nullopt);
  EXPECT_EQ(Get("done"), "yes");
}

TEST_P(OrderedStoreContract, AFailingBodyLeavesNoTraceAndHarmsNoOther) {
  ASSERT_TRUE(SubmitOne(Putting("kept", "old")).ok());
  const auto results = Submit({Putting("a", "1"),
                               [](Transaction& t) {
                                 t.Put("a", "wrong");
                                 t.Put("b", "wrong");
                                 t.Delete("kept");
                                 return Status(Code::kConflict, "on purpose");
                               },
                               [](Transaction& t) {
                                 auto a = t.Get("a");
                                 auto b = t.Get("b");
                                 auto kept = t.Get("kept");
                                 const bool clean = **a == "1" && !*b && **kept == "old";
                                 t.Put("c", clean ? "clean" : "dirty");
                                 return Status::Ok();
                               }});
  EXPECT_TRUE(results[0].ok());
  EXPECT_EQ(results[1].code(), Code::kConflict);
  EXPECT_TRUE(results[2].ok());
  EXPECT_EQ(Get("a"), "1");
  EXPECT_EQ(Get("b"), std::nullopt);
  EXPECT_EQ(Get("c"), "clean");
  EXPECT_EQ(Get("kept"), "old");
}

TEST_P(OrderedStoreContract, CursorsOfATransactionSeeItsOwnWrites) {
  ASSERT_TRUE(SubmitOne([](Transaction& t) {
                t.Put("a", "1");
                t.Put("c", "3");
                t.Put("e", "5");
                return Status::Ok();
              }).ok());
  Strings seen;
  Strings later;
  ASSERT_TRUE(SubmitOne([&](Transaction& t) {
                t.Put("b", "2");
                t.Delete("c");
                t.Put("e", "five");
                t.Put("b", "two");
                seen = Rows(t);
                t.Put("f", "6");
                later = Rows(t, "c");
                return Status::Ok();
              }).ok());
  EXPECT_EQ(seen, (Strings{"a=1", "b=two", "e=five"}));
  EXPECT_EQ(later, (Strings{"e=five", "f=6"}));
}

TEST_P(OrderedStoreContract, CursorsAfterARollbackSeeTheOtherBodies) {
  Strings seen;
  (void)Submit({Putting("a", "1"), Putting("b", "2"),
                [](Transaction& t) {
                  t.Put("b", "wrong");
                  t.Put("c", "wrong");
                  return Status(Code::kConflict, "on purpose");
                },
                [&](Transaction& t) {
                  seen = Rows(t);
                  return Status::Ok();
                }});
  EXPECT_EQ(seen, (Strings{"a=1", "b=2"}));
}

TEST_P(OrderedStoreContract, SeekNextAndPrevious) {
  ASSERT_TRUE(SubmitOne([](Transaction& t) {
                for (const char* key : {"b", "d", "f"}) t.Put(key, key);
                return Status::Ok();
              }).ok());
  const auto check = [](View& view) {
    const auto cursor = view.NewCursor();
    cursor->Seek("c");
    ASSERT_TRUE(cursor->Valid());
    EXPECT_EQ(cursor->key(), "d");
    cursor->Seek("d");
    EXPECT_EQ(cursor->key(), "d");
    cursor->Seek("g");
    EXPECT_FALSE(cursor->Valid());
    EXPECT_TRUE(cursor->status().ok());
    cursor->SeekForPrevious("e");
    ASSERT_TRUE(cursor->Valid());
    EXPECT_EQ(cursor->key(), "d");
    cursor->SeekForPrevious("d");
    EXPECT_EQ(cursor->key(), "d");
    cursor->SeekForPrevious("a");
    EXPECT_FALSE(cursor->Valid());
    cursor->SeekForPrevious("zz");
    EXPECT_EQ(cursor->key(), "f");
    cursor->Next();
    EXPECT_FALSE(cursor->Valid());
  };
  const auto snapshot = store().NewSnapshot();
  check(*snapshot);
  ASSERT_TRUE(SubmitOne([&](Transaction& t) {
                t.Put("h", "");
                t.Delete("h");
                check(t);
                return Status::Ok();
              }).ok());
}

TEST_P(OrderedStoreContract, OrderIsThatOfUnsignedBytes) {
  ASSERT_TRUE(SubmitOne([](Transaction& t) {
                for (const char* key : {"\xff", "\x7f", "\x80", "a", "Z"}) t.Put(key, "");
                return Status::Ok();
              }).ok());
  const auto snapshot = store().NewSnapshot();
  EXPECT_EQ(Rows(*snapshot), (Strings{"Z=", "a=", "\x7f=", "\x80=", "\xff="}));
}

TEST_P(OrderedStoreContract, SnapshotsAreFrozen) {
  ASSERT_TRUE(SubmitOne(Putting("a", "1")).ok());
  const auto before = store().NewSnapshot();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(SubmitOne([i](Transaction& t) {
                  t.Put("a", std::to_string(i + 2));
                  t.Put("b" + std::to_string(i), "x");
                  return Status::Ok();
                }).ok());
  }
  ASSERT_TRUE(SubmitOne([](Transaction& t) {
                t.Delete("a");
                return Status::Ok();
              }).ok());
  EXPECT_EQ(Rows(*before), (Strings{"a=1"}));
  EXPECT_EQ(*before->Get("a"), "1");
  const auto after = store().NewSnapshot();
  EXPECT_EQ(Rows(*after).size(), 5U);
}

TEST_P(OrderedStoreContract, ReadSeesWhatWasCommittedAndPassesItsAnswerOn) {
  ASSERT_TRUE(SubmitOne(Putting("a", "1")).ok());
  std::string seen;
  const Status status = RunBlocking(loops_, store().Read([&](Snapshot& snapshot) {
    seen = snapshot.Get("a")->value();
    return Status(Code::kConflict, "mine");
  }));
  EXPECT_EQ(status.code(), Code::kConflict);
  EXPECT_EQ(seen, "1");
}

TEST_P(OrderedStoreContract, HooksRunInOrderAfterTheCommitAndBeforeTheAnswer) {
  Strings told;
  const auto tell = [&](const std::string& name, Status status) {
    return [&told, name, status](Transaction& t) {
      t.Put(name, "x");
      t.OnCommitted([&told, name] { told.push_back(name); });
      t.OnCommitted([&told, name] { told.push_back(name + "'"); });
      return status;
    };
  };
  (void)Submit(
      {tell("a", Status::Ok()), tell("b", Status(Code::kConflict, "")), tell("c", Status::Ok())});
  EXPECT_EQ(told, (Strings{"a", "a'", "c", "c'"}));
}

// With others: ManyConcurrentSubmitsAreSerialised.
TEST_P(OrderedStoreContract, WhoHasPatienceIsCommittedAlone) {
  ASSERT_TRUE(SubmitOne(Putting("a", "1"), std::chrono::milliseconds(10)).ok());
  EXPECT_EQ(Get("a"), "1");
}

TEST_P(OrderedStoreContract, BigValuesAndManyRowsInOneBody) {
  const std::string big(3 << 20, 'x');
  ASSERT_TRUE(SubmitOne([&](Transaction& t) {
                t.Put("big", big);
                for (int i = 0; i < 20'000; ++i) t.Put("row" + std::to_string(i), "v");
                return Status::Ok();
              }).ok());
  EXPECT_EQ(Get("big"), big);
  const auto snapshot = store().NewSnapshot();
  EXPECT_EQ(Rows(*snapshot, "row").size(), 20'000U);
}

namespace internal {

// Adds one to a counter, many times; the sum proves that transactions are serialised. Counts into
// `hook_order` what the hooks saw.
inline Task<Status> CountUp(OrderedStore* store, int times, std::vector<int>* hook_order) {
  for (int i = 0; i < times; ++i) {
    std::vector<TransactionBody> bodies;
    bodies.push_back([hook_order](Transaction& t) -> Status {
      ASSIGN_OR_RETURN(const auto row, t.Get("counter"));
      const int next = (row ? std::stoi(*row) : 0) + 1;
      t.Put("counter", std::to_string(next));
      // Commit thread only, so that no lock is needed.
      t.OnCommitted([hook_order, next] { hook_order->push_back(next); });
      return Status::Ok();
    });
    bodies.push_back([](Transaction& t) {
      t.Put("counter", "-1000");
      return Status(Code::kConflict, "on purpose");
    });
    const auto patience = std::chrono::microseconds(i % 8 == 0 ? 200 : 0);
    const std::vector<Status> results = co_await store->Submit(std::move(bodies), patience);
    if (!results[0].ok()) co_return results[0];
    if (results[1].code() != Code::kConflict) co_return Status(Code::kInternal, "not isolated");
  }
  co_return Status::Ok();
}

inline Task<void> Into(Task<Status> task, Status* out) { *out = co_await task; }

inline Task<Status> RunWorkers(EventLoopGroup* loops, OrderedStore* store, int workers, int times,
                               std::vector<int>* hook_order) {
  TaskScope scope;
  std::vector<Status> results(static_cast<size_t>(workers));
  for (size_t i = 0; i < results.size(); ++i) {
    scope.Spawn(loops->loop(i % loops->size()),
                Into(CountUp(store, times, hook_order), &results[i]));
  }
  co_await scope.Join();
  for (const Status& status : results) CO_RETURN_IF_ERROR(status);
  co_return Status::Ok();
}

}  // namespace internal

TEST_P(OrderedStoreContract, ManyConcurrentSubmitsAreSerialised) {
  std::vector<int> hook_order;
  const Status status =
      RunBlocking(loops_, internal::RunWorkers(&loops_, &store(), 16, 40, &hook_order));
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Get("counter"), "640");
  ASSERT_EQ(hook_order.size(), 640U);
  for (int i = 0; i < 640; ++i) EXPECT_EQ(hook_order[static_cast<size_t>(i)], i + 1);
}

}  // namespace ashlar::metadata_db
