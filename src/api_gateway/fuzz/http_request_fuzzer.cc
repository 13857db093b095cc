// Targets, addresses, ranges, conditions, dates, copy sources, metadata: what is accepted is inside
// its limits, and encoding undoes decoding.
#include <cstdio>
#include <cstdlib>
#include <source_location>

#include "api_gateway/auth/canonical_request.h"
#include "api_gateway/protocol/bucket_name.h"
#include "api_gateway/protocol/checksum_headers.h"
#include "api_gateway/protocol/conditions.h"
#include "api_gateway/protocol/content_headers.h"
#include "api_gateway/protocol/copy_source.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/range.h"
#include "api_gateway/protocol/user_metadata.h"

namespace {

using namespace ashlar;               // NOLINT: a program of its own
using namespace ashlar::api_gateway;  // NOLINT

void Require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "oracle violated at line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

std::string Decoded(std::string_view text) {
  std::string out;
  Require(PercentDecode(text, PlusSign::kLiteral, &out));
  return out;
}

void Target(std::string_view text) {
  HttpRequest request;
  request.raw_target = text;
  if (!ParseTarget(&request).ok()) return;
  Require(request.raw_path.starts_with('/') && request.query.size() <= kQueryParametersMax);
  // The canonical spelling names the same thing and is its own canonical spelling.
  const PooledString canonical = CanonicalPath(request.raw_path);
  Require(Decoded(canonical) == Decoded(request.raw_path));
  Require(CanonicalPath(canonical) == canonical);
  // A query sorted and encoded again parses to the same pairs.
  HttpRequest again;
  again.raw_target = "/?" + CanonicalQuery(request);
  if (again.raw_target.size() <= kTargetBytesMax) {
    Require(ParseTarget(&again).ok() && CanonicalQuery(again) == CanonicalQuery(request));
  }
  const std::vector<std::string> domains = {"s3.example.com"};
  request.headers = {{"host", "bucket.s3.example.com:9000"}};
  for (const bool virtual_host : {false, true}) {
    const auto address =
        virtual_host ? ResolveAddress(request, domains) : ResolveAddress(request, {});
    if (!address.ok()) continue;
    Require(address->key.size() <= kKeyBytesMax && IsValidUtf8(address->key));
    if (virtual_host) Require(address->bucket == "bucket");
    if (!address->key.empty()) {
      Require(!address->bucket.empty());
      // A client that encodes this key gets this key.
      HttpRequest encoded;
      encoded.raw_target = "/";
      AppendPercentEncoded(address->bucket, Slash::kEncode, &encoded.raw_target);
      encoded.raw_target += "/" + S3UrlEncode(address->key);
      Require(ParseTarget(&encoded).ok());
      const auto same = ResolveAddress(encoded, {});
      Require(same.ok() && same->bucket == address->bucket && same->key == address->key);
    }
  }
}

void Ranges(std::string_view text, uint64_t size) {
  if (const auto range = ParseRange(text, size); range.ok() && range->has_value()) {
    Require((*range)->length > 0 && (*range)->first < size &&
            (*range)->length <= size - (*range)->first);
  }
  if (const auto range = ParseCopySourceRange(text, size); range.ok()) {
    Require(range->length > 0 && range->first < size && range->length <= size - range->first);
  }
}

void Dates(std::string_view text) {
  if (const auto seconds = ParseHttpDate(text))
    Require(ParseHttpDate(FormatHttpDate(*seconds)) == seconds);
  if (const auto seconds = ParseAmzDate(text))
    Require(ParseAmzDate(FormatAmzDate(*seconds)) == seconds);
  if (const auto seconds = ParseRfc3339(text);
      seconds && *seconds >= 0 && *seconds < 253402300800) {
    Require(ParseRfc3339(FormatIso8601Seconds(*seconds)) == seconds);
    Require(ParseRfc3339(FormatIso8601(*seconds * 1000)) == seconds);
  }
}

void CopySources(std::string_view text) {
  const auto source = ParseCopySource(text);
  if (!source.ok()) return;
  Require(!source->bucket.empty() && !source->key.empty() && source->key.size() <= kKeyBytesMax);
  Require(source->bucket.find('/') == std::string::npos && IsValidUtf8(source->key));
  std::string encoded;
  AppendPercentEncoded(source->bucket, Slash::kEncode, &encoded);
  encoded += "/" + S3UrlEncode(source->key);
  const auto again = ParseCopySource(encoded);
  Require(again.ok() && again->bucket == source->bucket && again->key == source->key);
}

void Headers(std::string_view text) {
  const size_t cut = text.size() / 2;
  HttpRequest request;
  request.headers = {{"if-match", std::string(text.substr(0, cut))},
                     {"if-none-match", std::string(text.substr(cut))},
                     {"if-modified-since", std::string(text)},
                     {"content-md5", std::string(text)},
                     {"x-amz-checksum-crc32", std::string(text)},
                     {"x-amz-decoded-content-length", std::string(text)},
                     {"x-amz-meta-a", std::string(text)}};
  const auto error = EvaluateReadConditions(ParseReadConditions(request), "etag", 1000, 2000);
  Require(!error || error->http_status == 412 || error->http_status == 304);
  Require(!ParseWriteConditions(request).ok());
  (void)ParseContentMd5(request);
  (void)ParseDecodedContentLength(request);
  if (const auto checksum = ParseChecksumHeaders(request); checksum.ok()) {
    Require(checksum->value->size() == 4);
  }
  if (const auto metadata = CollectUserMetadata(request); metadata.ok()) {
    for (const char c : EncodeMetadata((*metadata)[0].second)) {
      Require((static_cast<unsigned char>(c) >= 0x20 && c < 0x7f) || c == '\t');
    }
  }
  if (IsValidUtf8(text) && EncodeMetadata(text) != text) {
    Require(DecodeMetadata(EncodeMetadata(text)) == text);
  }
  const std::string kept = TrimAwsChunked(text);
  Require(TrimAwsChunked(kept) == kept && kept.size() <= text.size());
  if (IsValidBucketName(text)) Require(text.size() >= 3 && text.size() <= 63);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Target(text);
  Target("/" + std::string(text));
  Ranges(text, data[0]);
  Ranges("bytes=" + std::string(text), data[0]);
  Dates(text);
  CopySources(text);
  Headers(text);
  return 0;
}
