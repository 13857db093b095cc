// Tags: the Tagging document and the header x-amz-tagging, with the rules that both keep.
//
// A key has 1 to 128 characters, a value 0 to 256; letters and digits of any script, white space
// and + - = . _ : / @. Every code point above ASCII counts as a letter. Keys of one set differ;
// none begins with "aws:". Objects have at most 10 tags, buckets 50.
#pragma once

#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "api_gateway/protocol/s3_error.h"
#include "model/object_version.h"

namespace ashlar::api_gateway {

// A new bucket's are told of in other words.
enum class TagsOf { kObject, kBucket, kNewBucket };
// Under this name a bucket keeps its document.
inline constexpr std::string_view kTaggingConfiguration = "tagging";
inline constexpr size_t kTaggingBytesMax = 128 * 1024;

// MalformedXML; InvalidTag with the tag; BadRequest for too many.
[[nodiscard]] S3Result<model::HeaderList> ParseTagging(std::string_view body, TagsOf kind);
// "key1=value1&key2=value2", percent-encoded. InvalidArgument, and the errors above.
[[nodiscard]] S3Result<model::HeaderList> ParseTaggingHeader(std::string_view header);
[[nodiscard]] std::string RenderTagging(const model::HeaderList& tags);

// For documents with a set of tags in them. The <Tag> elements of `set`; false when there is
// anything else.
[[nodiscard]] bool TakeTags(const pugi::xml_node& set, model::HeaderList* tags);
[[nodiscard]] std::optional<S3Error> CheckTags(const model::HeaderList& tags, TagsOf kind);

}  // namespace ashlar::api_gateway
