// The judge is judged: histories that are right are accepted, ones that are wrong are not.
#include <gtest/gtest.h>

#include "reference/key_history.h"

namespace ashlar::sim {
namespace {

class KeyHistoryTest : public testing::Test {
 protected:
  void SetUp() override {
    OpPtr create = NewOp(OpKind::kCreateBucket);
    history_.Invoke(create);
    ASSERT_TRUE(Return(create, Outcome()));
  }
  OpPtr NewOp(OpKind kind) {
    auto op = std::make_shared<Op>();
    op->number = ++number_;
    op->kind = kind;
    return op;
  }
  OpPtr BeginPut(uint64_t seed) {
    OpPtr op = NewOp(OpKind::kPut);
    op->content = NewContent(seed, 10 + seed, std::to_string(op->number));
    history_.Invoke(op);
    return op;
  }
  OpPtr Begin(OpKind kind) {
    OpPtr op = NewOp(kind);
    history_.Invoke(op);
    return op;
  }
  static Outcome Saw(const OpPtr& put) {
    Outcome outcome;
    Seen seen;
    seen.etag = put->content->etag;
    seen.size = put->content->size;
    seen.tag = put->content->tag;
    outcome.seen.push_back(seen);
    return outcome;
  }
  static Outcome Absent() {
    Outcome outcome;
    outcome.code = Code::kNotFound;
    return outcome;
  }
  bool Return(const OpPtr& op, const Outcome& outcome) {
    return history_.Return(op->number, outcome, &why_);
  }
  bool Reads(const Outcome& outcome) { return Return(Begin(OpKind::kRead), outcome); }

  KeyHistory history_;
  std::string why_;
  uint64_t number_ = 0;
};

TEST_F(KeyHistoryTest, ReadsSeeTheLastWrite) {
  EXPECT_TRUE(Reads(Absent()));
  const OpPtr first = BeginPut(1);
  EXPECT_TRUE(Return(first, Saw(first)));
  EXPECT_FALSE(Reads(Absent()));
  EXPECT_TRUE(Reads(Saw(first)));
  const OpPtr second = BeginPut(2);
  EXPECT_TRUE(Return(second, Saw(second)));
  EXPECT_FALSE(Reads(Saw(first)));
  EXPECT_TRUE(Reads(Saw(second)));
}

TEST_F(KeyHistoryTest, AWriteUnderWayMayBeSeenButNotTakenBack) {
  const OpPtr first = BeginPut(1);
  EXPECT_TRUE(Reads(Absent()));
  EXPECT_TRUE(Reads(Saw(first)));
  EXPECT_FALSE(Reads(Absent()));
  EXPECT_TRUE(Return(first, Saw(first)));
}

TEST_F(KeyHistoryTest, ALongReadMaySeeWhatWasThereMeanwhile) {
  const OpPtr read = Begin(OpKind::kRead);
  const OpPtr first = BeginPut(1);
  EXPECT_TRUE(Return(first, Saw(first)));
  const OpPtr second = BeginPut(2);
  EXPECT_TRUE(Return(second, Saw(second)));
  EXPECT_TRUE(Return(read, Saw(first)));
}

TEST_F(KeyHistoryTest, BothOrdersOfWritesThatOverlap) {
  const OpPtr first = BeginPut(1);
  const OpPtr second = BeginPut(2);
  EXPECT_TRUE(Return(second, Saw(second)));
  EXPECT_TRUE(Return(first, Saw(first)));
  EXPECT_TRUE(Reads(Saw(second)));
  EXPECT_FALSE(Reads(Saw(first)));
}

TEST_F(KeyHistoryTest, OneWinnerOfConditionalWrites) {
  const OpPtr a = NewOp(OpKind::kPut);
  const OpPtr b = NewOp(OpKind::kPut);
  for (const OpPtr& op : {a, b}) {
    op->must_not_exist = true;
    op->content = NewContent(op->number, 5, "x");
    history_.Invoke(op);
  }
  EXPECT_TRUE(Return(a, Saw(a)));
  EXPECT_FALSE(Return(b, Saw(b)));
}

TEST_F(KeyHistoryTest, RefusedMustNotBeSeen) {
  const OpPtr first = BeginPut(1);
  EXPECT_TRUE(Reads(Saw(first)));
  EXPECT_FALSE(history_.Refused(first->number, &why_));
}

TEST_F(KeyHistoryTest, AfterACrashItHappenedOrNot) {
  for (const bool happened : {false, true}) {
    const OpPtr remove = Begin(OpKind::kDelete);
    Outcome removed;
    removed.existed = history_.Settled() != nullptr && history_.Settled()->Current() != nullptr;
    (void)history_.Return(remove->number, removed, &why_);
    const OpPtr put = BeginPut(7);
    history_.Crash();
    EXPECT_EQ(history_.worlds(), 2U);
    EXPECT_EQ(history_.Settled(), nullptr);
    EXPECT_TRUE(Reads(happened ? Saw(put) : Absent()));
    EXPECT_FALSE(Reads(happened ? Absent() : Saw(put)));
    ASSERT_NE(history_.Settled(), nullptr);
    if (happened) break;
  }
}

TEST_F(KeyHistoryTest, DeletedStaysDeleted) {
  const OpPtr put = BeginPut(1);
  EXPECT_TRUE(Return(put, Saw(put)));
  Outcome removed;
  removed.existed = true;
  EXPECT_TRUE(Return(Begin(OpKind::kDelete), removed));
  history_.Crash();
  EXPECT_FALSE(Reads(Saw(put)));
  EXPECT_TRUE(Reads(Absent()));
}

}  // namespace
}  // namespace ashlar::sim
