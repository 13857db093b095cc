// The values of lifecycle rules, in the order in which S3 looks at them: the rule's name and
// filter, then each action by itself, then actions against each other.
#include <algorithm>
#include <set>

#include "api_gateway/documents/lifecycle.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {
namespace {

using MaybeError = std::optional<S3Error>;

constexpr size_t kIdCharactersMax = 255;
constexpr size_t kPrefixBytesMax = 1024;
constexpr size_t kTagKeyCharactersMax = 128;
constexpr size_t kTagValueCharactersMax = 256;
constexpr int64_t kSecondsOfDay = 86'400;
constexpr int64_t kInfrequentDaysMin = 30;
constexpr int64_t kNewerVersionsMax = 100;

// In the order in which objects can move.
constexpr std::string_view kClasses[] = {
    "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"};

// An index in kClasses, or their number.
size_t RankOf(std::string_view storage_class) {
  return static_cast<size_t>(std::find(std::begin(kClasses), std::end(kClasses), storage_class) -
                             std::begin(kClasses));
}

bool IsInfrequent(std::string_view storage_class) {
  return storage_class == "STANDARD_IA" || storage_class == "ONEZONE_IA";
}

S3Error Argument(std::string message) {
  return S3Error(S3Code::kInvalidArgument, std::move(message));
}
S3Error Request(std::string message) {
  return S3Error(S3Code::kInvalidRequest, std::move(message));
}

S3Error MustBePositive(std::string_view field, std::string_view action) {
  return Argument("'" + std::string(field) + "' for " + std::string(action) +
                  " action must be a positive integer");
}

// "for prefix 'logs/'", which closes many of S3's texts.
std::string ForPrefix(const LifecycleRule& rule) {
  const std::optional<std::string>& prefix = rule.filter ? rule.filter->prefix : rule.prefix;
  return "for prefix '" + prefix.value_or("") + "'";
}

MaybeError CheckDate(const std::optional<int64_t>& seconds) {
  if (!seconds || *seconds % kSecondsOfDay == 0) return std::nullopt;
  return InvalidArgument("'Date' must be at midnight GMT", "Date", FormatIso8601(*seconds * 1000));
}

MaybeError CheckTag(const std::string& key, const std::string& value) {
  if (key.empty() || CountCodePoints(key) > kTagKeyCharactersMax) {
    return Request("A Tag's Key must be a length between 1 and 128.");
  }
  if (CountCodePoints(value) > kTagValueCharactersMax) {
    return Request("A Tag's Value must be a length between 0 and 256.");
  }
  return std::nullopt;
}

MaybeError CheckFilter(const LifecycleFilter& filter) {
  std::set<std::string_view> keys;
  for (const auto& [key, value] : filter.tags) {
    if (auto error = CheckTag(key, value)) return error;
    if (!keys.insert(key).second) return Request("Duplicate Tag Keys are not allowed.");
  }
  if (filter.size_greater_than.value_or(0) < 0) {
    return Request("'ObjectSizeGreaterThan' should be greater than or equal to 0");
  }
  if (filter.size_less_than.value_or(1) < 1) {
    return Request("'ObjectSizeLessThan' should be greater than 0");
  }
  if (filter.size_greater_than && filter.size_less_than &&
      *filter.size_greater_than >= *filter.size_less_than) {
    return Request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
  }
  return std::nullopt;
}

// What has to see every object, or what is no object, cannot look at tags and sizes.
MaybeError CheckUnfiltered(const LifecycleRule& rule, std::string_view action) {
  if (!rule.filter) return std::nullopt;
  if (!rule.filter->tags.empty()) {
    return Request(std::string(action) + " cannot be specified with Tags.");
  }
  if (rule.filter->size_greater_than || rule.filter->size_less_than) {
    return Request(std::string(action) + " cannot be specified with Object Size.");
  }
  return std::nullopt;
}

MaybeError CheckExpiration(const LifecycleRule& rule) {
  const LifecycleExpiration& expiration = *rule.expiration;
  if (expiration.days && *expiration.days <= 0) return MustBePositive("Days", "Expiration");
  if (expiration.delete_marker) {
    if (auto error = CheckUnfiltered(rule, "ExpiredObjectDeleteMarker")) return error;
  }
  return CheckDate(expiration.date_seconds);
}

MaybeError CheckNewerVersions(const std::optional<int64_t>& count, std::string_view action) {
  if (!count) return std::nullopt;
  if (*count <= 0) return MustBePositive("NewerNoncurrentVersions", action);
  if (*count <= kNewerVersionsMax) return std::nullopt;
  return Argument("'NewerNoncurrentVersions' for " + std::string(action) +
                  " action must be less than or equal to " + std::to_string(kNewerVersionsMax));
}

// "Days" of "Transition", or "NoncurrentDays" of "NoncurrentVersionTransition".
struct Names {
  std::string days;
  std::string action;
  std::string expiration;
};

MaybeError CheckTransition(const LifecycleTransition& transition, const Names& names) {
  if (RankOf(transition.storage_class) == std::size(kClasses)) return MalformedXml();
  if (auto error = CheckDate(transition.date_seconds)) return error;
  if (auto error = CheckNewerVersions(transition.newer_versions, names.action)) return error;
  if (!transition.days) return std::nullopt;
  if (*transition.days < 0) {
    return Argument("'" + names.days + "' in " + names.action + " action must be nonnegative");
  }
  if (IsInfrequent(transition.storage_class) && *transition.days < kInfrequentDaysMin) {
    return Argument("'" + names.days + "' in " + names.action +
                    " action must be greater than or equal to " +
                    std::to_string(kInfrequentDaysMin) + " for storageClass '" +
                    transition.storage_class + "'");
  }
  return std::nullopt;
}

// When: days, or the day of a date. Never both kinds in one rule.
int64_t DayOf(const std::optional<int64_t>& days, const std::optional<int64_t>& date_seconds) {
  return days ? *days : date_seconds.value_or(0) / kSecondsOfDay;
}

// Two transitions of a rule: to another class each, and the colder one later. Where objects have to
// stay for a while, the next one follows after that.
MaybeError CheckPair(const LifecycleTransition& one, const LifecycleTransition& other,
                     const Names& names, const LifecycleRule& rule) {
  if (one.storage_class == other.storage_class) {
    return Request("'StorageClass' must be different for '" + names.action +
                   "' actions in same 'Rule' with " + ForPrefix(rule).substr(4));
  }
  if (one.days.has_value() != other.days.has_value()) {
    return Request("Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule " +
                   ForPrefix(rule));
  }
  const bool in_order = RankOf(one.storage_class) < RankOf(other.storage_class);
  const LifecycleTransition& warm = in_order ? one : other;
  const LifecycleTransition& cold = in_order ? other : one;
  const int64_t apart = DayOf(cold.days, cold.date_seconds) - DayOf(warm.days, warm.date_seconds);
  const std::string field = one.days ? names.days : "Date";
  const std::string begin = "'" + field + "' in the '" + names.action +
                            "' action for StorageClass '" + cold.storage_class + "' " +
                            ForPrefix(rule) + " must be ";
  const std::string end = " '" + field + "' in the '" + names.action +
                          "' action for StorageClass '" + warm.storage_class + "'";
  if (IsInfrequent(warm.storage_class) && apart < kInfrequentDaysMin) {
    return Argument(begin + std::to_string(kInfrequentDaysMin) + " days more than" + end);
  }
  if (apart <= 0) return Argument(begin + "greater than" + end);
  return std::nullopt;
}

MaybeError CheckTransitions(const std::vector<LifecycleTransition>& transitions, const Names& names,
                            const LifecycleRule& rule) {
  for (const LifecycleTransition& transition : transitions) {
    if (auto error = CheckTransition(transition, names)) return error;
  }
  // Of six classes no two are alike, so that the seventh at the latest ends this.
  for (size_t i = 0; i < transitions.size(); ++i) {
    for (size_t j = i + 1; j < transitions.size(); ++j) {
      if (auto error = CheckPair(transitions[i], transitions[j], names, rule)) return error;
    }
  }
  return std::nullopt;
}

// What goes has moved before.
MaybeError CheckExpiresLast(const std::optional<int64_t>& days,
                            const std::optional<int64_t>& date_seconds,
                            const std::vector<LifecycleTransition>& transitions, const Names& names,
                            const LifecycleRule& rule) {
  if (!days && !date_seconds) return std::nullopt;
  for (const LifecycleTransition& transition : transitions) {
    if (days.has_value() != transition.days.has_value()) {
      return Request(
          "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle "
          "rule " +
          ForPrefix(rule));
    }
    if (DayOf(days, date_seconds) > DayOf(transition.days, transition.date_seconds)) continue;
    const std::string field = days ? names.days : "Date";
    return Argument("'" + field + "' in the " + names.expiration + " action " + ForPrefix(rule) +
                    " must be greater than '" + field + "' in the " + names.action + " action");
  }
  return std::nullopt;
}

MaybeError CheckCurrent(const LifecycleRule& rule) {
  const Names names{"Days", "Transition", "Expiration"};
  if (rule.expiration) {
    if (auto error = CheckExpiration(rule)) return error;
  }
  if (auto error = CheckTransitions(rule.transitions, names, rule)) return error;
  if (!rule.expiration) return std::nullopt;
  return CheckExpiresLast(rule.expiration->days, rule.expiration->date_seconds, rule.transitions,
                          names, rule);
}

MaybeError CheckNoncurrent(const LifecycleRule& rule) {
  const Names names{"NoncurrentDays", "NoncurrentVersionTransition", "NoncurrentVersionExpiration"};
  if (const auto& expiration = rule.noncurrent_expiration) {
    if (expiration->days <= 0) return MustBePositive(names.days, names.expiration);
    if (auto error = CheckNewerVersions(expiration->newer_versions, names.expiration)) {
      return error;
    }
  }
  if (auto error = CheckTransitions(rule.noncurrent_transitions, names, rule)) return error;
  if (!rule.noncurrent_expiration) return std::nullopt;
  return CheckExpiresLast(rule.noncurrent_expiration->days, std::nullopt,
                          rule.noncurrent_transitions, names, rule);
}

MaybeError CheckRule(const LifecycleRule& rule) {
  if (CountCodePoints(rule.id) > kIdCharactersMax) {
    return Argument("ID length should not exceed allowed limit of 255");
  }
  const std::optional<std::string>& prefix = rule.filter ? rule.filter->prefix : rule.prefix;
  if (prefix && prefix->size() > kPrefixBytesMax) {
    return Request("The maximum size of a prefix is 1024.");
  }
  if (rule.filter) {
    if (auto error = CheckFilter(*rule.filter)) return error;
  }
  if (!rule.expiration && rule.transitions.empty() && !rule.noncurrent_expiration &&
      rule.noncurrent_transitions.empty() && !rule.abort_upload_days) {
    return Request("At least one action needs to be specified in a rule.");
  }
  if (auto error = CheckCurrent(rule)) return error;
  if (auto error = CheckNoncurrent(rule)) return error;
  if (!rule.abort_upload_days) return std::nullopt;
  if (*rule.abort_upload_days <= 0) {
    return MustBePositive("DaysAfterInitiation", "AbortIncompleteMultipartUpload");
  }
  return CheckUnfiltered(rule, "AbortIncompleteMultipartUpload");
}

}  // namespace

std::optional<S3Error> CheckLifecycle(const std::vector<LifecycleRule>& rules) {
  std::set<std::string_view> ids;
  for (const LifecycleRule& rule : rules) {
    if (auto error = CheckRule(rule)) return error;
    if (!ids.insert(rule.id).second) {
      return Argument("Rule ID must be unique. Found same ID for more than one rule");
    }
  }
  return std::nullopt;
}

}  // namespace ashlar::api_gateway
