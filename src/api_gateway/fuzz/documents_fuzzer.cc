// Oracles: what a reader of documents accepts keeps the rules, and rendered again reads back the
// same.
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

#include "api_gateway/documents/cors.h"
#include "api_gateway/documents/create_bucket.h"
#include "api_gateway/documents/fixed_settings.h"
#include "api_gateway/documents/lifecycle.h"
#include "api_gateway/documents/object_lock.h"
#include "api_gateway/documents/tagging.h"
#include "api_gateway/documents/versioning.h"

namespace {

using namespace ashlar::api_gateway;  // NOLINT: a program of its own
namespace model = ashlar::model;

constexpr int64_t kNowMs = 1'700'000'000'000;

void Require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "oracle violated at line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

void TagsRoundTrip(const model::HeaderList& tags, TagsOf kind) {
  Require(tags.size() <= (kind == TagsOf::kObject ? 10U : 50U));
  const auto again = ParseTagging(RenderTagging(tags), kind);
  Require(again.ok() && *again == tags);
}

void Tagging(std::string_view body) {
  for (const TagsOf kind : {TagsOf::kObject, TagsOf::kBucket}) {
    const auto tags = ParseTagging(body, kind);
    if (tags.ok()) TagsRoundTrip(*tags, kind);
  }
  const auto header = ParseTaggingHeader(body);
  if (header.ok()) TagsRoundTrip(*header, TagsOf::kObject);
}

void NewBucket(std::string_view body) {
  const auto configuration = ParseCreateBucketConfiguration(body);
  if (!configuration.ok()) return;
  Require(configuration->location_constraint.size() <= kCreateBucketBytesMax);
  if (!configuration->tags.empty()) TagsRoundTrip(configuration->tags, TagsOf::kBucket);
}

void Versioning(std::string_view body) {
  const auto versioning = ParseVersioning(body);
  if (!versioning.ok()) return;
  Require(*versioning != model::Versioning::kNever);
  const auto again = ParseVersioning(RenderVersioning(*versioning));
  Require(again.ok() && *again == *versioning);
}

void ObjectLock(std::string_view body) {
  const auto configuration = ParseObjectLockConfiguration(body);
  if (configuration.ok()) {
    const auto again = ParseObjectLockConfiguration(RenderObjectLockConfiguration(*configuration));
    Require(again.ok() && *again == *configuration);
  }
  const auto retention = ParseRetention(body, kNowMs);
  if (retention.ok() && retention->mode != model::RetentionMode::kNone) {
    Require(retention->until_ms > kNowMs);
    const model::ObjectLock lock{.mode = retention->mode, .retain_until_ms = retention->until_ms};
    const auto again = ParseRetention(RenderRetention(lock), kNowMs);
    Require(again.ok() && again->until_ms == retention->until_ms);
    Require(MayReplaceRetention(lock, *again, kNowMs, false));
  }
  const auto hold = ParseLegalHold(body);
  if (hold.ok()) Require(*ParseLegalHold(RenderLegalHold(*hold)) == *hold);
}

void Cors(std::string_view body) {
  const auto rules = ParseCors(body);
  if (!rules.ok()) return;
  Require(!rules->empty() && rules->size() <= kCorsRulesMax);
  const auto again = ParseCors(RenderCors(*rules));
  Require(again.ok() && *again == *rules);
  for (const CorsRule& rule : *rules) {
    // "*" stands for itself too: every rule, or one before it, allows its own origin.
    CorsQuestion question;
    question.origin = rule.origins.front();
    question.method = rule.methods.front();
    Require(FindCorsRule(*rules, question) != nullptr);
  }
}

// A document has one root, so it is of one setting at most.
void FixedSettings(std::string_view body) {
  int known = 0;
  for (const FixedSetting setting : {FixedSetting::kRequestPayment, FixedSetting::kAcceleration,
                                     FixedSetting::kLogging, FixedSetting::kNotification}) {
    known += AsksForWhatHolds(setting, body).ok();
  }
  Require(known <= 1);
}

void Lifecycle(std::string_view body) {
  const auto rules = ParseLifecycle(body);
  if (!rules.ok()) return;
  Require(!rules->empty() && rules->size() <= kLifecycleRulesMax);
  for (const LifecycleRule& rule : *rules) {
    Require(!rule.id.empty() && rule.prefix.has_value() != rule.filter.has_value());
    for (const LifecycleTransition& transition : rule.transitions) {
      Require(transition.days.value_or(0) >= 0);
    }
  }
  const auto again = ParseLifecycle(RenderLifecycle(*rules));
  Require(again.ok() && *again == *rules);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Tagging(body);
  NewBucket(body);
  Versioning(body);
  ObjectLock(body);
  Cors(body);
  FixedSettings(body);
  Lifecycle(body);
  return 0;
}
