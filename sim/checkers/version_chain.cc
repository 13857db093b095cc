#include "checkers/version_chain.h"

#include <map>
#include <set>
#include <utility>

#include "workload/service_access.h"

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "version_chain";

}  // namespace

VersionChainCheck::VersionChainCheck(ReferenceModel& model, Judge& judge, std::string bucket)
    : model_(model),
      judge_(judge),
      bucket_(std::move(bucket)),
      op_(model.NewOp(OpKind::kReadChain)) {
  model_.InvokeBucket(bucket_, op_);
}

void VersionChainCheck::CheckKey(const std::string& key,
                                 const std::vector<metadata_db::VersionEntry>& entries) {
  const auto complain = [&](const std::string& what) {
    judge_.Report(kChecker, bucket_ + "/" + key + ": " + what);
  };
  std::set<std::string> ids;
  for (size_t i = 0; i < entries.size(); ++i) {
    const model::ObjectVersion& version = entries[i].version;
    if (entries[i].is_latest != (i == 0)) complain("latest: " + version.version_id);
    if (!ids.insert(version.version_id).second) complain("twice: " + version.version_id);
    if (i == 0) continue;
    const model::ObjectVersion& newer = entries[i - 1].version;
    if (newer.sequence <= version.sequence) complain("order: " + version.version_id);
    if (newer.last_modified_ms <= version.last_modified_ms) {
      complain("Last-Modified goes back: " + newer.version_id);
    }
  }
}

void VersionChainCheck::End(const std::string& key_marker,
                            const Result<metadata_db::ListVersionsPage>& page) {
  if (!page.ok()) {
    Outcome failed;
    failed.code = page.code();
    model_.EndBucket(bucket_, op_, failed, kChecker);
    return;
  }
  std::map<std::string, std::vector<metadata_db::VersionEntry>> by_key;
  for (const metadata_db::VersionEntry& entry : page->versions) {
    by_key[entry.key].push_back(entry);
  }
  for (const std::string& key : model_.keys()) {
    // The last key of a page may go on in the next one.
    const bool whole = key > key_marker && !(page->truncated && key >= page->next_key_marker);
    if (!whole) {
      model_.Forget(bucket_, key, op_);
      continue;
    }
    CheckKey(key, by_key[key]);
    Outcome outcome;
    for (const metadata_db::VersionEntry& entry : by_key[key]) {
      outcome.seen.push_back(SeeVersion(entry.version));
    }
    model_.End(bucket_, key, op_, outcome, kChecker);
  }
}

}  // namespace ashlar::sim
