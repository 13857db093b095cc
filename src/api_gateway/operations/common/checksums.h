// Checksums of objects as requests ask for them and responses show them.
#pragma once

#include <string_view>

#include "api_gateway/http/http_exchange.h"
#include "api_gateway/protocol/checksum_headers.h"
#include "api_gateway/protocol/xml.h"
#include "model/object_version.h"

namespace ashlar::api_gateway {

[[nodiscard]] model::ChecksumType StoredType(ChecksumType type);
[[nodiscard]] std::string_view TypeName(model::ChecksumType type);  // "FULL_OBJECT"

// x-amz-checksum-mode: ENABLED, in any case.
[[nodiscard]] bool AsksForChecksums(const HttpRequest& request);

// x-amz-checksum-<algorithm>, and with `with_type` x-amz-checksum-type. Nothing for kNone.
void AddChecksumHeaders(const model::Checksum& checksum, bool with_type, ResponseHead* head);
// <ChecksumCRC32>, and with `with_type` <ChecksumType>. Nothing for kNone.
void WriteChecksum(XmlWriter& xml, const model::Checksum& checksum, bool with_type);

}  // namespace ashlar::api_gateway
