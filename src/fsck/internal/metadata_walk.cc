// One pass a table. The balance of referrers is kept as a sum of hashes: what a slice says is
// added, what a referrer row says is taken off, and any difference leaves it other than zero.
#include "fsck/internal/metadata_walk.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/digest.h"

namespace ashlar::fsck {
namespace {

using metadata_db::View;

constexpr size_t kBookTextsMax = 50;
constexpr uint64_t kProgressRows = 4096;
constexpr char kApart = 1;  // the manifest has a row of its own

uint64_t BigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

std::string BigEndianBytes(uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

uint64_t HashOf(std::string_view text) {
  const Sha256Digest digest = Sha256(AsBytes(text));
  return LoadLittle64(digest.data());
}

void BookError(FsckReport* report, std::string text) {
  ++report->book_errors;
  if (report->book_error_texts.size() < kBookTextsMax) {
    report->book_error_texts.push_back(std::move(text));
  }
}

// Calls `take(key without its table byte, value)` for each row.
template <typename Take>
Status ForEachRow(View& view, char table, const FsckOptions& options, const char* phase,
                  Take take) {
  const std::string prefix(1, table);
  const auto cursor = view.NewCursor();
  uint64_t rows = 0;
  for (cursor->Seek(prefix); cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    take(cursor->key().substr(1), cursor->value());
    if (++rows % kProgressRows == 0 && options.progress) options.progress({phase, rows, 0});
  }
  return cursor->status();
}

// A row of 'o' or 'v', taken apart. `referrer`: as the row in 'r' names it.
struct VersionRow {
  BucketId bucket;
  std::string key;
  std::string referrer;
  model::ObjectVersion version;
};

// Escaped key and its end mark: 0x00 0xFF is a zero, 0x00 0x01 the end.
bool Unescape(std::string_view bytes, std::string* key, std::string_view* rest) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != '\0') {
      key->push_back(bytes[i]);
      continue;
    }
    if (++i == bytes.size()) return false;
    if (bytes[i] == '\x01') {
      *rest = bytes.substr(i + 1);
      return true;
    }
    if (bytes[i] != '\xff') return false;
    key->push_back('\0');
  }
  return false;
}

Result<VersionRow> ParseVersionRow(View& view, char table, std::string_view key,
                                   std::string_view value) {
  const Status bad(Code::kCorrupt, "key");
  VersionRow row;
  std::string_view rest;
  if (key.size() < 8 || value.empty() || !Unescape(key.substr(8), &row.key, &rest)) return bad;
  row.bucket = BucketId{BigEndian(key.substr(0, 8))};
  ASSIGN_OR_RETURN(row.version, model::DecodeObjectVersion(value.substr(1)));
  const std::string sequence = BigEndianBytes(~row.version.sequence.value);
  if (rest != (table == 'v' ? std::string_view(sequence) : std::string_view())) return bad;
  const std::string place =
      std::string(key.substr(0, key.size() - rest.size())) + sequence;  // as in 'm' and 'r'
  row.referrer = '\0' + place;
  if (value[0] == kApart) {
    ASSIGN_OR_RETURN(const auto manifest, view.Get('m' + place));
    if (!manifest) return Status(Code::kCorrupt, "manifest is missing");
    ASSIGN_OR_RETURN(row.version.parts, model::DecodeManifest(*manifest));
  }
  return row;
}

struct PartRow {
  UniqueId upload;
  uint32_t number = 0;
  std::string referrer;
  model::UploadPart part;
};

Result<PartRow> ParsePartRow(std::string_view key, std::string_view value) {
  if (key.size() != 20) return Status(Code::kCorrupt, "key");
  PartRow row;
  row.upload = UniqueId::FromView(key.substr(0, 16));
  row.number = static_cast<uint32_t>(BigEndian(key.substr(16)));
  row.referrer = '\1' + std::string(key);
  Decoder in(value);
  in.Varint();  // when the request began
  if (!in.ok()) return Status(Code::kCorrupt, "length");
  ASSIGN_OR_RETURN(row.part, model::DecodeUploadPart(value.substr(value.size() - in.remaining())));
  return row;
}

class BookKeeper {
 public:
  BookKeeper(ExtentTable& extents, FsckReport* report) : extents_(extents), report_(report) {}

  // The slices of a version or part.
  void Take(const std::vector<model::Part>& parts, std::string_view referrer,
            const std::string& who) {
    std::set<size_t> touched;
    for (const model::Part& part : parts) {
      for (const model::Slice& slice : part.slices) {
        report_->live_bytes += slice.length;
        const auto at = extents_.Find(slice.extent);
        if (!at) {
          BookError(report_, who + " refers to unknown extent " + slice.extent.ToHex());
          continue;
        }
        ExtentTable::Books& books = extents_.books(*at);
        if (slice.offset > books.data_bytes || slice.length > books.data_bytes - slice.offset) {
          BookError(report_, who + " refers beyond the end of extent " + slice.extent.ToHex());
        }
        books.slice_bytes += slice.length;
        touched.insert(*at);
      }
    }
    const uint64_t hash = HashOf(referrer);
    for (const size_t at : touched) extents_.books(at).referrer_balance += hash;
  }

  void TakeReferrerRow(std::string_view key) {
    const auto at = key.size() > 16 ? extents_.Find(UniqueId::FromView(key.substr(0, 16)))
                                    : std::optional<size_t>();
    if (!at) return BookError(report_, "a referrer row of an unknown extent");
    extents_.books(*at).referrer_balance -= HashOf(key.substr(16));
  }

  void Close() {
    for (size_t at = 0; at < extents_.size(); ++at) CloseOne(at);
  }

 private:
  void CloseOne(size_t at) {
    const ExtentTable::Books& books = extents_.books(at);
    const std::string name = "extent " + extents_.id(at).ToHex();
    const uint8_t flags = extents_.flags(at);
    if ((flags & ExtentTable::kHasBooks) == 0) {
      BookError(report_, name + " has no row of live bytes");
    } else if (books.live_bytes != books.slice_bytes) {
      BookError(report_, name + ": live bytes " + std::to_string(books.live_bytes) +
                             ", but slices add up to " + std::to_string(books.slice_bytes));
    }
    if (books.referrer_balance != 0) {
      BookError(report_, name + ": referrer rows are not those of its slices");
    }
    const bool reclaimed = (flags & ExtentTable::kReclaimed) != 0;
    if (reclaimed) ++report_->dead_extents;
    if (reclaimed && books.slice_bytes > 0) {
      BookError(report_, name + " is to be reclaimed, but somebody refers to it");
    }
    if (!reclaimed && books.slice_bytes == 0) {
      BookError(report_, name + ": nobody refers to it, and it has no reclaim record");
    }
    const bool sparse = books.slice_bytes > 0 && books.slice_bytes <= books.data_bytes / 2;
    if (sparse != ((flags & ExtentTable::kSparse) != 0)) {
      BookError(report_, name + ": is " + (sparse ? "" : "not ") + "sparse, its row says else");
    }
  }

  ExtentTable& extents_;
  FsckReport* report_;
};

Status WalkExtents(View& view, const FsckOptions& options, ExtentTable* extents,
                   FsckReport* report) {
  std::map<std::string, uint64_t> codes;
  RETURN_IF_ERROR(ForEachRow(view, 'e', options, "extents", [&](auto key, auto value) {
    const Result<model::Extent> extent = model::DecodeExtent(value);
    if (!extent.ok() || extent->id.View() != key) {
      return BookError(report, "the row of extent " + HexEncode(AsBytes(key)) + " is damaged");
    }
    extents->Append(*extent);
    ++codes[std::to_string(extent->data_shards) + "+" + std::to_string(extent->parity_shards)];
  }));
  report->extents = extents->size();
  const auto most = std::max_element(codes.begin(), codes.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  if (most != codes.end()) report->code = most->first;
  const auto mark = [&](char table, uint8_t flag, const char* what) {
    return ForEachRow(view, table, options, what, [&](auto key, auto value) {
      const auto at = extents->Find(UniqueId::FromView(key));
      if (!at) return BookError(report, std::string(what) + " of an unknown extent");
      extents->AddFlag(*at, flag);
      if (flag != ExtentTable::kHasBooks) return;
      Decoder in(value);
      extents->books(*at).live_bytes = in.Varint();
      const uint64_t data_bytes = in.Varint();
      if (!in.ok() || !in.AtEnd() || data_bytes != extents->books(*at).data_bytes) {
        BookError(report, "live bytes of extent " + extents->id(*at).ToHex() + ": damaged row");
      }
    });
  };
  RETURN_IF_ERROR(mark('l', ExtentTable::kHasBooks, "live bytes"));
  RETURN_IF_ERROR(mark('g', ExtentTable::kReclaimed, "reclaim record"));
  return mark('y', ExtentTable::kSparse, "sparse row");
}

// Ids of the store's own buckets; counts the others.
Status WalkBuckets(View& view, const FsckOptions& options, std::set<BucketId>* internal,
                   FsckReport* report) {
  return ForEachRow(view, 'b', options, "buckets", [&](auto, auto value) {
    const Result<model::Bucket> bucket = model::DecodeBucket(value);
    if (!bucket.ok()) return BookError(report, "a bucket row is damaged");
    if (bucket->name.starts_with('.')) {
      internal->insert(bucket->id);
    } else {
      ++report->buckets;
    }
  });
}

Status WalkVersions(View& view, const FsckOptions& options, char table,
                    const std::set<BucketId>& internal, BookKeeper* books, FsckReport* report) {
  return ForEachRow(view, table, options, "versions", [&](auto key, auto value) {
    const Result<VersionRow> row = ParseVersionRow(view, table, key, value);
    if (!row.ok()) {
      return BookError(report, std::string("a row of table ") + table +
                                   " is damaged: " + row.status().message());
    }
    const bool marker = row->version.kind == model::ObjectKind::kDeleteMarker;
    if (internal.contains(row->bucket)) {
      ++report->internal_objects;
    } else {
      ++report->versions;
      if (table == 'o') ++report->objects;
    }
    if (marker) ++report->delete_markers;
    if (marker && table == 'o') BookError(report, "delete marker as current version: " + row->key);
    uint64_t size = 0;
    for (const model::Part& part : row->version.parts) size += part.size;
    if (size != row->version.size) {
      BookError(report, "the parts of " + row->key + " do not make up its size");
    }
    books->Take(row->version.parts, row->referrer, row->key);
  });
}

Status WalkRest(View& view, const FsckOptions& options, BookKeeper* books, MetadataFacts* facts,
                FsckReport* report) {
  const auto count = [&](char table, uint64_t* counter) {
    return ForEachRow(view, table, options, "rows", [counter](auto, auto) { ++*counter; });
  };
  RETURN_IF_ERROR(count('u', &report->uploads));
  RETURN_IF_ERROR(count('h', &report->repair_orders));
  RETURN_IF_ERROR(ForEachRow(view, 'p', options, "parts", [&](auto key, auto value) {
    const Result<PartRow> row = ParsePartRow(key, value);
    if (!row.ok()) return BookError(report, "a part row is damaged: " + row.status().message());
    ++report->parts;
    books->Take({row->part.part}, row->referrer,
                "part " + std::to_string(row->number) + " of upload " + row->upload.ToHex());
  }));
  RETURN_IF_ERROR(ForEachRow(view, 'r', options, "referrers",
                             [&](auto key, auto) { books->TakeReferrerRow(key); }));
  RETURN_IF_ERROR(ForEachRow(view, 'd', options, "dead shards", [&](auto, auto value) {
    const Result<model::DeadShard> shard = model::DecodeDeadShard(value);
    if (!shard.ok()) return BookError(report, "a dead-shard row is damaged");
    const model::ShardLocation& at = shard->location;
    facts->dead_places.push_back(PlaceOf(at.drive, at.volume, at.offset));
  }));
  std::sort(facts->dead_places.begin(), facts->dead_places.end());
  return Status::Ok();
}

Status ReadRegistration(View& view, MetadataFacts* facts) {
  ASSIGN_OR_RETURN(const auto cluster, view.Get("scluster_id"));
  ASSIGN_OR_RETURN(const auto drives, view.Get("sdrives"));
  if (!cluster || !drives || cluster->size() != 16 || drives->size() % 16 != 0) {
    return Status(Code::kCorrupt, "the metadata holds no registration of drives");
  }
  facts->cluster_id = UniqueId::FromView(*cluster);
  for (size_t i = 0; i < drives->size(); i += 16) {
    facts->drives.push_back({.uuid = UniqueId::FromView(std::string_view(*drives).substr(i, 16)),
                             .id = DriveId{static_cast<uint16_t>(i / 16)}});
  }
  return Status::Ok();
}

// The extent of `parts` with the fewest good shards to spare; nullopt when all are whole.
std::optional<size_t> WorstExtent(const ExtentTable& extents,
                                  const std::vector<model::Part>& parts) {
  std::optional<size_t> worst;
  int worst_left = 0;
  for (const model::Part& part : parts) {
    for (const model::Slice& slice : part.slices) {
      const auto at = extents.Find(slice.extent);
      if (!at) continue;
      const int good = extents.GoodShards(*at);
      if (good == extents.shard_count(*at)) continue;
      const int left = good - extents.data_shards(*at);
      if (worst && left >= worst_left) continue;
      worst = at;
      worst_left = left;
    }
  }
  return worst;
}

void NoteAffected(const FsckOptions& options, const ExtentTable& extents, size_t worst,
                  AffectedObject object, FsckReport* report) {
  object.good_shards = static_cast<uint32_t>(extents.GoodShards(worst));
  object.needed_shards = static_cast<uint32_t>(extents.data_shards(worst));
  const bool lost = object.good_shards < object.needed_shards;
  ++(lost ? report->objects_lost : report->objects_degraded);
  auto& list = lost ? report->lost : report->degraded;
  if (list.size() < options.names_max) list.push_back(std::move(object));
}

}  // namespace

uint64_t PlaceOf(DriveId drive, uint32_t volume, uint64_t offset) {
  std::string text;
  Encoder out(&text);
  out.Varint(drive.value);
  out.Varint(volume);
  out.Varint(offset);
  return HashOf(text);
}

Status WalkMetadata(View& view, const FsckOptions& options, MetadataFacts* facts,
                    FsckReport* report) {
  RETURN_IF_ERROR(ReadRegistration(view, facts));
  RETURN_IF_ERROR(WalkExtents(view, options, &facts->extents, report));
  BookKeeper books(facts->extents, report);
  std::set<BucketId> internal;
  RETURN_IF_ERROR(WalkBuckets(view, options, &internal, report));
  for (const char table : {'o', 'v'}) {
    RETURN_IF_ERROR(WalkVersions(view, options, table, internal, &books, report));
  }
  RETURN_IF_ERROR(WalkRest(view, options, &books, facts, report));
  books.Close();
  return Status::Ok();
}

Status ListAffected(View& view, const FsckOptions& options, const ExtentTable& extents,
                    FsckReport* report) {
  std::map<BucketId, std::string> buckets;
  RETURN_IF_ERROR(ForEachRow(view, 'b', options, "names", [&](auto, auto value) {
    const Result<model::Bucket> bucket = model::DecodeBucket(value);
    if (bucket.ok()) buckets[bucket->id] = bucket->name;
  }));
  for (const char table : {'o', 'v'}) {
    RETURN_IF_ERROR(ForEachRow(view, table, options, "names", [&](auto key, auto value) {
      const Result<VersionRow> row = ParseVersionRow(view, table, key, value);
      if (!row.ok()) return;  // counted by the first walk
      const auto worst = WorstExtent(extents, row->version.parts);
      if (!worst) return;
      NoteAffected(
          options, extents, *worst,
          {.bucket = buckets[row->bucket], .key = row->key, .version_id = row->version.version_id},
          report);
    }));
  }
  return ForEachRow(view, 'p', options, "names", [&](auto key, auto value) {
    const Result<PartRow> row = ParsePartRow(key, value);
    if (!row.ok()) return;
    const auto worst = WorstExtent(extents, {row->part.part});
    if (!worst) return;
    NoteAffected(
        options, extents, *worst,
        {.bucket = "",
         .key = "part " + std::to_string(row->number) + " of upload " + row->upload.ToHex(),
         .version_id = ""},
        report);
  });
}

Result<model::Extent> ReadExtentRow(View& view, const ExtentId& id) {
  ASSIGN_OR_RETURN(const auto row, view.Get('e' + std::string(id.View())));
  if (!row) return Status(Code::kNotFound, "no such extent");
  return model::DecodeExtent(*row);
}

}  // namespace ashlar::fsck
