// ReferenceModel: the histories of all keys, and what is known of every body that was ever sent.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "judge.h"
#include "reference/content.h"
#include "reference/key_history.h"

namespace ashlar::sim {

// What an answer says of the operation. Definite: it took effect as answered, or was turned down
// for what the store holds. Refused: nothing happened. Unknown: anything may have happened.
enum class Verdict { kDefinite, kRefused, kUnknown };
[[nodiscard]] Verdict VerdictOf(Code code);

class ReferenceModel {
 public:
  ReferenceModel(Judge& judge, std::vector<std::string> buckets, std::vector<std::string> keys);

  const std::vector<std::string>& buckets() const { return buckets_; }
  const std::vector<std::string>& keys() const { return keys_; }
  KeyHistory& Of(const std::string& bucket, const std::string& key);

  // A fresh operation, not under way yet.
  OpPtr NewOp(OpKind kind);
  uint64_t NextBegan() { return ++began_; }
  void Invoke(const std::string& bucket, const std::string& key, const OpPtr& op);
  // Its end. Whatever does not fit is reported under `checker`.
  void End(const std::string& bucket, const std::string& key, const OpPtr& op,
           const Outcome& answer, std::string_view checker);
  // It says nothing about this key after all (reads).
  void Forget(const std::string& bucket, const std::string& key, const OpPtr& op);
  // The same for an operation on a bucket, seen by all of its keys.
  void InvokeBucket(const std::string& bucket, const OpPtr& op);
  void EndBucket(const std::string& bucket, const OpPtr& op, const Outcome& answer,
                 std::string_view checker);
  void Crash();

  void Remember(const ContentPtr& content);
  // Null: nobody sent such a body.
  ContentPtr Find(const std::string& tag, const std::string& etag) const;

  uint64_t worlds_max() const { return worlds_max_; }
  // Too much is unknown of some key; a restart would settle it.
  bool overgrown() const { return overgrown_; }

 private:
  Judge& judge_;
  const std::vector<std::string> buckets_;
  const std::vector<std::string> keys_;
  std::map<std::string, std::map<std::string, KeyHistory>> histories_;
  std::map<std::pair<std::string, std::string>, ContentPtr> contents_;
  uint64_t next_number_ = 1;
  uint64_t began_ = 0;
  void Count(const KeyHistory& history);

  uint64_t worlds_max_ = 0;
  bool overgrown_ = false;
};

}  // namespace ashlar::sim
