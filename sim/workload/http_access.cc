#include "workload/http_access.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "runtime/sim_stream.h"

namespace ashlar::sim {
namespace {

constexpr char kHost[] = "s3.sim";
constexpr char kRegion[] = "us-east-1";

std::string Encode(std::string_view text, bool keep_slash) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || (c != '\0' && std::string_view("-_.~").find(c) < 4) ||
        (c == '/' && keep_slash)) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte / 16];
      out += kHex[byte % 16];
    }
  }
  return out;
}

std::string AmzDate(int64_t milliseconds) {
  const std::time_t seconds = milliseconds / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[20];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

std::string Unquoted(std::string text) {
  std::erase(text, '"');
  return text;
}

// The texts of all <name> elements, in order. The documents are the gateway's own and flat enough.
std::vector<std::string> Elements(std::string_view xml, const std::string& name) {
  std::vector<std::string> texts;
  const std::string open = "<" + name + ">";
  const std::string close = "</" + name + ">";
  for (size_t at = xml.find(open); at != xml.npos; at = xml.find(open, at)) {
    at += open.size();
    const size_t end = xml.find(close, at);
    if (end == xml.npos) break;
    texts.emplace_back(xml.substr(at, end - at));
    at = end;
  }
  return texts;
}
std::string Element(std::string_view xml, const std::string& name) {
  const std::vector<std::string> texts = Elements(xml, name);
  return texts.empty() ? "" : texts.front();
}

// What an answer that is no success means.
Code CodeOf(int status, const std::string& body) {
  switch (status) {
    case 404: return Code::kNotFound;
    case 412: return Code::kPreconditionFailed;
    case 409: return Code::kConflict;
    case 507: return Code::kNoSpace;
    case 503: return Element(body, "Code") == "SlowDown" ? Code::kOverloaded : Code::kUnavailable;
    case 400:
    case 416:
    case 501: return Code::kCancelled;
    default: return Code::kOutcomeUnknown;  // 500, or the connection broke
  }
}

}  // namespace

HttpAccess::HttpAccess(World& world, Process& process, ReferenceModel& model, Judge& judge)
    : world_(world),
      process_(process),
      model_(model),
      judge_(judge),
      service_(process, model, judge) {}
HttpAccess::~HttpAccess() = default;

const std::string* HttpAccess::Response::Find(std::string_view name) const {
  for (const auto& [header, value] : headers) {
    if (header == name) return &value;
  }
  return nullptr;
}

// AWS Signature Version 4, written apart from the verifier.
std::string HttpAccess::Render(const Request& request) const {
  const std::string date = AmzDate(world_.executor.WallMilliseconds());
  const std::string scope = date.substr(0, 8) + "/" + kRegion + "/s3/aws4_request";
  const std::string hash = HexEncode(Sha256(AsBytes(request.body)));
  Headers headers = request.headers;
  headers.emplace_back("host", kHost);
  headers.emplace_back("x-amz-content-sha256", hash);
  headers.emplace_back("x-amz-date", date);
  std::sort(headers.begin(), headers.end());
  std::string names;
  std::string lines;
  for (const auto& [name, value] : headers) {
    names += (names.empty() ? "" : ";") + name;
    lines += name + ":" + value + "\n";
  }
  Headers query = request.query;
  std::sort(query.begin(), query.end());
  std::string text;
  for (const auto& [name, value] : query) {
    text += (text.empty() ? "" : "&") + Encode(name, false) + "=" + Encode(value, false);
  }
  const std::string path = Encode(request.path, true);
  const std::string canonical =
      request.method + "\n" + path + "\n" + text + "\n" + lines + "\n" + names + "\n" + hash;
  auto key = HmacSha256(AsBytes(std::string("AWS4") + kSecretKey), AsBytes(date.substr(0, 8)));
  for (const char* part : {kRegion, "s3", "aws4_request"}) key = HmacSha256(key, AsBytes(part));
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + HexEncode(Sha256(AsBytes(canonical)));
  std::string out = request.method + " " + path + (text.empty() ? "" : "?" + text) +
                    " HTTP/1.1\r\nauthorization: AWS4-HMAC-SHA256 Credential=" + kAccessKey + "/" +
                    scope + ", SignedHeaders=" + names +
                    ", Signature=" + HexEncode(HmacSha256(key, AsBytes(to_sign))) + "\r\n";
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  if (request.method == "PUT") {
    out += "content-length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return out + "\r\n";
}

// False: the connection broke before the answer was whole.
Task<bool> HttpAccess::Receive(bool head, Response* response) {
  std::array<uint8_t, 16 * 1024> buffer;
  size_t head_end = std::string::npos;
  size_t wanted = std::string::npos;
  while (head_end == std::string::npos || received_.size() < wanted) {
    const Result<size_t> count = co_await stream_->ReadSome(buffer);
    if (!count.ok() || *count == 0) co_return false;
    received_.append(AsText(ByteSpan(buffer).first(*count)));
    if (head_end != std::string::npos) continue;
    head_end = received_.find("\r\n\r\n");
    if (head_end == std::string::npos) continue;
    response->status = std::atoi(received_.c_str() + sizeof "HTTP/1.1");
    size_t line = received_.find("\r\n") + 2;
    while (line < head_end) {
      const size_t end = received_.find("\r\n", line);
      const size_t colon = received_.find(':', line);
      std::string name = received_.substr(line, colon - line);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      response->headers.emplace_back(std::move(name), received_.substr(colon + 2, end - colon - 2));
      line = end + 2;
    }
    const std::string* length = response->Find("content-length");
    const bool bodyless = head || length == nullptr || response->status == 204;
    wanted = head_end + 4 + (bodyless ? 0 : std::strtoull(length->c_str(), nullptr, 10));
  }
  response->body = received_.substr(head_end + 4, wanted - head_end - 4);
  received_.erase(0, wanted);
  co_return true;
}

Task<HttpAccess::Response> HttpAccess::Exchange(Request request) {
  if (stream_ == nullptr) {
    auto [mine, its] = MakeSimStreams(world_.executor, world_.random.Draw());
    stream_ = std::move(mine);
    received_.clear();
    process_.http().Serve(std::move(its), world_.executor);
  }
  const std::string head = Render(request);
  const bool breaks = request.body_breaks_at < request.body.size();
  const ByteSpan body =
      AsBytes(request.body).first(breaks ? request.body_breaks_at : request.body.size());
  const std::array<ByteSpan, 2> parts = {AsBytes(head), body};
  const Status sent = co_await stream_->Write(std::span<const ByteSpan>(parts));
  Response response;
  bool whole = false;
  if (sent.ok() && !breaks) {
    stream_->SetTimeout(std::chrono::seconds(120));
    whole = co_await Receive(request.method == "HEAD", &response);
  }
  if (!whole) response.status = 0;
  if (response.status == 0 || response.status >= 500) {
    judge_.Trace(request.method + " " + request.path + " -> " + std::to_string(response.status) +
                 " " + Element(response.body, "Code"));
  }
  const std::string* connection = response.Find("connection");
  if (!whole || (connection != nullptr && *connection == "close")) stream_.reset();
  co_return response;
}

// The version that the headers of an answer show.
Outcome HttpAccess::Saw(const Response& response) const {
  Outcome outcome;
  Seen seen;
  if (const std::string* etag = response.Find("etag")) seen.etag = Unquoted(*etag);
  if (const std::string* id = response.Find("x-amz-version-id")) seen.id = *id;
  if (const std::string* tag = response.Find("x-amz-meta-sim")) seen.tag = *tag;
  outcome.seen.push_back(std::move(seen));
  return outcome;
}

Task<Outcome> HttpAccess::Perform(std::string bucket, std::string key, OpPtr op, ReadHow how) {
  Request request;
  request.path = "/" + bucket + "/" + key;
  if (op->version_id) request.query.emplace_back("versionId", *op->version_id);
  // If-Match: * is not built at the gateway.
  if (!key.empty() && op->kind == OpKind::kPut && op->etag_match != "*") {
    co_return co_await Put(std::move(request), std::move(op));
  }
  if (!key.empty() && op->kind == OpKind::kRead) co_return co_await Read(std::move(request), how);
  if (!key.empty() && op->kind == OpKind::kDelete && !op->etag_match) {
    co_return co_await Delete(std::move(request), std::move(op));
  }
  co_return co_await service_.Perform(std::move(bucket), std::move(key), std::move(op), how);
}

Task<Outcome> HttpAccess::Put(Request request, OpPtr op) {
  request.method = "PUT";
  request.body.resize(op->content->size);
  FillContent(
      *op->content, 0,
      MutableByteSpan(reinterpret_cast<uint8_t*>(request.body.data()), request.body.size()));
  request.body_breaks_at = op->body_breaks_at;
  request.headers.emplace_back("x-amz-meta-sim", op->content->tag);
  if (op->must_not_exist) request.headers.emplace_back("if-none-match", "*");
  if (op->etag_match) request.headers.emplace_back("if-match", *op->etag_match);
  const bool breaks = op->body_breaks_at < op->content->size;
  const Response response = co_await Exchange(std::move(request));
  Outcome outcome;
  // A body that was cut off can never be stored.
  outcome.code = breaks ? Code::kCancelled : CodeOf(response.status, response.body);
  if (response.status != 200) co_return outcome;
  outcome = Saw(response);
  outcome.seen.front().size = op->content->size;
  co_return outcome;
}

Task<Outcome> HttpAccess::Read(Request request, ReadHow how) {
  request.method = how.head ? "HEAD" : "GET";
  const std::string range = "bytes=0-" + std::to_string(how.length - 1);
  const bool ranged = how.ranged && !how.head;
  if (ranged) request.headers.emplace_back("range", range);
  const Response response = co_await Exchange(std::move(request));
  const std::string* marker = response.Find("x-amz-delete-marker");
  if (response.status == 405 && marker != nullptr) {
    Outcome outcome = Saw(response);
    outcome.seen.front().marker = true;
    co_return outcome;
  }
  Outcome outcome;
  outcome.code = CodeOf(response.status, response.body);
  if (outcome.code == Code::kOutcomeUnknown) outcome.code = Code::kIoError;
  if (response.status != 200 && response.status != 206) co_return outcome;
  outcome = Saw(response);
  Seen& seen = outcome.seen.front();
  const std::string* length = response.Find("content-length");
  const std::string* part = response.Find("content-range");
  seen.size = std::strtoull(length->c_str(), nullptr, 10);
  if (part != nullptr) seen.size = std::strtoull(part->c_str() + part->find('/') + 1, nullptr, 10);
  const ContentPtr content = CheckHead(model_, "HTTP " + range, seen, &judge_);
  if (content != nullptr && !how.head) {
    (void)CheckBytes(*content, "HTTP GET", 0, AsBytes(response.body), &judge_);
    const uint64_t expected = ranged ? std::min(how.length, content->size) : content->size;
    if (response.body.size() != expected) {
      judge_.Report("atomic_visibility", "HTTP GET gave " + std::to_string(response.body.size()) +
                                             " of " + std::to_string(expected) + " bytes");
    }
  }
  co_return outcome;
}

Task<Outcome> HttpAccess::Delete(Request request, OpPtr op) {
  request.method = "DELETE";
  const Response response = co_await Exchange(std::move(request));
  Outcome outcome;
  outcome.code = CodeOf(response.status, response.body);
  if (response.status != 204) co_return outcome;
  outcome = Outcome();
  const std::string* marker = response.Find("x-amz-delete-marker");
  if (marker == nullptr) co_return outcome;
  if (op->version_id) {
    outcome.deleted_marker = true;
    outcome.created_marker = false;
  } else {
    outcome = Saw(response);
    outcome.created_marker = true;
    outcome.seen.front().marker = true;
  }
  co_return outcome;
}

Task<ListAnswer> HttpAccess::List(ListCall call) {
  Request request;
  request.method = "GET";
  request.path = "/" + call.bucket;
  request.query.emplace_back("list-type", "2");
  request.query.emplace_back("prefix", call.prefix);
  request.query.emplace_back("delimiter", call.delimiter);
  request.query.emplace_back("max-keys", std::to_string(call.max_entries));
  if (!call.token.empty()) request.query.emplace_back("continuation-token", call.token);
  const Response response = co_await Exchange(std::move(request));
  ListAnswer answer;
  answer.code = Code::kOk;
  if (response.status != 200) {
    answer.code = CodeOf(response.status, response.body);
    co_return answer;
  }
  for (const std::string& element : Elements(response.body, "Contents")) {
    ListedObject object;
    object.key = Element(element, "Key");
    std::string etag = Element(element, "ETag");
    for (const char* quote : {"&quot;", "\""}) {
      for (size_t at = etag.find(quote); at != etag.npos; at = etag.find(quote)) {
        etag.erase(at, std::string_view(quote).size());
      }
    }
    object.seen.etag = etag;
    object.seen.size = std::strtoull(Element(element, "Size").c_str(), nullptr, 10);
    answer.objects.push_back(std::move(object));
  }
  for (const std::string& element : Elements(response.body, "CommonPrefixes")) {
    answer.prefixes.push_back(Element(element, "Prefix"));
  }
  if (!answer.objects.empty()) answer.next = answer.objects.back().key;
  if (!answer.prefixes.empty()) answer.next = std::max(answer.next, answer.prefixes.back());
  answer.truncated = Element(response.body, "IsTruncated") == "true";
  answer.token = Element(response.body, "NextContinuationToken");
  co_return answer;
}

}  // namespace ashlar::sim
