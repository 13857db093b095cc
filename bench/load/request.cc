#include "load/request.h"

#include <array>
#include <cstdio>

namespace ashlar::bench {
namespace {

constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::string_view kStreamingTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
constexpr std::string_view kTrailerName = "x-amz-checksum-crc32c";

std::string_view MethodOf(Operation operation) {
  switch (operation) {
    case Operation::kPut:
    case Operation::kCreateBucket: return "PUT";
    case Operation::kHead: return "HEAD";
    case Operation::kDelete:
    case Operation::kDeleteBucket: return "DELETE";
    case Operation::kGet:
    case Operation::kRangeGet:
    case Operation::kList:
    case Operation::kListVersions: return "GET";
  }
  return "GET";
}

std::string_view TenDigits(uint64_t number, std::array<char, 24>* buffer) {
  const int length = std::snprintf(buffer->data(), buffer->size(), "%010llu",
                                   static_cast<unsigned long long>(number));
  return {buffer->data(), static_cast<size_t>(length)};
}

}  // namespace

std::string_view Name(Operation operation) {
  static constexpr std::array<std::string_view, kOperationCount> kNames = {
      "put",  "get",           "range-get",     "head",         "delete",
      "list", "list-versions", "create-bucket", "delete-bucket"};
  return kNames[static_cast<size_t>(operation)];
}

std::string Endpoint::HostHeader() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? "443" : "80") ? name : name + ":" + port;
}

std::optional<Endpoint> Endpoint::Parse(std::string_view url) {
  Endpoint endpoint;
  if (url.starts_with("https://")) {
    endpoint.tls = true;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.find_first_of("/?#@") != std::string_view::npos) return std::nullopt;
  endpoint.port = endpoint.tls ? "443" : "80";
  std::string_view rest;
  if (url.starts_with('[')) {
    const size_t close = url.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    endpoint.host = url.substr(1, close - 1);
    rest = url.substr(close + 1);
  } else {
    const size_t colon = std::min(url.find(':'), url.size());
    endpoint.host = url.substr(0, colon);
    rest = url.substr(colon);
  }
  if (!rest.empty()) {
    if (rest[0] != ':' || rest.size() == 1 || rest.size() > 6 ||
        rest.substr(1).find_first_not_of("0123456789") != std::string_view::npos) {
      return std::nullopt;
    }
    endpoint.port = rest.substr(1);
  }
  if (endpoint.host.empty()) return std::nullopt;
  return endpoint;
}

RequestRenderer::RequestRenderer(const RequestContext& context, const BodyPool* pool)
    : context_(context), pool_(pool), signer_(context.credentials) {
  host_ = context_.endpoint.HostHeader();
  key_stem_ = context_.prefix + std::to_string(context_.object_bytes) + "/";
  bucket_path_ = "/" + UriEncode(context_.bucket, false);
  path_stem_ = bucket_path_ + "/" + UriEncode(key_stem_, true);
  if (context_.delimiter.empty()) {
    list_query_ = "list-type=2&max-keys=1000&prefix=" + UriEncode(key_stem_, false);
  } else {
    list_query_ = "delimiter=" + UriEncode(context_.delimiter, false) +
                  "&list-type=2&max-keys=1000&prefix=" + UriEncode(context_.prefix, false);
  }
  decoded_length_ = std::to_string(context_.object_bytes);
}

std::string RequestRenderer::KeyOf(uint64_t object) const {
  std::array<char, 24> digits;
  return key_stem_ + std::string(TenDigits(object, &digits));
}

void RequestRenderer::Render(const RequestSpec& spec, time_t unix_seconds, RenderedRequest* out) {
  signer_.SetTime(unix_seconds);
  out->head.clear();
  out->body = BodyStream();
  out->first_byte = 0;
  out->exact_length = false;
  out->answer_bytes = 0;
  out->pool_offset = 0;

  std::array<char, 24> digits;
  const std::string_view number = TenDigits(spec.object, &digits);
  const std::string_view method = MethodOf(spec.operation);
  key_.assign(key_stem_).append(number);
  path_.assign(path_stem_).append(number);
  std::string_view query;
  std::string_view payload_hash = kUnsignedPayload;
  std::string signed_hash;
  std::string range;
  bool with_body = false;
  switch (spec.operation) {
    case Operation::kPut:
      with_body = true;
      out->pool_offset = pool_->OffsetOf(key_);
      if (context_.payload == PayloadMode::kStreamingTrailer) {
        payload_hash = kStreamingTrailer;
        out->body = BodyStream::Framed(pool_, out->pool_offset, context_.object_bytes);
      } else {
        out->body = BodyStream::Plain(pool_, out->pool_offset, context_.object_bytes);
      }
      if (context_.payload == PayloadMode::kSigned) {
        signed_hash = pool_->Sha256Hex(out->pool_offset, context_.object_bytes);
        payload_hash = signed_hash;
      }
      break;
    case Operation::kRangeGet:
      range = "bytes=" + std::to_string(spec.range_start) + "-" +
              std::to_string(spec.range_start + context_.range_bytes - 1);
      out->first_byte = spec.range_start;
      out->answer_bytes = context_.range_bytes;
      out->exact_length = true;
      out->pool_offset = pool_->OffsetOf(key_);
      break;
    case Operation::kGet:
      out->answer_bytes = context_.object_bytes;
      out->exact_length = true;
      out->pool_offset = pool_->OffsetOf(key_);
      break;
    case Operation::kList:
      list_page_query_ = list_query_;
      if (context_.delimiter.empty()) {
        list_page_query_ += "&start-after=" + UriEncode(key_, false);
      }
      query = list_page_query_;
      path_ = bucket_path_;
      break;
    case Operation::kListVersions:
      list_page_query_ = "key-marker=" + UriEncode(key_, false) +
                         "&max-keys=1000&prefix=" + UriEncode(key_stem_, false) + "&versions=";
      query = list_page_query_;
      path_ = bucket_path_;
      break;
    case Operation::kCreateBucket:
    case Operation::kDeleteBucket:
      path_ = bucket_path_;
      with_body = spec.operation == Operation::kCreateBucket;
      break;
    case Operation::kHead:
    case Operation::kDelete: break;
  }
  AppendHead(method, query, payload_hash, range, with_body, out->body.wire_bytes(), &out->head);
}

void RequestRenderer::AppendHead(std::string_view method, std::string_view query,
                                 std::string_view payload_hash, std::string_view range,
                                 bool with_body, uint64_t body_bytes, std::string* head) {
  const bool framed = payload_hash == kStreamingTrailer;
  std::array<HeaderToSign, 7> headers;
  size_t count = 0;
  if (framed) headers[count++] = {"content-encoding", "aws-chunked"};
  headers[count++] = {"host", host_};
  if (!range.empty()) headers[count++] = {"range", range};
  headers[count++] = {"x-amz-content-sha256", payload_hash};
  headers[count++] = {"x-amz-date", signer_.date_time()};
  if (framed) {
    headers[count++] = {"x-amz-decoded-content-length", decoded_length_};
    headers[count++] = {"x-amz-trailer", kTrailerName};
  }
  const std::span<const HeaderToSign> to_sign(headers.data(), count);

  head->append(method).append(" ").append(path_);
  if (!query.empty()) head->append("?").append(query);
  head->append(" HTTP/1.1\r\n");
  for (const HeaderToSign& header : to_sign) {
    head->append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (with_body) head->append("content-length: ").append(std::to_string(body_bytes)).append("\r\n");
  head->append("authorization: ");
  signer_.AppendAuthorization({method, path_, query, to_sign, payload_hash}, head);
  head->append("\r\n\r\n");
}

}  // namespace ashlar::bench
