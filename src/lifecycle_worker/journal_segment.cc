// The codec trusts nothing: CRC first, then every count against the bytes that are left.
#include "lifecycle_worker/journal_segment.h"

#include <charconv>
#include <cstdio>
#include <tuple>

#include "base/bytes.h"
#include "base/digest.h"

namespace ashlar::lifecycle_worker {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kCrcEnd = 5;
constexpr char kUpdatePrefix[] = "update-";
constexpr char kCheckpointPrefix[] = "checkpoint-";
constexpr char kLastSuffix[] = "-last";
constexpr size_t kSequenceDigits = 20;
constexpr size_t kPartDigits = 8;

std::string Digits(uint64_t value, size_t width) {
  std::string text = std::to_string(value);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

// Takes `width` digits and the "-" behind them (none at the end of the text).
bool TakeNumber(std::string_view* text, size_t width, uint64_t* value) {
  if (text->size() < width) return false;
  const auto [end, error] = std::from_chars(text->data(), text->data() + width, *value);
  if (error != std::errc() || end != text->data() + width) return false;
  text->remove_prefix(width);
  if (text->starts_with('-') && text->size() > 1) text->remove_prefix(1);
  return true;
}

bool TakeHexId(std::string_view* text, UniqueId* id) {
  std::string bytes;
  if (text->size() < 32 || !HexDecode(text->substr(0, 32), &bytes)) return false;
  *id = UniqueId::FromView(bytes);
  text->remove_prefix(32);
  return true;
}

// ---- items

void PutItem(Encoder& out, const std::pair<std::string, std::string>& setting) {
  out.Text(setting.first);
  out.Text(setting.second);
}
Status TakeItem(Decoder& in, std::pair<std::string, std::string>* setting) {
  setting->first = in.Text();
  setting->second = in.Text();
  return Status::Ok();
}

void PutItem(Encoder& out, const model::Bucket& bucket) { out.Text(model::EncodeBucket(bucket)); }
Status TakeItem(Decoder& in, model::Bucket* bucket) {
  ASSIGN_OR_RETURN(*bucket, model::DecodeBucket(in.Text()));
  return Status::Ok();
}

void PutItem(Encoder& out, const JournaledEvent& item) {
  out.Text(model::EncodeOutboxEvent(item.event));
  out.Text(item.version ? model::EncodeObjectVersion(*item.version) : std::string());
}
Status TakeItem(Decoder& in, JournaledEvent* item) {
  ASSIGN_OR_RETURN(item->event, model::DecodeOutboxEvent(in.Text()));
  const std::string_view row = in.Text();
  if (row.empty()) return Status::Ok();
  ASSIGN_OR_RETURN(item->version, model::DecodeObjectVersion(row));
  return Status::Ok();
}

void PutItem(Encoder& out, const metadata_db::ArchivedVersion& item) {
  out.Varint(item.bucket.value);
  out.Text(item.key);
  out.Text(model::EncodeObjectVersion(item.version));
}
Status TakeItem(Decoder& in, metadata_db::ArchivedVersion* item) {
  item->bucket.value = in.Varint();
  item->key = in.Text();
  ASSIGN_OR_RETURN(item->version, model::DecodeObjectVersion(in.Text()));
  return Status::Ok();
}

void PutItem(Encoder& out, const model::Upload& upload) { out.Text(model::EncodeUpload(upload)); }
Status TakeItem(Decoder& in, model::Upload* upload) {
  ASSIGN_OR_RETURN(*upload, model::DecodeUpload(in.Text()));
  return Status::Ok();
}

void PutItem(Encoder& out, const metadata_db::ArchivedPart& item) {
  out.Raw(item.upload.bytes);
  out.Varint(item.began.value);
  out.Text(model::EncodeUploadPart(item.part));
}
Status TakeItem(Decoder& in, metadata_db::ArchivedPart* item) {
  item->upload = UniqueId::FromView(in.Raw(16));
  item->began.value = in.Varint();
  ASSIGN_OR_RETURN(item->part, model::DecodeUploadPart(in.Text()));
  return Status::Ok();
}

void PutItem(Encoder& out, const ExtentId& extent) { out.Raw(extent.bytes); }
Status TakeItem(Decoder& in, ExtentId* extent) {
  *extent = UniqueId::FromView(in.Raw(16));
  return Status::Ok();
}

template <typename Item>
void PutList(Encoder& out, const std::vector<Item>& items) {
  out.Varint(items.size());
  for (const Item& item : items) PutItem(out, item);
}

template <typename Item>
Status TakeList(Decoder& in, std::vector<Item>* items) {
  const uint64_t count = in.Varint();
  // Every item takes two bytes at least.
  if (count > in.remaining() / 2) return Status(Code::kCorrupt, "journal segment: list length");
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    RETURN_IF_ERROR(TakeItem(in, &items->emplace_back()));
  }
  return in.ok() ? Status::Ok() : Status(Code::kCorrupt, "journal segment: list is cut short");
}

Status TakeLists(Decoder& in, JournalSegment* segment) {
  RETURN_IF_ERROR(TakeList(in, &segment->settings));
  RETURN_IF_ERROR(TakeList(in, &segment->buckets));
  RETURN_IF_ERROR(TakeList(in, &segment->events));
  RETURN_IF_ERROR(TakeList(in, &segment->versions));
  RETURN_IF_ERROR(TakeList(in, &segment->uploads));
  RETURN_IF_ERROR(TakeList(in, &segment->parts));
  return TakeList(in, &segment->extents);
}

}  // namespace

std::string FormatPieceName(const PieceName& name) {
  if (!name.checkpoint) {
    return kUpdatePrefix + Digits(name.after.value, kSequenceDigits) + "-" +
           Digits(name.through.value, kSequenceDigits) + "-" + name.id.ToHex();
  }
  return kCheckpointPrefix + Digits(name.through.value, kSequenceDigits) + "-" + name.id.ToHex() +
         "-" + Digits(name.part, kPartDigits) + (name.last ? kLastSuffix : "");
}

std::optional<PieceName> ParsePieceName(std::string_view key) {
  PieceName name;
  std::string_view rest = key;
  name.checkpoint = rest.starts_with(kCheckpointPrefix);
  const std::string_view prefix = name.checkpoint ? kCheckpointPrefix : kUpdatePrefix;
  if (!rest.starts_with(prefix)) return std::nullopt;
  rest.remove_prefix(prefix.size());
  if (!name.checkpoint && !TakeNumber(&rest, kSequenceDigits, &name.after.value)) {
    return std::nullopt;
  }
  if (!TakeNumber(&rest, kSequenceDigits, &name.through.value) || !TakeHexId(&rest, &name.id)) {
    return std::nullopt;
  }
  if (name.checkpoint) {
    uint64_t part = 0;
    if (!rest.starts_with('-')) return std::nullopt;
    rest.remove_prefix(1);
    if (!TakeNumber(&rest, kPartDigits, &part)) return std::nullopt;
    name.part = static_cast<uint32_t>(part);
    name.last = rest == std::string_view(kLastSuffix).substr(1);
  }
  // One key a name: what is not written as we write it is not ours.
  if (FormatPieceName(name) != key) return std::nullopt;
  return name;
}

bool ComesBefore(const PieceName& a, const PieceName& b) {
  return std::tie(a.after, a.through, a.id) < std::tie(b.after, b.through, b.id);
}

bool IsCoveredBy(const PieceName& piece, const PieceName& checkpoint) {
  if (piece.checkpoint) return piece.id != checkpoint.id;
  // An update without commits (settings alone) is covered when it was written before.
  return piece.through < checkpoint.through ||
         (piece.through == checkpoint.through && piece.id < checkpoint.id);
}

std::string EncodeJournalSegment(const JournalSegment& segment) {
  std::string bytes(kCrcEnd, '\0');
  Encoder out(&bytes);
  out.Text(FormatPieceName(segment.name));
  out.Varint(static_cast<uint64_t>(segment.written_ms));
  PutList(out, segment.settings);
  PutList(out, segment.buckets);
  PutList(out, segment.events);
  PutList(out, segment.versions);
  PutList(out, segment.uploads);
  PutList(out, segment.parts);
  PutList(out, segment.extents);
  auto* const begin = reinterpret_cast<uint8_t*>(bytes.data());
  begin[0] = kFormat;
  StoreLittle32(begin + 1, Crc32c(0, AsBytes(bytes).subspan(kCrcEnd)));
  return bytes;
}

Result<JournalSegment> DecodeJournalSegment(std::string_view bytes) {
  if (bytes.size() < kCrcEnd || static_cast<uint8_t>(bytes[0]) != kFormat) {
    return Status(Code::kCorrupt, "journal segment: unknown version");
  }
  const ByteSpan span = AsBytes(bytes);
  if (LoadLittle32(span.data() + 1) != Crc32c(0, span.subspan(kCrcEnd))) {
    return Status(Code::kCorrupt, "journal segment: CRC");
  }
  Decoder in(bytes.substr(kCrcEnd));
  JournalSegment segment;
  const auto name = ParsePieceName(in.Text());
  if (!name) return Status(Code::kCorrupt, "journal segment: name");
  segment.name = *name;
  segment.written_ms = static_cast<int64_t>(in.Varint());
  RETURN_IF_ERROR(TakeLists(in, &segment));
  if (!in.ok() || !in.AtEnd()) return Status(Code::kCorrupt, "journal segment: length");
  return segment;
}

}  // namespace ashlar::lifecycle_worker
