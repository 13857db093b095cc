#include "api_gateway/auth/canonical_request.h"

#include <algorithm>

#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

void AppendCollapsed(std::string_view value, PooledString* out) {
  value = TrimBlanks(value);
  if (value.find('\t') == std::string_view::npos && value.find("  ") == std::string_view::npos) {
    out->append(value);
    return;
  }
  bool blank = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t') {
      blank = true;
      continue;
    }
    if (blank) out->push_back(' ');
    blank = false;
    out->push_back(c);
  }
}

void AppendHeaderLine(const HttpRequest& request, std::string_view name, PooledString* out) {
  bool first = true;
  for (const Header& header : request.headers) {
    if (header.name != name) continue;
    if (first) {
      out->append(name);
      out->push_back(':');
    } else {
      out->push_back(',');
    }
    first = false;
    AppendCollapsed(header.value, out);
  }
  if (!first) out->push_back('\n');
}

}  // namespace

PooledString CanonicalPath(std::string_view raw_path) {
  PooledString out;
  out.reserve(raw_path.size() + 16);
  std::string byte;
  while (!raw_path.empty()) {
    const size_t plain = std::min(raw_path.find('%'), raw_path.size());
    AppendPercentEncoded(raw_path.substr(0, plain), Slash::kKeep, &out);
    raw_path.remove_prefix(plain);
    if (raw_path.empty()) break;
    byte.clear();
    // ParseTarget has seen to it that two digits follow.
    if (!PercentDecode(raw_path.substr(0, 3), PlusSign::kLiteral, &byte)) byte = "%";
    AppendPercentEncoded(byte, Slash::kEncode, &out);
    raw_path.remove_prefix(std::min<size_t>(3, raw_path.size()));
  }
  return out;
}

PooledString CanonicalQuery(const HttpRequest& request) {
  if (request.query.empty()) return {};
  PooledVector<std::pair<PooledString, PooledString>> encoded;
  encoded.reserve(request.query.size());
  for (const QueryParameter& parameter : request.query) {
    if (parameter.name == "X-Amz-Signature") continue;
    auto& [name, value] = encoded.emplace_back();
    AppendPercentEncoded(parameter.name, Slash::kEncode, &name);
    AppendPercentEncoded(parameter.value, Slash::kEncode, &value);
  }
  std::sort(encoded.begin(), encoded.end());
  PooledString out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out.push_back('&');
    out += name;
    out.push_back('=');
    out += value;
  }
  return out;
}

void AppendCanonicalRequest(const HttpRequest& request, std::span<const std::string_view> names,
                            const CanonicalParts& parts, PooledString* out) {
  out->append(request.method).push_back('\n');
  out->append(parts.path).push_back('\n');
  out->append(parts.query).push_back('\n');
  for (const std::string_view name : names) {
    if (name == "host") {
      out->append("host:");
      AppendCollapsed(parts.host, out);
      out->push_back('\n');
    } else {
      AppendHeaderLine(request, name, out);
    }
  }
  out->push_back('\n');
  out->append(parts.signed_headers).push_back('\n');
  out->append(parts.payload_hash);
}

}  // namespace ashlar::api_gateway
