#include "api_gateway/http/head_parser.h"

#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <cstring>

#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

namespace http = boost::beast::http;

S3Error Bad(std::string why) { return S3Error(S3Code::kBadRequest, std::move(why)); }
S3Error TooLarge() { return S3Error(S3Code::kRequestHeaderSectionTooLarge); }

constexpr std::array<bool, 256> TokenTable() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<uint8_t>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = TokenTable();

// Collects what Beast's grammar recognises. Framing fields are judged by us, after it.
class Collector final : public http::basic_parser<true> {
 public:
  explicit Collector(HttpRequest* request) : request_(request) {
    header_limit(static_cast<uint32_t>(kHeadBytesMax + 2));
    body_limit(boost::none);
    eager(false);
    skip(true);
  }
  int http_version() const { return version_; }

 private:
  using ErrorCode = boost::beast::error_code;
  using View = boost::beast::string_view;

  void on_request_impl(http::verb, View method, View target, int version, ErrorCode&) override {
    request_->method.assign(method.data(), method.size());
    request_->raw_target.assign(target.data(), target.size());
    version_ = version;
  }
  void on_response_impl(int, View, int, ErrorCode&) override {}
  void on_field_impl(http::field, View name, View value, ErrorCode&) override {
    Header& header =
        request_->headers.emplace_back(std::string_view(name.data(), name.size()),
                                       TrimBlanks(std::string_view(value.data(), value.size())));
    for (char& c : header.name) c = AsciiLower(c);
  }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  size_t on_body_impl(View body, ErrorCode&) override { return body.size(); }
  void on_chunk_header_impl(uint64_t, View, ErrorCode&) override {}
  size_t on_chunk_body_impl(uint64_t, View body, ErrorCode&) override { return body.size(); }
  void on_finish_impl(ErrorCode&) override {}

  HttpRequest* request_;
  int version_ = 0;
};

// What Beast lets pass and an intermediary may read differently.
std::optional<S3Error> CheckLines(std::string_view head) {
  bool first = true;
  while (head.size() > 2) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    if (!IsFieldValue(line)) return Bad("A control character is in the head of the request.");
    if (first) {
      first = false;
      continue;
    }
    // A folded line begins with a blank, hence has no token before its colon.
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
      return Bad("A header line is malformed.");
    }
  }
  return std::nullopt;
}

// "close" or "keep-alive" in the comma-separated list.
bool HasOption(std::string_view list, std::string_view option) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    if (EqualsIgnoreCase(TrimBlanks(item), option)) return true;
  }
  return false;
}

std::optional<S3Error> DecideLength(const HttpRequest& request, int version, Framing* framing) {
  const size_t codings = request.Count("transfer-encoding");
  const size_t lengths = request.Count("content-length");
  if (codings > 0) {
    if (lengths > 0) return Bad("Content-Length and Transfer-Encoding exclude each other.");
    if (version < 11) return Bad("Transfer-Encoding needs HTTP/1.1.");
    if (codings > 1 || !EqualsIgnoreCase(*request.Find("transfer-encoding"), "chunked")) {
      return Bad("The only transfer coding accepted is chunked.");
    }
    framing->chunked = true;
    return std::nullopt;
  }
  if (lengths == 0) return std::nullopt;
  if (lengths > 1) return Bad("Content-Length is repeated.");
  unsigned long long length = 0;  // NOLINT: the parameter type of ParseUnsigned
  if (!ParseUnsigned(*request.Find("content-length"), &length) || length > INT64_MAX) {
    return Bad("Content-Length is not a number.");
  }
  framing->content_length = length;
  return std::nullopt;
}

}  // namespace

bool IsToken(std::string_view text) {
  for (const char c : text) {
    if (!kToken[static_cast<uint8_t>(c)]) return false;
  }
  return !text.empty();
}

bool IsFieldValue(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
  }
  return true;
}

S3Result<std::optional<size_t>> HeadScanner::Scan(std::string_view buffered) {
  // Bytes of another protocol (TLS, for example) never come to a line's end: refused at once.
  if (scanned_ == 0 && !buffered.empty() && !kToken[static_cast<uint8_t>(buffered[0])]) {
    return Bad("This is not HTTP.");
  }
  while (scanned_ < buffered.size()) {
    const size_t feed = buffered.find('\n', scanned_);
    if (feed == std::string_view::npos) {
      scanned_ = buffered.size();
      break;
    }
    scanned_ = feed + 1;
    if (feed == line_start_ || buffered[feed - 1] != '\r') return Bad("A line ends without CR.");
    if (feed - line_start_ == 1) {  // the empty line
      if (lines_ == 0) return Bad("The request line is empty.");
      return std::optional<size_t>(scanned_);
    }
    line_start_ = scanned_;
    if (lines_ == 0) request_line_size_ = scanned_;
    if (request_line_size_ > kRequestLineBytesMax) return TooLarge();
    if (++lines_ > kHeaderCountMax + 1) return TooLarge();
    if (scanned_ - request_line_size_ > kHeaderBytesMax) return TooLarge();
  }
  const size_t limit = lines_ == 0 ? kRequestLineBytesMax : request_line_size_ + kHeaderBytesMax;
  if (buffered.size() > limit) return TooLarge();
  return std::optional<size_t>();
}

std::optional<S3Error> ParseHead(std::string_view head, HttpRequest* request, Framing* framing) {
  if (auto error = CheckLines(head)) return error;
  Collector collector(request);
  request->headers.reserve(24);
  boost::beast::error_code failure;
  const size_t used = collector.put(boost::asio::buffer(head.data(), head.size()), failure);
  if (failure || !collector.is_header_done()) return Bad("The head of the request is malformed.");
  CHECK(used == head.size());
  const int version = collector.http_version();
  if (version != 10 && version != 11) return Bad("The version of HTTP must be 1.0 or 1.1.");
  const size_t hosts = request->Count("host");
  if (hosts > 1 || (hosts == 0 && version == 11)) return Bad("Exactly one Host header is needed.");
  if (auto error = DecideLength(*request, version, framing)) return error;
  framing->keep_alive = version == 11;
  for (const Header& header : request->headers) {
    if (header.name == "connection" && HasOption(header.value, "close")) {
      framing->keep_alive = false;
    }
    if (header.name == "expect" && version == 11 &&
        EqualsIgnoreCase(header.value, "100-continue")) {
      framing->expects_continue = framing->chunked || framing->content_length > 0;
    }
  }
  return std::nullopt;
}

}  // namespace ashlar::api_gateway
