#include "checkers/atomic_visibility.h"

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "atomic_visibility";

}  // namespace

ContentPtr CheckHead(const ReferenceModel& model, const std::string& where, const Seen& seen,
                     Judge* judge) {
  if (!seen.tag) {
    judge->Report(kChecker, where + ": the metadata is missing: " + seen.ToString());
    return nullptr;
  }
  ContentPtr content = model.Find(*seen.tag, seen.etag);
  if (content == nullptr) {
    judge->Report(kChecker, where + ": no client sent such a body: " + seen.ToString());
    return nullptr;
  }
  if (content->size != seen.size) {
    judge->Report(kChecker, where + ": size is not " + std::to_string(content->size) + ": " +
                                seen.ToString());
    return nullptr;
  }
  return content;
}

bool CheckBytes(const Content& content, const std::string& where, uint64_t offset, ByteSpan bytes,
                Judge* judge) {
  if (ContentMatches(content, offset, bytes)) return true;
  judge->Report(kChecker, where + ": wrong bytes in [" + std::to_string(offset) + ", +" +
                              std::to_string(bytes.size()) + ") of " + content.etag);
  return false;
}

}  // namespace ashlar::sim
