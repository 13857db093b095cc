#include "metadata_db/transactions/referrer_rows.h"

#include <utility>

#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {
namespace {

constexpr size_t kUploadIdBytes = 16;
constexpr size_t kPartNumberBytes = 4;

}  // namespace

Result<Referrer> ParseReferrer(std::string_view bytes) {
  const Status corrupt(Code::kCorrupt, "key of a referrer row");
  if (bytes.empty()) return corrupt;
  Referrer referrer;
  referrer.kind = static_cast<Referrer::Kind>(bytes[0]);
  bytes.remove_prefix(1);
  if (referrer.kind == Referrer::Kind::kPart) {
    if (bytes.size() != kUploadIdBytes + kPartNumberBytes) return corrupt;
    referrer.upload_id = UniqueId::FromView(bytes.substr(0, kUploadIdBytes));
    for (const char byte : bytes.substr(kUploadIdBytes)) {
      referrer.part_number = referrer.part_number << 8 | static_cast<uint8_t>(byte);
    }
    return referrer;
  }
  if (referrer.kind != Referrer::Kind::kVersion || bytes.size() < 8) return corrupt;
  referrer.bucket.value = *ReadBigEndian64(bytes.substr(0, 8));
  std::string_view rest;
  auto key = UnescapeKey(bytes.substr(8), &rest);
  const auto sequence = ReadBigEndian64(rest);
  if (!key || !sequence) return corrupt;
  referrer.key = std::move(*key);
  referrer.sequence.value = ~*sequence;
  return referrer;
}

}  // namespace ashlar::metadata_db
