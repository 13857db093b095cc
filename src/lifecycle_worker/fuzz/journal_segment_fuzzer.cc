// Segments of the metadata journal. The first byte chooses: the bytes as they are, or with the CRC
// set right, so that the fields are reached. Oracle: what is accepted survives being encoded and
// decoded again.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/digest.h"
#include "lifecycle_worker/journal_segment.h"

using namespace ashlar;                    // NOLINT: a program, not a header
using namespace ashlar::lifecycle_worker;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(AsText(ByteSpan(data + 1, size - 1)));
  if (data[0] % 4 != 0 && bytes.size() > 5) {
    bytes[0] = 1;
    StoreLittle32(reinterpret_cast<uint8_t*>(bytes.data()) + 1,
                  Crc32c(0, AsBytes(bytes).subspan(5)));
  }
  const auto segment = DecodeJournalSegment(bytes);
  if (!segment.ok()) {
    CHECK(segment.code() == Code::kCorrupt);
    return 0;
  }
  const auto again = DecodeJournalSegment(EncodeJournalSegment(*segment));
  CHECK(again.ok());
  CHECK(*again == *segment);
  return 0;
}
