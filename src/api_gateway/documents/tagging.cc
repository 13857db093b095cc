#include "api_gateway/documents/tagging.h"

#include <algorithm>
#include <optional>

#include "api_gateway/operations/common/responses.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {
namespace {

constexpr size_t kObjectTagsMax = 10;
constexpr size_t kBucketTagsMax = 50;
constexpr size_t kKeyCharactersMax = 128;
constexpr size_t kValueCharactersMax = 256;
constexpr std::string_view kReservedPrefix = "aws:";

bool IsTagCharacter(char32_t c) {
  if (c > 0x7f) return c != kReplacementCharacter;
  const auto ascii = static_cast<char>(c);
  return (ascii >= '0' && ascii <= '9') || (ascii >= 'A' && ascii <= 'Z') ||
         (ascii >= 'a' && ascii <= 'z') ||
         std::string_view(" \t\n\r+-=._:/@").find(ascii) != std::string_view::npos;
}

bool IsTagText(std::string_view text, size_t characters_max) {
  if (!IsValidUtf8(text)) return false;
  size_t characters = 0;
  for (size_t at = 0; at < text.size(); ++characters) {
    if (!IsTagCharacter(NextCodePoint(text, &at))) return false;
  }
  return characters <= characters_max;
}

S3Error InvalidTag(std::string message, std::string_view key) {
  return S3Error(S3Code::kInvalidTag, std::move(message)).With("TagKey", key);
}

std::optional<S3Error> CheckTag(const std::string& key, const std::string& value, TagsOf kind) {
  if (key.starts_with(kReservedPrefix) && kind == TagsOf::kNewBucket) {
    return S3Error(S3Code::kInvalidTag,
                   "User-defined tag keys can't start with \"aws:\". This prefix is reserved for "
                   "system tags. Remove \"aws:\" from your tag keys and try again.");
  }
  if (key.starts_with(kReservedPrefix)) {
    return InvalidTag(kind == TagsOf::kBucket ? "System tags cannot be added/updated by requester"
                                              : "Your TagKey cannot be prefixed with aws:",
                      key);
  }
  if (key.empty() || !IsTagText(key, kKeyCharactersMax)) {
    return InvalidTag("The TagKey you have provided is invalid", key);
  }
  if (!IsTagText(value, kValueCharactersMax)) {
    return InvalidTag("The TagValue you have provided is invalid", key).With("TagValue", value);
  }
  return std::nullopt;
}

bool HasKey(const model::HeaderList& tags, std::string_view key) {
  return std::any_of(tags.begin(), tags.end(), [key](const auto& tag) { return tag.first == key; });
}

bool TakeTag(const pugi::xml_node& node, model::HeaderList* tags) {
  std::optional<std::string> key;
  std::optional<std::string> value;
  const bool known = EachXmlField(node, [&](std::string_view name, std::string& text) {
    std::optional<std::string>& field = name == "Key" ? key : value;
    if ((name != "Key" && name != "Value") || field) return false;
    field = std::move(text);
    return true;
  });
  if (!known || !key || !value) return false;
  tags->emplace_back(*std::move(key), *std::move(value));
  return true;
}

S3Error WrongHeader(std::string_view header) {
  return InvalidArgument(
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
      "without tag name duplicates.",
      "x-amz-tagging", header);
}

}  // namespace

bool TakeTags(const pugi::xml_node& set, model::HeaderList* tags) {
  return EachXmlElement(set, [&](std::string_view name, const pugi::xml_node& tag) {
    return name == "Tag" && TakeTag(tag, tags);
  });
}

std::optional<S3Error> CheckTags(const model::HeaderList& tags, TagsOf kind) {
  const size_t most = kind == TagsOf::kObject ? kObjectTagsMax : kBucketTagsMax;
  if (tags.size() > most) {
    const std::string limit = std::to_string(most);
    return S3Error(S3Code::kBadRequest, kind == TagsOf::kObject
                                            ? "Object tags cannot be greater than " + limit
                                            : "Bucket tag count cannot be greater than " + limit);
  }
  model::HeaderList seen;
  for (const auto& [key, value] : tags) {
    if (HasKey(seen, key)) return InvalidTag("Cannot provide multiple Tags with the same key", key);
    if (auto error = CheckTag(key, value, kind)) return error;
    seen.emplace_back(key, value);
  }
  return std::nullopt;
}

S3Result<model::HeaderList> ParseTagging(std::string_view body, TagsOf kind) {
  pugi::xml_document document;
  if (!LoadXml(body, kTaggingBytesMax, "Tagging", &document)) return MalformedXml();
  model::HeaderList tags;
  bool has_set = false;
  const bool known = EachXmlElement(document.document_element(),
                                    [&](std::string_view name, const pugi::xml_node& set) {
                                      if (name != "TagSet" || has_set) return false;
                                      has_set = true;
                                      return TakeTags(set, &tags);
                                    });
  if (!known || !has_set) return MalformedXml();
  if (auto error = CheckTags(tags, kind)) return *std::move(error);
  return tags;
}

S3Result<model::HeaderList> ParseTaggingHeader(std::string_view header) {
  model::HeaderList tags;
  std::string_view rest = header;
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const std::string_view raw_value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    std::string key;
    std::string value;
    if (raw_value.find('=') != std::string_view::npos ||
        !PercentDecode(pair.substr(0, equals), PlusSign::kSpace, &key) ||
        !PercentDecode(raw_value, PlusSign::kSpace, &value) || HasKey(tags, key)) {
      return WrongHeader(header);
    }
    tags.emplace_back(std::move(key), std::move(value));
  }
  if (auto error = CheckTags(tags, TagsOf::kObject)) return *std::move(error);
  return tags;
}

std::string RenderTagging(const model::HeaderList& tags) {
  return XmlDocument("Tagging", [&tags](XmlWriter& xml) {
    xml.Open("TagSet");
    for (const auto& [key, value] : tags) {
      xml.Open("Tag");
      xml.Text("Key", key);
      xml.Text("Value", value);
      xml.Close("Tag");
    }
    xml.Close("TagSet");
  });
}

}  // namespace ashlar::api_gateway
