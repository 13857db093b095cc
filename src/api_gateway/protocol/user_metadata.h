// User metadata: the x-amz-meta-* headers of an object, in and out.
//
// Stored are plain UTF-8 values: an RFC 2047 word that a client sent is decoded on the way in, and
// what a header cannot hold is encoded on the way out. Nothing that comes out of `EncodeMetadata`
// has a control character, so stored metadata can never split a response.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api_gateway/http/http_request.h"

namespace ashlar::api_gateway {

// Lower-case name without the x-amz-meta- prefix, and value; sorted by name, names unique.
using UserMetadata = std::vector<std::pair<std::string, std::string>>;

inline constexpr size_t kUserMetadataBytesMax = 2048;

// Headers of a request may hold RFC 2047 words; the fields of a form, which are adopted as headers,
// hold any text and mean it literally.
enum class MetadataFrom { kHeaders, kForm };

// Repeated headers are joined with ',' in their order. MetadataTooLarge when names and values
// together, as received, exceed 2 KiB.
[[nodiscard]] S3Result<UserMetadata> CollectUserMetadata(
    const HttpRequest& request, MetadataFrom from = MetadataFrom::kHeaders);

// The value as a header can carry it: printable ASCII unchanged, all else as one RFC 2047 word, "Q"
// when most characters are ASCII and "B" otherwise (the choice AWS makes).
[[nodiscard]] std::string EncodeMetadata(std::string_view value);

// A value made of RFC 2047 words in UTF-8, decoded; invalid UTF-8 inside becomes U+FFFD. Anything
// else comes back unchanged.
[[nodiscard]] std::string DecodeMetadata(std::string_view value);

}  // namespace ashlar::api_gateway
