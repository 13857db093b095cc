// Rows of the metadata database. The first byte chooses the decoder. Oracle: what is accepted
// survives being encoded and decoded again.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/extent.h"
#include "model/object_version.h"

namespace {

using namespace ashlar;         // NOLINT: a program, not a header
using namespace ashlar::model;  // NOLINT

template <typename Row, typename Decode, typename Encode>
void Check(std::string_view bytes, Decode decode, Encode encode) {
  const Result<Row> row = decode(bytes);
  if (!row.ok()) {
    CHECK(row.code() == Code::kCorrupt);
    return;
  }
  const Result<Row> again = decode(encode(*row));
  CHECK(again.ok());
  CHECK(*again == *row);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = AsText(ByteSpan(data + 1, size - 1));
  switch (data[0] % 10) {
    case 0: Check<ObjectVersion>(bytes, DecodeObjectVersion, EncodeObjectVersion); break;
    case 1: Check<Bucket>(bytes, DecodeBucket, EncodeBucket); break;
    case 2: Check<Upload>(bytes, DecodeUpload, EncodeUpload); break;
    case 3: Check<UploadPart>(bytes, DecodeUploadPart, EncodeUploadPart); break;
    case 4: Check<RepairOrder>(bytes, DecodeRepairOrder, EncodeRepairOrder); break;
    case 5: Check<ReclaimRecord>(bytes, DecodeReclaimRecord, EncodeReclaimRecord); break;
    case 6: Check<OutboxEvent>(bytes, DecodeOutboxEvent, EncodeOutboxEvent); break;
    case 7: Check<std::vector<Part>>(bytes, DecodeManifest, EncodeManifest); break;
    case 8: Check<Extent>(bytes, DecodeExtent, EncodeExtent); break;
    default: Check<DeadShard>(bytes, DecodeDeadShard, EncodeDeadShard); break;
  }
  return 0;
}
