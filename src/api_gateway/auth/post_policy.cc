#include "api_gateway/auth/post_policy.h"

#include <algorithm>
#include <set>

#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"
#include "base/bytes.h"
#include "base/strict_json.h"

namespace ashlar::api_gateway {

// Ordered: the first fault in the text is the one that is told.
using Json = nlohmann::ordered_json;

namespace {

constexpr int kJsonDepthMax = 4;

S3Error InvalidPolicy(std::string_view detail) {
  return S3Error(S3Code::kInvalidPolicyDocument, std::string("Invalid Policy: ").append(detail));
}

S3Error Violates(std::string_view detail) {
  return S3Error(S3Code::kAccessDenied,
                 std::string("Invalid according to Policy: ").append(detail));
}

// A number, or a text of digits; nullopt for all else.
std::optional<int64_t> ReadBytes(const Json& json) {
  if (json.is_number_integer()) {
    // Beyond the signed range stands what is larger than any file.
    if (json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX) return INT64_MAX;
    return json.get<int64_t>();
  }
  unsigned long long number = 0;
  if (!json.is_string() || !ParseUnsigned(json.get<std::string>(), &number)) return std::nullopt;
  return static_cast<int64_t>(std::min<unsigned long long>(number, INT64_MAX));
}

std::string TextOf(const Json& array) {
  std::string text = "[";
  for (const Json& item : array) {
    if (text.size() > 1) text += ", ";
    text += item.dump();
  }
  return text + "]";
}

bool NeedsNoCondition(std::string_view field) {
  return field == "policy" || field == "x-amz-signature" || field.starts_with("x-ignore-");
}

}  // namespace

class PostPolicyReader {
 public:
  static S3Result<PostPolicy> Read(const Json& json) {
    if (!json.is_object()) return InvalidPolicy("The document is not an object.");
    PostPolicy policy;
    const Json* conditions = nullptr;
    bool expires = false;
    for (const auto& [name, value] : json.items()) {
      if (name == "expiration") {
        const auto seconds =
            value.is_string() ? ParseRfc3339(value.get<std::string>()) : std::nullopt;
        if (!seconds) return InvalidPolicy("Invalid 'expiration' value: " + value.dump());
        policy.expires_at_ = *seconds;
        expires = true;
      } else if (name == "conditions") {
        conditions = &value;
      } else {
        return InvalidPolicy("Unexpected: '" + name + "'");
      }
    }
    if (!expires) return InvalidPolicy("Policy missing expiration.");
    if (conditions == nullptr) return InvalidPolicy("Policy missing conditions.");
    if (!conditions->is_array() || conditions->size() > kPostConditionsMax) {
      return InvalidPolicy("Invalid 'conditions' value: must be a List.");
    }
    for (const Json& item : *conditions) {
      auto condition = ReadCondition(item);
      if (!condition.ok()) return condition.error();
      policy.conditions_.push_back(*std::move(condition));
    }
    return policy;
  }

 private:
  using Condition = PostPolicy::Condition;

  static S3Result<Condition> ReadCondition(const Json& item) {
    if (item.is_object()) return ReadSimple(item);
    if (!item.is_array()) return InvalidPolicy("Invalid Condition: must be a List or an Object.");
    if (item.size() != 3 || !item[0].is_string()) {
      return InvalidPolicy("Invalid Condition: wrong number of arguments.");
    }
    const std::string operation = ToLower(item[0].get<std::string>());
    if (operation == "content-length-range") return ReadLengthRange(item);
    if (operation != "eq" && operation != "starts-with") {
      return InvalidPolicy("Invalid Condition: unknown operation '" + item[0].get<std::string>() +
                           "'.");
    }
    if (!item[1].is_string() || !item[2].is_string()) {
      return InvalidPolicy("Invalid Condition: the arguments of '" + operation +
                           "' must be Strings.");
    }
    Condition condition;
    condition.text = TextOf(item);
    const auto field = item[1].get<std::string>();
    if (!field.starts_with('$')) return condition;  // names no field, so it never holds
    condition.kind = operation == "eq" ? Condition::Kind::kEquals : Condition::Kind::kStartsWith;
    condition.field = ToLower(std::string_view(field).substr(1));
    condition.value = item[2].get<std::string>();
    return condition;
  }

  static S3Result<Condition> ReadSimple(const Json& item) {
    if (item.size() != 1) {
      return InvalidPolicy(
          "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.");
    }
    const std::string& name = item.begin().key();
    const Json& value = item.begin().value();
    if (!value.is_string()) {
      return InvalidPolicy("Invalid Simple-Condition: value must be a String.");
    }
    Condition condition;
    condition.kind = Condition::Kind::kEquals;
    condition.field = ToLower(name);
    condition.value = value.get<std::string>();
    condition.text = TextOf(Json::array({"eq", "$" + name, condition.value}));
    return condition;
  }

  static S3Result<Condition> ReadLengthRange(const Json& item) {
    Condition condition;
    condition.text = TextOf(item);
    const auto bytes_min = ReadBytes(item[1]);
    const auto bytes_max = ReadBytes(item[2]);
    if (!bytes_min || !bytes_max) return condition;
    condition.kind = Condition::Kind::kLengthRange;
    condition.bytes_min = *bytes_min;
    condition.bytes_max = *bytes_max;
    return condition;
  }
};

S3Result<PostPolicy> PostPolicy::Parse(std::string_view base64) {
  std::string text;
  if (!Base64Decode(base64, &text)) return InvalidPolicy("The document is not base64.");
  if (!IsShallowJson(text, kJsonDepthMax)) return InvalidPolicy("Invalid JSON.");
  const std::optional<Json> json = ParseStrictJson(text, JsonNames::kIgnoringCase);
  if (!json) return InvalidPolicy("Invalid JSON.");
  return PostPolicyReader::Read(*json);
}

bool PostPolicy::Holds(const Condition& condition, const Form& form, std::string_view bucket) {
  std::string_view value;
  if (condition.field == "bucket") {
    value = bucket;
  } else if (const FormField* const field = form.Find(condition.field)) {
    value = field->value;
  }
  switch (condition.kind) {
    case Condition::Kind::kEquals: return value == condition.value;
    case Condition::Kind::kStartsWith: return value.starts_with(condition.value);
    case Condition::Kind::kLengthRange: return true;  // CheckLength, once the length is known
    case Condition::Kind::kNever: return false;
  }
  return false;
}

bool PostPolicy::Names(std::string_view field) const {
  return std::any_of(conditions_.begin(), conditions_.end(), [field](const Condition& condition) {
    return condition.kind != Condition::Kind::kLengthRange && condition.field == field;
  });
}

std::optional<S3Error> PostPolicy::Check(const Form& form, std::string_view bucket,
                                         int64_t now_seconds) const {
  if (now_seconds >= expires_at_) return Violates("Policy expired.");
  for (const Condition& condition : conditions_) {
    if (!Holds(condition, form, bucket)) {
      return Violates("Policy Condition failed: " + condition.text);
    }
  }
  std::set<std::string_view> extra;
  if (!Names("bucket")) extra.insert("bucket");
  for (const FormField& field : form.fields) {
    if (!NeedsNoCondition(field.name) && !Names(field.name)) extra.insert(field.name);
  }
  if (extra.empty()) return std::nullopt;
  std::string names;
  for (const std::string_view name : extra) names.append(names.empty() ? "" : ", ").append(name);
  return Violates("Extra input fields: " + names);
}

std::optional<S3Error> PostPolicy::CheckLength(uint64_t bytes) const {
  const auto size = static_cast<int64_t>(std::min<uint64_t>(bytes, INT64_MAX));
  for (const Condition& condition : conditions_) {
    if (condition.kind != Condition::Kind::kLengthRange) continue;
    if (size > condition.bytes_max) {
      return S3Error(S3Code::kEntityTooLarge)
          .With("ProposedSize", std::to_string(size))
          .With("MaxSizeAllowed", std::to_string(condition.bytes_max));
    }
    if (size < condition.bytes_min) {
      return S3Error(S3Code::kEntityTooSmall)
          .With("ProposedSize", std::to_string(size))
          .With("MinSizeAllowed", std::to_string(condition.bytes_min));
    }
  }
  return std::nullopt;
}

}  // namespace ashlar::api_gateway
