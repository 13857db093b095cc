#include "api_gateway/protocol/conditions.h"

#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kCopySource = "x-amz-copy-source-";

struct Tag {
  std::string_view value;  // without quotes
  bool weak = false;
};

Tag ParseTag(std::string_view text) {
  Tag tag;
  text = TrimBlanks(text);
  if (text.starts_with("W/")) {
    tag.weak = true;
    text.remove_prefix(2);
  }
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  tag.value = text;
  return tag;
}

// Whether a list of entity tags names `etag`. Quotes are optional, as S3 has it. Our ETags hold no
// comma, so the list can be split at every one. If-Match compares strongly: W/"x" matches nothing.
bool ListNames(std::string_view list, std::string_view etag, bool strong) {
  while (true) {
    const size_t comma = list.find(',');
    const Tag tag = ParseTag(list.substr(0, comma));
    if (tag.value == "*" && !tag.weak) return true;
    if (tag.value == etag && !(strong && tag.weak)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

std::optional<std::string> Text(const HttpRequest& request, std::string_view name) {
  const auto value = request.Find(name);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

std::optional<int64_t> Date(const HttpRequest& request, std::string_view name) {
  const auto value = request.Find(name);
  if (!value) return std::nullopt;
  const std::string_view text = TrimBlanks(*value);
  if (const auto seconds = ParseHttpDate(text)) return seconds;
  // botocore sends the copy-source dates of some versions in ISO form.
  return ParseRfc3339(text);
}

S3Error Failed(bool copy_source, std::string_view name) {
  std::string condition = copy_source ? "x-amz-copy-source-" : "";
  condition += name;
  return S3Error(S3Code::kPreconditionFailed).With("Condition", condition);
}

S3Error Unsupported(std::string_view header, std::string_view detail) {
  return S3Error(S3Code::kNotImplemented).With("Header", header).With("additionalMessage", detail);
}

}  // namespace

ReadConditions ParseReadConditions(const HttpRequest& request, bool copy_source) {
  const size_t skipped = copy_source ? 0 : kCopySource.size();
  const auto name = [skipped](std::string_view copy_name) { return copy_name.substr(skipped); };
  ReadConditions conditions;
  conditions.copy_source = copy_source;
  conditions.if_match = Text(request, name("x-amz-copy-source-if-match"));
  conditions.if_none_match = Text(request, name("x-amz-copy-source-if-none-match"));
  conditions.if_modified_since = Date(request, name("x-amz-copy-source-if-modified-since"));
  conditions.if_unmodified_since = Date(request, name("x-amz-copy-source-if-unmodified-since"));
  return conditions;
}

std::optional<S3Error> EvaluateReadConditions(const ReadConditions& conditions,
                                              std::string_view etag, int64_t last_modified_seconds,
                                              int64_t now_seconds) {
  const bool copy = conditions.copy_source;
  if (conditions.if_match) {
    if (!ListNames(*conditions.if_match, etag, true)) return Failed(copy, "If-Match");
  } else if (conditions.if_unmodified_since &&
             last_modified_seconds > *conditions.if_unmodified_since) {
    return Failed(copy, "If-Unmodified-Since");
  }
  if (conditions.if_none_match) {
    if (ListNames(*conditions.if_none_match, etag, false)) {
      return copy ? Failed(copy, "If-None-Match") : S3Error(S3Code::kNotModified);
    }
  } else if (conditions.if_modified_since && *conditions.if_modified_since <= now_seconds &&
             last_modified_seconds <= *conditions.if_modified_since) {
    return copy ? Failed(copy, "If-Modified-Since") : S3Error(S3Code::kNotModified);
  }
  return std::nullopt;
}

S3Result<WriteConditions> ParseWriteConditions(const HttpRequest& request) {
  const auto match = request.Find("if-match");
  const auto none_match = request.Find("if-none-match");
  if (match && none_match) {
    return Unsupported("If-Match,If-None-Match",
                       "Multiple conditional request headers present in the request");
  }
  WriteConditions conditions;
  if (none_match) {
    if (TrimBlanks(*none_match) != "*") {
      return Unsupported("If-None-Match",
                         "We don't accept the provided value of If-None-Match header for this API");
    }
    conditions.if_none_match_any = true;
  }
  if (match) {
    const Tag tag = ParseTag(*match);
    if (tag.value == "*") {
      return Unsupported("If-Match",
                         "We don't accept the provided value of If-Match header for this API");
    }
    conditions.if_match = std::string(tag.value);
  }
  return conditions;
}

S3Error WriteConditionFailed(const WriteConditions& conditions) {
  return Failed(false, conditions.if_none_match_any ? "If-None-Match" : "If-Match");
}

}  // namespace ashlar::api_gateway
