#include "checkers/list_consistency.h"

#include <algorithm>
#include <utility>

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "list_consistency";

}  // namespace

ListCheck::ListCheck(ReferenceModel& model, Judge& judge, ListCall call)
    : model_(model), judge_(judge), call_(std::move(call)), op_(model.NewOp(OpKind::kListed)) {
  model_.InvokeBucket(call_.bucket, op_);
}

std::string ListCheck::PrefixOf(const std::string& key) const {
  if (call_.delimiter.empty()) return "";
  const size_t at = key.find(call_.delimiter, call_.prefix.size());
  return at == std::string::npos ? "" : key.substr(0, at + call_.delimiter.size());
}

void ListCheck::CheckShape(const ListAnswer& answer) {
  const auto complain = [&](const std::string& what) {
    judge_.Report(kChecker, "page of " + call_.bucket + " prefix=" + call_.prefix +
                                " after=" + call_.after + ": " + what);
  };
  std::string previous;
  for (const ListedObject& object : answer.objects) {
    const auto& keys = model_.keys();
    if (std::find(keys.begin(), keys.end(), object.key) == keys.end()) {
      complain("a key that nobody wrote: " + object.key);
    }
    if (!object.key.starts_with(call_.prefix) || !PrefixOf(object.key).empty()) {
      complain("does not belong there: " + object.key);
    }
    if (object.key <= previous || object.key <= call_.after) complain("order: " + object.key);
    previous = object.key;
  }
  previous.clear();
  for (const std::string& prefix : answer.prefixes) {
    if (PrefixOf(prefix) != prefix || prefix <= previous || prefix <= call_.after) {
      complain("common prefix " + prefix);
    }
    previous = prefix;
  }
  const size_t entries = answer.objects.size() + answer.prefixes.size();
  if (entries > call_.max_entries) complain("too many entries");
  if (answer.truncated && (entries != call_.max_entries || answer.next.empty())) {
    complain("truncated without being full");
  }
}

void ListCheck::End(const ListAnswer& answer) {
  Outcome outcome;
  outcome.code = answer.code;
  if (answer.code != Code::kOk) {
    model_.EndBucket(call_.bucket, op_, outcome, kChecker);
    return;
  }
  CheckShape(answer);
  for (const std::string& key : model_.keys()) {
    const std::string prefix = PrefixOf(key);
    const std::string& place = prefix.empty() ? key : prefix;
    const bool covered = key.starts_with(call_.prefix) && place > call_.after &&
                         !(answer.truncated && place > answer.next);
    const bool rolled_up =
        std::find(answer.prefixes.begin(), answer.prefixes.end(), prefix) != answer.prefixes.end();
    // Below a listed prefix something is there; which one of its keys is not told.
    if (!covered || (!prefix.empty() && rolled_up)) {
      model_.Forget(call_.bucket, key, op_);
      continue;
    }
    outcome.seen.clear();
    for (const ListedObject& object : answer.objects) {
      if (object.key == key) outcome.seen.push_back(object.seen);
    }
    model_.End(call_.bucket, key, op_, outcome, kChecker);
  }
}

}  // namespace ashlar::sim
