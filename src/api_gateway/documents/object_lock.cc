#include "api_gateway/documents/object_lock.h"

#include <functional>
#include <initializer_list>
#include <map>

#include "api_gateway/operations/common/responses.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kModeHeader = "x-amz-object-lock-mode";
constexpr std::string_view kUntilHeader = "x-amz-object-lock-retain-until-date";
constexpr std::string_view kHoldHeader = "x-amz-object-lock-legal-hold";
constexpr std::string_view kNotInFuture = "The retain until date must be in the future!";

std::optional<model::RetentionMode> FindMode(std::string_view name) {
  if (name == "GOVERNANCE") return model::RetentionMode::kGovernance;
  if (name == "COMPLIANCE") return model::RetentionMode::kCompliance;
  return std::nullopt;
}

std::string_view ModeName(model::RetentionMode mode) {
  return mode == model::RetentionMode::kCompliance ? "COMPLIANCE" : "GOVERNANCE";
}

// The fields of an element, each at most once.
class Fields {
 public:
  bool Read(const pugi::xml_node& node, std::initializer_list<std::string_view> names) {
    return EachXmlField(node, [&](std::string_view name, const std::string& text) {
      for (const std::string_view known : names) {
        if (name == known) return values_.emplace(name, TrimXmlSpace(text)).second;
      }
      return false;
    });
  }
  const std::string* Find(std::string_view name) const {
    const auto at = values_.find(name);
    return at == values_.end() ? nullptr : &at->second;
  }
  bool empty() const { return values_.empty(); }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

S3Result<uint32_t> ParsePeriod(const std::string& text, uint32_t most, std::string_view unit) {
  unsigned long long period = 0;
  if (!ParseUnsigned(text, &period) && !text.starts_with('-')) return MalformedXml();
  if (period == 0) {
    return InvalidArgument("Default retention period must be a positive integer value.", unit,
                           text);
  }
  if (period > most) return InvalidArgument("Default retention period is too large.", unit, text);
  return static_cast<uint32_t>(period);
}

S3Result<model::DefaultRetention> ReadDefaultRetention(const pugi::xml_node& node) {
  Fields fields;
  if (!fields.Read(node, {"Mode", "Days", "Years"})) return MalformedXml();
  const std::string* const mode = fields.Find("Mode");
  const std::string* const days = fields.Find("Days");
  const std::string* const years = fields.Find("Years");
  if (mode == nullptr || !FindMode(*mode) || (days == nullptr) == (years == nullptr)) {
    return MalformedXml();
  }
  model::DefaultRetention retention;
  retention.mode = *FindMode(*mode);
  auto period = days != nullptr ? ParsePeriod(*days, kRetentionDaysMax, "Days")
                                : ParsePeriod(*years, kRetentionYearsMax, "Years");
  if (!period.ok()) return period.error();
  (days != nullptr ? retention.days : retention.years) = *period;
  return retention;
}

// <Rule><DefaultRetention>; nullopt: the document is not so.
std::optional<pugi::xml_node> FindDefaultRetention(const pugi::xml_node& rule) {
  std::optional<pugi::xml_node> found;
  const bool known = EachXmlElement(rule, [&](std::string_view name, const pugi::xml_node& child) {
    if (name != "DefaultRetention" || found) return false;
    found = child;
    return true;
  });
  return known ? found : std::nullopt;
}

// "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
S3Error BothNeeded(std::string_view missing) {
  return S3Error(S3Code::kInvalidArgument, std::string(kUntilHeader) + " and " +
                                               std::string(kModeHeader) + " must both be supplied")
      .With("ArgumentName", missing);
}

S3Result<Retention> ParseRetentionHeaders(std::string_view mode, std::string_view until,
                                          int64_t now_ms) {
  Retention retention;
  const auto found = FindMode(mode);
  if (!found) return InvalidArgument("Unknown wormMode directive.", kModeHeader, mode);
  retention.mode = *found;
  const auto seconds = ParseRfc3339(until);
  if (!seconds) {
    return InvalidArgument("The retain until date must be provided in ISO 8601 format",
                           kUntilHeader, until);
  }
  retention.until_ms = *seconds * 1000;
  if (retention.until_ms <= now_ms) {
    return InvalidArgument(std::string(kNotInFuture), kUntilHeader, until);
  }
  return retention;
}

}  // namespace

S3Result<model::DefaultRetention> ParseObjectLockConfiguration(std::string_view body) {
  pugi::xml_document document;
  if (!LoadXml(body, kObjectLockBytesMax, "ObjectLockConfiguration", &document)) {
    return MalformedXml();
  }
  std::optional<std::string> enabled;
  std::optional<pugi::xml_node> rule;
  const bool known = EachXmlElement(document.document_element(),
                                    [&](std::string_view name, const pugi::xml_node& child) {
                                      if (name == "ObjectLockEnabled" && !enabled) {
                                        enabled.emplace();
                                        return XmlTextOf(child, &*enabled);
                                      }
                                      if (name != "Rule" || rule) return false;
                                      rule = child;
                                      return true;
                                    });
  if (!known || enabled != "Enabled") return MalformedXml();
  if (!rule) return model::DefaultRetention{};
  const auto retention = FindDefaultRetention(*rule);
  if (!retention) return MalformedXml();
  return ReadDefaultRetention(*retention);
}

std::string RenderObjectLockConfiguration(const model::DefaultRetention& retention) {
  return XmlDocument("ObjectLockConfiguration", [&retention](XmlWriter& xml) {
    xml.Text("ObjectLockEnabled", "Enabled");
    if (retention.mode == model::RetentionMode::kNone) return;
    xml.Open("Rule");
    xml.Open("DefaultRetention");
    xml.Text("Mode", ModeName(retention.mode));
    if (retention.days > 0) xml.Number("Days", retention.days);
    if (retention.years > 0) xml.Number("Years", retention.years);
    xml.Close("DefaultRetention");
    xml.Close("Rule");
  });
}

S3Result<Retention> ParseRetention(std::string_view body, int64_t now_ms) {
  pugi::xml_document document;
  Fields fields;
  if (!LoadXml(body, kObjectLockBytesMax, "Retention", &document) ||
      !fields.Read(document.document_element(), {"Mode", "RetainUntilDate"})) {
    return MalformedXml();
  }
  if (fields.empty()) return Retention{};
  const std::string* const mode = fields.Find("Mode");
  const std::string* const until = fields.Find("RetainUntilDate");
  if (mode == nullptr || until == nullptr || !FindMode(*mode)) return MalformedXml();
  const auto seconds = ParseRfc3339(*until);
  if (!seconds) return MalformedXml();
  const Retention retention{.mode = *FindMode(*mode), .until_ms = *seconds * 1000};
  if (retention.until_ms <= now_ms) {
    return InvalidArgument(std::string(kNotInFuture), "RetainUntilDate", *until);
  }
  return retention;
}

std::string RenderRetention(const model::ObjectLock& lock) {
  return XmlDocument("Retention", [&lock](XmlWriter& xml) {
    xml.Text("Mode", ModeName(lock.mode));
    xml.Text("RetainUntilDate", FormatIso8601(lock.retain_until_ms));
  });
}

bool MayReplaceRetention(const model::ObjectLock& lock, const Retention& wanted, int64_t now_ms,
                         bool bypass_governance) {
  if (lock.mode == model::RetentionMode::kNone || lock.retain_until_ms <= now_ms) return true;
  if (wanted.mode == lock.mode && wanted.until_ms >= lock.retain_until_ms) return true;
  return lock.mode == model::RetentionMode::kGovernance && bypass_governance;
}

S3Result<model::LegalHold> ParseLegalHold(std::string_view body) {
  pugi::xml_document document;
  Fields fields;
  if (!LoadXml(body, kObjectLockBytesMax, "LegalHold", &document) ||
      !fields.Read(document.document_element(), {"Status"})) {
    return MalformedXml();
  }
  const std::string* const status = fields.Find("Status");
  if (status != nullptr && *status == "ON") return model::LegalHold::kOn;
  if (status != nullptr && *status == "OFF") return model::LegalHold::kOff;
  return MalformedXml();
}

std::string RenderLegalHold(model::LegalHold hold) {
  return XmlDocument("LegalHold", [hold](XmlWriter& xml) {
    xml.Text("Status", hold == model::LegalHold::kOn ? "ON" : "OFF");
  });
}

S3Result<std::optional<model::ObjectLock>> ParseObjectLockHeaders(const HttpRequest& request,
                                                                  int64_t now_ms) {
  const auto mode = request.Find(kModeHeader);
  const auto until = request.Find(kUntilHeader);
  const auto hold = request.Find(kHoldHeader);
  if (!mode && !until && !hold) return std::optional<model::ObjectLock>();
  model::ObjectLock lock;
  if (mode || until) {
    if (!until) return BothNeeded(kUntilHeader);
    if (!mode) return BothNeeded(kModeHeader);
    auto retention = ParseRetentionHeaders(*mode, *until, now_ms);
    if (!retention.ok()) return retention.error();
    lock.mode = retention->mode;
    lock.retain_until_ms = retention->until_ms;
  }
  if (hold) {
    if (*hold != "ON" && *hold != "OFF") {
      return InvalidArgument("Legal Hold must be either of 'ON' or 'OFF'", kHoldHeader, *hold);
    }
    lock.legal_hold = *hold == "ON" ? model::LegalHold::kOn : model::LegalHold::kOff;
  }
  return std::optional(lock);
}

void AddObjectLockHeaders(const model::ObjectLock& lock, ResponseHead* head) {
  if (lock.mode != model::RetentionMode::kNone) {
    head->Add(kModeHeader, ModeName(lock.mode));
    head->Add(kUntilHeader, FormatIso8601(lock.retain_until_ms));
  }
  if (lock.legal_hold != model::LegalHold::kNeverSet) {
    head->Add(kHoldHeader, lock.legal_hold == model::LegalHold::kOn ? "ON" : "OFF");
  }
}

}  // namespace ashlar::api_gateway
