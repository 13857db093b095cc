#include "histories/register_checker.h"

#include <gtest/gtest.h>

#include <random>

namespace ashlar::histories {
namespace {

Operation Op(Kind kind, Value value, int64_t invoked, int64_t completed) {
  return {kind, Outcome::kOk, value, kAbsent, invoked, completed, 0};
}

Operation Conditional(Kind kind, Outcome outcome, Value value, Value expected, int64_t invoked,
                      int64_t completed) {
  return {kind, outcome, value, expected, invoked, completed, 0};
}

Operation Unknown(Kind kind, Value value, int64_t invoked) {
  return {kind, Outcome::kUnknown, value, kAbsent, invoked, kNever, 0};
}

Verdict Check(std::vector<Operation> operations, Value initial = kAbsent) {
  return CheckRegister({"k", initial, std::move(operations)});
}

TEST(RegisterCheckerTest, AcceptsWhatIsInOrder) {
  EXPECT_EQ(Check({}), Verdict::kLinearizable);
  EXPECT_EQ(Check({Op(Kind::kPut, 1, 0, 10), Op(Kind::kGet, 1, 11, 12),
                   Op(Kind::kDelete, 0, 13, 14), Op(Kind::kHead, 0, 15, 16)}),
            Verdict::kLinearizable);
  // During a write both are right, but not the old one after the new one.
  EXPECT_EQ(Check({Op(Kind::kPut, 2, 0, 10), Op(Kind::kGet, 1, 1, 5), Op(Kind::kGet, 2, 6, 9)}, 1),
            Verdict::kLinearizable);
  EXPECT_EQ(Check({Op(Kind::kPut, 2, 0, 10), Op(Kind::kGet, 2, 1, 5), Op(Kind::kGet, 1, 6, 9)}, 1),
            Verdict::kViolation);
}

TEST(RegisterCheckerTest, RefusesAStaleRead) {
  EXPECT_EQ(Check({Op(Kind::kPut, 1, 0, 10), Op(Kind::kPut, 2, 20, 30), Op(Kind::kGet, 1, 31, 32)}),
            Verdict::kViolation);
  EXPECT_EQ(Check({Op(Kind::kPut, 1, 0, 10), Op(Kind::kHead, 0, 11, 12)}), Verdict::kViolation);
}

TEST(RegisterCheckerTest, RefusesALostUpdate) {
  // Two of them replaced the same content.
  EXPECT_EQ(Check({Conditional(Kind::kPutIfMatch, Outcome::kOk, 2, 1, 0, 10),
                   Conditional(Kind::kPutIfMatch, Outcome::kOk, 3, 1, 5, 15)},
                  1),
            Verdict::kViolation);
  EXPECT_EQ(Check({Conditional(Kind::kPutIfMatch, Outcome::kOk, 2, 1, 0, 10),
                   Conditional(Kind::kPutIfMatch, Outcome::kFailedCondition, 3, 1, 5, 15)},
                  1),
            Verdict::kLinearizable);
}

TEST(RegisterCheckerTest, RefusesTwoWinnersOfIfNoneMatch) {
  EXPECT_EQ(Check({Conditional(Kind::kPutIfAbsent, Outcome::kOk, 1, 0, 0, 10),
                   Conditional(Kind::kPutIfAbsent, Outcome::kOk, 2, 0, 5, 15)}),
            Verdict::kViolation);
  EXPECT_EQ(Check({Conditional(Kind::kPutIfAbsent, Outcome::kOk, 1, 0, 0, 10),
                   Op(Kind::kDelete, 0, 4, 12),
                   Conditional(Kind::kPutIfAbsent, Outcome::kOk, 2, 0, 5, 15)}),
            Verdict::kLinearizable);
}

TEST(RegisterCheckerTest, RefusesWhatComesBack) {
  EXPECT_EQ(Check({Op(Kind::kPut, 1, 0, 10), Op(Kind::kDelete, 0, 20, 30),
                   Op(Kind::kGet, 0, 31, 32), Op(Kind::kGet, 1, 40, 41)}),
            Verdict::kViolation);
}

TEST(RegisterCheckerTest, RefusesConditionsThatFailedWithoutReason) {
  EXPECT_EQ(Check({Conditional(Kind::kPutIfAbsent, Outcome::kFailedCondition, 1, 0, 0, 10)}),
            Verdict::kViolation);
  EXPECT_EQ(Check({Conditional(Kind::kDeleteIfMatch, Outcome::kFailedCondition, 0, 7, 0, 10)}, 7),
            Verdict::kViolation);
  EXPECT_EQ(Check({Conditional(Kind::kPutIfMatch, Outcome::kNoSuchKey, 1, 7, 0, 10)}, 8),
            Verdict::kViolation);
}

TEST(RegisterCheckerTest, WhatIsUnknownHappensOnceOrNever) {
  EXPECT_EQ(
      Check({Unknown(Kind::kPut, 2, 0), Op(Kind::kGet, 1, 10, 11), Op(Kind::kGet, 2, 20, 21)}, 1),
      Verdict::kLinearizable);
  EXPECT_EQ(Check({Unknown(Kind::kPut, 2, 0), Op(Kind::kGet, 1, 10, 11)}, 1),
            Verdict::kLinearizable);
  // Not before it began, and not twice.
  EXPECT_EQ(Check({Op(Kind::kGet, 2, 0, 1), Unknown(Kind::kPut, 2, 5)}, 1), Verdict::kViolation);
  EXPECT_EQ(Check({Unknown(Kind::kPut, 2, 0), Op(Kind::kGet, 2, 10, 11), Op(Kind::kGet, 1, 20, 21),
                   Op(Kind::kGet, 2, 30, 31)},
                  1),
            Verdict::kViolation);
}

TEST(RegisterCheckerTest, SaysWhenItGivesUp) {
  std::vector<Operation> operations;
  for (Value value = 1; value <= 16; ++value) operations.push_back(Op(Kind::kPut, value, 0, 100));
  operations.push_back(Op(Kind::kGet, 99, 50, 150));
  EXPECT_EQ(CheckRegister({"k", kAbsent, operations}, 1000), Verdict::kUndecided);
}

// Histories made by a real register: each operation acts at one moment within its interval.
std::vector<Operation> RealHistory(uint64_t seed, int count) {
  std::mt19937_64 dice(seed);
  std::vector<Operation> operations;
  Value state = kAbsent;
  Value next = 1;
  for (int i = 0; i < count; ++i) {
    const int64_t moment = 100 * (i + 1);
    Operation operation;
    operation.kind = static_cast<Kind>(dice() % 8);
    operation.invoked = moment - static_cast<int64_t>(dice() % 800);
    operation.completed = moment + 1 + static_cast<int64_t>(dice() % 800);
    operation.value = IsRead(operation.kind) ? state : next++;
    operation.expected = dice() % 2 == 0 ? state : next + 1000;
    Value after = kAbsent;
    if (!Apply(operation, state, &after)) {
      operation.outcome = Outcome::kFailedCondition;
      after = state;
    }
    const bool write = !IsRead(operation.kind);
    if (write && dice() % 20 == 0) {
      operation.outcome = Outcome::kUnknown;
      operation.completed = kNever;
      if (dice() % 2 == 0) after = state;
    }
    state = after;
    operations.push_back(operation);
  }
  return operations;
}

TEST(RegisterCheckerTest, AcceptsARealRegisterAndRefusesItsDamagedReads) {
  int refused = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    std::vector<Operation> operations = RealHistory(seed, 100);
    ASSERT_EQ(Check(operations), Verdict::kLinearizable) << seed;
    for (auto& operation : operations) {
      if (operation.invoked > 5000 && IsRead(operation.kind)) {
        operation.value = 1;  // written long ago
        break;
      }
    }
    if (Check(operations) == Verdict::kViolation) ++refused;
  }
  EXPECT_GE(refused, 95);
}

}  // namespace
}  // namespace ashlar::histories
