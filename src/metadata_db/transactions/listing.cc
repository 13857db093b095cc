// Listings: pages of current versions, of all versions, of uploads.
//
// A page is one walk over one snapshot. Rows are in unsigned byte order of the keys, which is S3's
// order. A key that holds the delimiter behind the prefix is rolled up: its common prefix counts as
// one entry, and the walk seeks to the first row behind it, so a page costs a seek for each common
// prefix and never touches what lies below. `truncated` is decided at the next row that would give
// an entry: keys below the last common prefix do not make a page truncated.
//
// How it fails: a row that cannot be read or decoded fails the page; a listing never silently
// leaves out what it could not read.
#include <algorithm>
#include <utility>

#include "metadata_db/transactions/decisions.h"
#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/schema.h"
#include "metadata_db/transactions/version_chain.h"

namespace ashlar::metadata_db {
namespace {

constexpr size_t kSequenceBytes = 8;
constexpr size_t kUploadIdBytes = 16;

struct Scope {
  BucketId bucket;
  const std::string& prefix;
  const std::string& delimiter;
};

// The row where a page begins: behind `after`, or behind the common prefix that holds `after`.
std::string StartOf(Table table, const Scope& scope, std::string_view after) {
  if (after.empty() || after < scope.prefix) {
    return ObjectPrefix(table, scope.bucket, scope.prefix);
  }
  if (after.starts_with(scope.prefix)) {
    const auto rolled_up = CommonPrefixOf(after, scope.prefix, scope.delimiter);
    if (rolled_up) return PrefixSuccessor(ObjectPrefix(table, scope.bucket, *rolled_up));
  }
  return PrefixSuccessor(ObjectKey(table, scope.bucket, after));
}

// The object key of a row, which must end `tail` bytes before the row's end.
Result<std::string> ObjectKeyOf(std::string_view row_key, size_t tail) {
  std::string_view rest;
  auto key = row_key.size() < kBucketPrefixBytes
                 ? std::nullopt
                 : UnescapeKey(row_key.substr(kBucketPrefixBytes), &rest);
  if (!key || rest.size() != tail) return Status(Code::kCorrupt, "key of a row");
  return std::move(*key);
}

// ---- current versions

Status ListCurrent(View& view, const ListRequest& request, ListPage* page) {
  const Scope scope{request.bucket, request.prefix, request.delimiter};
  const std::string row_prefix = ObjectPrefix(Table::kCurrent, request.bucket, request.prefix);
  const auto cursor = view.NewCursor();
  cursor->Seek(StartOf(Table::kCurrent, scope, request.start_after));
  uint32_t entries = 0;
  while (cursor->Valid() && cursor->key().starts_with(row_prefix)) {
    if (entries++ == request.max_entries) {
      page->truncated = true;
      return Status::Ok();
    }
    ASSIGN_OR_RETURN(std::string key, ObjectKeyOf(cursor->key(), 0));
    page->next_after = key;
    if (auto rolled_up = CommonPrefixOf(key, request.prefix, request.delimiter)) {
      page->next_after = *rolled_up;
      cursor->Seek(PrefixSuccessor(ObjectPrefix(Table::kCurrent, request.bucket, *rolled_up)));
      page->common_prefixes.push_back(std::move(*rolled_up));
      continue;
    }
    ASSIGN_OR_RETURN(model::ObjectVersion version, DecodeVersionSummary(cursor->value()));
    page->objects.push_back({.key = std::move(key), .version = std::move(version)});
    cursor->Next();
  }
  return cursor->status();
}

// ---- all versions

// Walks the rows of 'o' and 'v' together, in order of keys; of one key the current version first,
// then the older ones, newest first.
class VersionWalk {
 public:
  VersionWalk(View& view, BucketId bucket, std::string_view prefix)
      : current_(view.NewCursor()), history_(view.NewCursor()) {
    current_prefix_ = ObjectPrefix(Table::kCurrent, bucket, prefix);
    history_prefix_ = ObjectPrefix(Table::kVersion, bucket, prefix);
  }

  // `row_key` of 'o'; the rows of 'v' have the same form.
  void Seek(std::string row_key) {
    current_->Seek(row_key);
    row_key[0] = static_cast<char>(Table::kVersion);
    history_->Seek(row_key);
  }
  bool Valid() const { return CurrentValid() || HistoryValid(); }
  Status status() const {
    RETURN_IF_ERROR(current_->status());
    return history_->status();
  }
  bool AtCurrent() const {
    if (!CurrentValid()) return false;
    if (!HistoryValid()) return true;
    const std::string_view old = history_->key();
    // On the same key the current version comes first: its row key is a prefix of the other's.
    return current_->key().substr(1) <= old.substr(1, old.size() - 1 - kSequenceBytes);
  }
  Result<std::string> Key() const {
    return AtCurrent() ? ObjectKeyOf(current_->key(), 0)
                       : ObjectKeyOf(history_->key(), kSequenceBytes);
  }
  std::string_view value() const { return AtCurrent() ? current_->value() : history_->value(); }
  void Next() { AtCurrent() ? current_->Next() : history_->Next(); }

 private:
  bool CurrentValid() const {
    return current_->Valid() && current_->key().starts_with(current_prefix_);
  }
  bool HistoryValid() const {
    return history_->Valid() && history_->key().starts_with(history_prefix_) &&
           history_->key().size() > kBucketPrefixBytes + kSequenceBytes;
  }
  std::unique_ptr<OrderedCursor> current_;
  std::unique_ptr<OrderedCursor> history_;
  std::string current_prefix_;
  std::string history_prefix_;
};

// Versions of the marker's key are listed from the one below it. nullopt: the marker has gone, list
// all of the key (twice rather than never).
Result<std::optional<Sequence>> MarkerSequence(View& view, const ListVersionsRequest& request) {
  if (!request.version_id_marker) return std::optional<Sequence>();
  if (*request.version_id_marker == "null") {
    ASSIGN_OR_RETURN(const auto found,
                     FindVersion(view, request.bucket, request.key_marker, "null"));
    if (!found) return std::optional<Sequence>();
    return std::optional(found->stored.version.sequence);
  }
  const auto sequence = SequenceOfVersionId(*request.version_id_marker);
  if (!sequence) return Status(Code::kInvalidArgument, "not a version id");
  return sequence;
}

Status ListAllVersions(View& view, const ListVersionsRequest& request, ListVersionsPage* page) {
  const Scope scope{request.bucket, request.prefix, request.delimiter};
  ASSIGN_OR_RETURN(const auto marker, MarkerSequence(view, request));
  std::string start = StartOf(Table::kCurrent, scope, request.key_marker);
  const bool inside_key = request.version_id_marker &&
                          request.key_marker.starts_with(request.prefix) &&
                          !CommonPrefixOf(request.key_marker, request.prefix, request.delimiter);
  if (inside_key) start = ObjectKey(Table::kCurrent, request.bucket, request.key_marker);

  VersionWalk walk(view, request.bucket, request.prefix);
  walk.Seek(std::move(start));
  uint32_t entries = 0;
  std::optional<std::string> previous_key;
  while (walk.Valid()) {
    ASSIGN_OR_RETURN(std::string key, walk.Key());
    auto rolled_up = CommonPrefixOf(key, request.prefix, request.delimiter);
    if (rolled_up) {
      if (entries++ == request.max_entries) {
        page->truncated = true;
        return Status::Ok();
      }
      page->next_key_marker = *rolled_up;
      page->next_version_id_marker.clear();
      walk.Seek(PrefixSuccessor(ObjectPrefix(Table::kCurrent, request.bucket, *rolled_up)));
      page->common_prefixes.push_back(std::move(*rolled_up));
      continue;
    }
    const bool is_latest = previous_key != key;
    previous_key = key;
    ASSIGN_OR_RETURN(model::ObjectVersion version, DecodeVersionSummary(walk.value()));
    walk.Next();
    if (inside_key && marker && key == request.key_marker && version.sequence >= *marker) continue;
    if (entries++ == request.max_entries) {
      page->truncated = true;
      return Status::Ok();
    }
    page->next_key_marker = key;
    page->next_version_id_marker = version.version_id;
    page->versions.push_back(
        {.key = std::move(key), .version = std::move(version), .is_latest = is_latest});
  }
  return walk.status();
}

// ---- uploads

Status ListOpenUploads(View& view, const ListUploadsRequest& request, ListUploadsPage* page) {
  const Scope scope{request.bucket, request.prefix, request.delimiter};
  std::string start = StartOf(Table::kUpload, scope, request.key_marker);
  std::string marker_id;
  if (!request.key_marker.empty() && !request.upload_id_marker.empty()) {
    if (!HexDecode(request.upload_id_marker, &marker_id) || marker_id.size() != kUploadIdBytes) {
      return Status(Code::kInvalidArgument, "not an upload id");
    }
    const bool listed = request.key_marker.starts_with(request.prefix) &&
                        !CommonPrefixOf(request.key_marker, request.prefix, request.delimiter);
    if (listed) {
      start = UploadKey(request.bucket, request.key_marker, UniqueId::FromView(marker_id)) + '\0';
    }
  }
  const std::string row_prefix = ObjectPrefix(Table::kUpload, request.bucket, request.prefix);
  const auto cursor = view.NewCursor();
  cursor->Seek(start);
  uint32_t entries = 0;
  while (cursor->Valid() && cursor->key().starts_with(row_prefix)) {
    if (entries++ == request.max_entries) {
      page->truncated = true;
      return Status::Ok();
    }
    ASSIGN_OR_RETURN(const std::string key, ObjectKeyOf(cursor->key(), kUploadIdBytes));
    if (auto rolled_up = CommonPrefixOf(key, request.prefix, request.delimiter)) {
      page->next_key_marker = *rolled_up;
      page->next_upload_id_marker.clear();
      cursor->Seek(PrefixSuccessor(ObjectPrefix(Table::kUpload, request.bucket, *rolled_up)));
      page->common_prefixes.push_back(std::move(*rolled_up));
      continue;
    }
    ASSIGN_OR_RETURN(model::Upload upload, model::DecodeUpload(cursor->value()));
    page->next_key_marker = key;
    page->next_upload_id_marker = upload.id.ToHex();
    page->uploads.push_back(std::move(upload));
    cursor->Next();
  }
  return cursor->status();
}

// max_entries 0: an empty page that is not truncated.
template <typename Page, typename Request>
Task<Result<Page>> ReadPage(OrderedStore& store, Request request,
                            Status (*list)(View&, const Request&, Page*)) {
  Page page;
  if (request.max_entries == 0) co_return page;
  ReadBody body = [&](Snapshot& snapshot) {
    page = Page();
    return list(snapshot, request, &page);
  };
  CO_RETURN_IF_ERROR(co_await store.Read(std::move(body)));
  co_return page;
}

}  // namespace

Task<Result<ListPage>> MetadataDb::List(ListRequest request) {
  return ReadPage<ListPage, ListRequest>(impl_->store, std::move(request), &ListCurrent);
}

Task<Result<ListVersionsPage>> MetadataDb::ListVersions(ListVersionsRequest request) {
  return ReadPage<ListVersionsPage, ListVersionsRequest>(impl_->store, std::move(request),
                                                         &ListAllVersions);
}

Task<Result<ListUploadsPage>> MetadataDb::ListUploads(ListUploadsRequest request) {
  return ReadPage<ListUploadsPage, ListUploadsRequest>(impl_->store, std::move(request),
                                                       &ListOpenUploads);
}

}  // namespace ashlar::metadata_db
