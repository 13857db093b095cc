// The names that a policy may use: services, actions of S3, condition keys.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ashlar::iam {

// What an action of S3 is done to.
enum class ActionTarget : uint8_t { kAccount, kBucket, kObject };

struct KnownAction {
  std::string_view name;  // "s3:getobject": in lower case
  ActionTarget target;
};

std::span<const KnownAction> KnownS3Actions();

// "s3", "iam", "sts"; in lower case.
bool IsKnownService(std::string_view service);

// `name` is in lower case; a key of tags carries one: "s3:existingobjecttag/team".
//
// Only keys whose absence from a request tells the truth are known: those that the gateway gives,
// and those that do not exist here (aws:SourceVpc: nothing comes from a VPC).
bool IsKnownConditionKey(std::string_view name);

// Keys that tell who or where the caller is: an Allow bound to fixed values of one is not public.
bool IsTrustedKey(std::string_view name);

}  // namespace ashlar::iam
