// Values with every field set, for golden bytes and round trips.
#pragma once

#include <string>

#include "model/object_version.h"

namespace ashlar::model {

inline UniqueId SampleId(uint8_t first) {
  UniqueId id;
  for (uint8_t i = 0; i < 16; ++i) id.bytes[i] = static_cast<uint8_t>(first + i);
  return id;
}

inline Part SamplePart(uint32_t number) {
  return {.number = number,
          .size = 300,
          .checksum_value = "AAAAAA==",
          .slices = {{.extent = SampleId(1), .offset = 0, .length = 100},
                     {.extent = SampleId(2), .offset = 7, .length = 200}}};
}

inline ObjectExtras SampleExtras() {
  return {.owner = "me",
          .acl = "a",
          .tags = {{"k", "v"}},
          .lock = {.mode = RetentionMode::kCompliance,
                   .retain_until_ms = 1'700'000'000'000,
                   .legal_hold = LegalHold::kOn},
          .website_redirect = "/"};
}

inline ObjectVersion SampleVersion() {
  ObjectVersion version;
  version.sequence = Sequence{1000};
  version.version_id = "0123456789abcdef0123456789abcdef";
  version.size = 600;
  version.etag = "d41d8cd98f00b204e9800998ecf8427e-2";
  version.last_modified_ms = 1'700'000'000'123;
  version.storage_class = "STANDARD_IA";
  version.system_headers = {{"content-type", "text/plain"}};
  version.user_metadata = {{"a", "1"}, {"b", ""}};
  version.checksum = {.algorithm = ChecksumAlgorithm::kCrc32,
                      .type = ChecksumType::kComposite,
                      .value = "AAAAAA==-2"};
  version.is_multipart = true;
  version.parts = {SamplePart(1), SamplePart(3)};
  return version;
}

}  // namespace ashlar::model
