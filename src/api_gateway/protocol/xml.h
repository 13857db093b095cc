// XML of the S3 protocol: a writer that appends to a string, and readers for the request bodies.
//
// Reading is in two steps. A lexical pass refuses what no S3 body needs (document types, entities
// beyond the five, deep nesting, many attributes, long names, text that is not UTF-8) before a tree
// is built; then pugixml builds the tree and a schema walk takes what it knows and refuses the
// rest, because an element that is silently ignored changes what the client meant. Every refusal is
// MalformedXML unless said otherwise. Nothing here keeps state between calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api_gateway/protocol/s3_error.h"

namespace ashlar::api_gateway {

inline constexpr std::string_view kS3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

// Appends elements to a string of the caller. Text is escaped; characters that XML 1.0 cannot hold,
// and the white space that parsers normalise, become character references; bytes that are not UTF-8
// become U+FFFD. Names are trusted. Open and Close must pair.
class XmlWriter {
 public:
  explicit XmlWriter(std::string* out) : out_(out) {}

  void Declaration();
  void Open(std::string_view name);
  void Open(std::string_view name, std::string_view xmlns);
  void Close(std::string_view name);
  // <name>value</name>
  void Text(std::string_view name, std::string_view value);
  void Number(std::string_view name, uint64_t value);
  void Bool(std::string_view name, bool value);
  // The same, with the value percent-encoded when the request asked for encoding-type=url.
  void Name(std::string_view name, std::string_view value, bool url_encode);

 private:
  std::string* out_;
};

void AppendXmlEscaped(std::string_view text, std::string* out);

inline constexpr size_t kCompleteMultipartBytesMax = 4 * 1024 * 1024;
inline constexpr size_t kCompleteMultipartPartsMax = 10'000;
inline constexpr size_t kDeleteObjectsBytesMax = 2 * 1024 * 1024;
inline constexpr size_t kDeleteObjectsKeysMax = 1'000;
inline constexpr int kXmlDepthMax = 16;
inline constexpr int kXmlAttributesMax = 16;
inline constexpr size_t kXmlNameBytesMax = 256;

struct CompletedPart {
  int part_number = 0;  // 1 to 10,000
  std::string etag;     // without quotes
  // At most one of each algorithm, base64 as sent; name is the element's ("ChecksumCRC32").
  std::vector<std::pair<std::string, std::string>> checksums;
};

// In the order of the document; ascending order is the caller's check. No part at all is
// InvalidRequest, a part number out of range InvalidArgument.
[[nodiscard]] S3Result<std::vector<CompletedPart>> ParseCompleteMultipartUpload(
    std::string_view body);

struct ObjectToDelete {
  std::string key;
  std::optional<std::string> version_id;
  // Conditions; nullopt when absent. The ETag is without quotes, "*" stays.
  std::optional<std::string> etag;
  std::optional<std::string> last_modified_time;
  std::optional<uint64_t> size;
};
struct DeleteObjectsRequest {
  std::vector<ObjectToDelete> objects;  // 1 to 1,000, duplicates kept
  bool quiet = false;
};
[[nodiscard]] S3Result<DeleteObjectsRequest> ParseDeleteObjects(std::string_view body);

// The lexical pass, for the readers of other documents: true when `body` is at most `bytes_max`
// long, UTF-8, one root element, within the limits above and free of document types and entities.
[[nodiscard]] bool IsPlainXml(std::string_view body, size_t bytes_max);

}  // namespace ashlar::api_gateway
