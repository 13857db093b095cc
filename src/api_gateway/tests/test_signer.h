// A client's side of Signature Version 4, written apart from the verifier: it knows the decoded
// path and query and builds both the request and its canonical form from them. For tests and
// fuzzers.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api_gateway/auth/sigv4.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway::testing {

inline constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Keys : CredentialLookup {
  std::map<std::string, Credential, std::less<>> keys;
  std::shared_ptr<const Credential> Find(std::string_view access_key) const override {
    const auto found = keys.find(access_key);
    if (found == keys.end()) return nullptr;
    return std::make_shared<const Credential>(found->second);
  }
  static std::shared_ptr<const iam::Identity> Named(std::string name) {
    iam::Identity identity;
    identity.user_name = std::move(name);
    return std::make_shared<const iam::Identity>(std::move(identity));
  }
  static Keys Example() {
    Keys keys;
    keys.keys["AKIAIOSFODNN7EXAMPLE"] = {Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                                         Named("alice"), true};
    keys.keys["AKIADISABLED"] = {Secret("disabled secret"), Named("bob"), false};
    return keys;
  }
};

struct ClientRequest {
  std::string method = "GET";
  std::string path = "/bucket/key";  // decoded
  std::vector<std::pair<std::string, std::string>> query = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // lower-case, without host
  std::string host = "s3.amazonaws.com";
  std::string payload_hash{kEmptyHash};
};

struct Signer {
  std::string access_key = "AKIAIOSFODNN7EXAMPLE";
  std::string secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  std::string region = "us-east-1";
  std::string service = "s3";
  int64_t now = 1369353600;  // 2013-05-24T00:00:00Z

  static std::string Encode(std::string_view text, bool keep_slash) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    for (const unsigned char c : text) {
      if (std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~' ||
          (c == '/' && keep_slash)) {
        out += static_cast<char>(c);
      } else {
        out += '%';
        out += kHex[c / 16];
        out += kHex[c % 16];
      }
    }
    return out;
  }

  static std::string QueryString(const std::vector<std::pair<std::string, std::string>>& query) {
    std::string out;
    for (const auto& [name, value] : query) {
      out += (out.empty() ? "" : "&") + Encode(name, false) + "=" + Encode(value, false);
    }
    return out;
  }

  std::string AmzDate() const { return FormatAmzDate(now); }
  std::string Scope() const {
    return AmzDate().substr(0, 8) + "/" + region + "/" + service + "/aws4_request";
  }

  Sha256Digest Key() const {
    auto key = HmacSha256(AsBytes("AWS4" + secret), AsBytes(AmzDate().substr(0, 8)));
    for (const std::string& part : {region, service, std::string("aws4_request")}) {
      key = HmacSha256(key, AsBytes(part));
    }
    return key;
  }

  // `headers` is a map so that names come out sorted.
  std::string Signature(const ClientRequest& request,
                        std::vector<std::pair<std::string, std::string>> query,
                        const std::map<std::string, std::string>& headers,
                        std::string_view payload_hash) const {
    std::vector<std::pair<std::string, std::string>> sorted;
    for (const auto& [name, value] : query) {
      sorted.emplace_back(Encode(name, false), Encode(value, false));
    }
    std::sort(sorted.begin(), sorted.end());
    std::string canonical = request.method + "\n" + Encode(request.path, true) + "\n";
    for (size_t i = 0; i < sorted.size(); ++i) {
      canonical += (i ? "&" : "") + sorted[i].first + "=" + sorted[i].second;
    }
    canonical += "\n";
    for (const auto& [name, value] : headers) canonical += name + ":" + value + "\n";
    canonical += "\n" + Names(headers) + "\n" + std::string(payload_hash);
    const std::string text = "AWS4-HMAC-SHA256\n" + AmzDate() + "\n" + Scope() + "\n" +
                             HexEncode(Sha256(AsBytes(canonical)));
    return HexEncode(HmacSha256(Key(), AsBytes(text)));
  }

  static std::string Names(const std::map<std::string, std::string>& headers) {
    std::string names;
    for (const auto& [name, value] : headers) names += (names.empty() ? "" : ";") + name;
    return names;
  }

  static HttpRequest Received(const ClientRequest& request,
                              const std::vector<std::pair<std::string, std::string>>& query) {
    HttpRequest received;
    received.method = request.method;
    received.raw_target = Encode(request.path, true);
    if (!query.empty()) received.raw_target += "?" + QueryString(query);
    received.headers.push_back({"host", request.host});
    for (const auto& [name, value] : request.headers) received.headers.push_back({name, value});
    return received;
  }

  // By Authorization header. Not yet parsed: tests change it first.
  HttpRequest Sign(const ClientRequest& request) const {
    std::map<std::string, std::string> headers(request.headers.begin(), request.headers.end());
    headers["host"] = request.host;
    headers["x-amz-date"] = AmzDate();
    headers["x-amz-content-sha256"] = request.payload_hash;
    HttpRequest received = Received(request, request.query);
    received.headers.push_back({"x-amz-date", AmzDate()});
    received.headers.push_back({"x-amz-content-sha256", request.payload_hash});
    received.headers.push_back(
        {"authorization", "AWS4-HMAC-SHA256 Credential=" + access_key + "/" + Scope() +
                              ", SignedHeaders=" + Names(headers) + ", Signature=" +
                              Signature(request, request.query, headers, request.payload_hash)});
    return received;
  }

  // By query parameters. A payload hash other than UNSIGNED-PAYLOAD goes in a header.
  HttpRequest Presign(const ClientRequest& request, const std::string& expires = "3600") const {
    std::map<std::string, std::string> headers(request.headers.begin(), request.headers.end());
    headers["host"] = request.host;
    auto query = request.query;
    query.emplace_back("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
    query.emplace_back("X-Amz-Credential", access_key + "/" + Scope());
    query.emplace_back("X-Amz-Date", AmzDate());
    query.emplace_back("X-Amz-Expires", expires);
    query.emplace_back("X-Amz-SignedHeaders", Names(headers));
    const std::string signature = Signature(request, query, headers, request.payload_hash);
    query.emplace_back("X-Amz-Signature", signature);
    HttpRequest received = Received(request, query);
    if (request.payload_hash != "UNSIGNED-PAYLOAD") {
      received.headers.push_back({"x-amz-content-sha256", request.payload_hash});
    }
    return received;
  }
};

// Writes an aws-chunked body as a signing client does.
struct ChunkedWriter {
  Signer signer = {};
  bool is_signed = true;
  std::string previous = {};  // seed signature
  std::string body = {};

  void Chunk(std::string_view payload) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx", payload.size());
    body += size;
    if (is_signed) {
      const std::string text = "AWS4-HMAC-SHA256-PAYLOAD\n" + signer.AmzDate() + "\n" +
                               signer.Scope() + "\n" + previous + "\n" + std::string(kEmptyHash) +
                               "\n" + HexEncode(Sha256(AsBytes(payload)));
      previous = HexEncode(HmacSha256(signer.Key(), AsBytes(text)));
      body += ";chunk-signature=" + previous;
    }
    body += "\r\n";
    body += payload;
    if (!payload.empty()) body += "\r\n";
  }
  void End() { body += "\r\n"; }
  void Trailer(const std::string& name, const std::string& value) {
    body += name + ":" + value + "\r\n";
    if (is_signed) {
      const std::string text = "AWS4-HMAC-SHA256-TRAILER\n" + signer.AmzDate() + "\n" +
                               signer.Scope() + "\n" + previous + "\n" +
                               HexEncode(Sha256(AsBytes(name + ":" + value + "\n")));
      body +=
          "x-amz-trailer-signature:" + HexEncode(HmacSha256(signer.Key(), AsBytes(text))) + "\r\n";
    }
    body += "\r\n";
  }
};

}  // namespace ashlar::api_gateway::testing
