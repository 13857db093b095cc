// The condition keys of a request, as policies compare them. Built when a policy is to be asked.
//
// What a client sends cannot pass for what the server knows: names come from here alone.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api_gateway/operations/s3_context.h"

namespace ashlar::api_gateway {

class ConditionKeys {
 public:
  explicit ConditionKeys(const S3Context& context);
  // Those that every service has (aws:...).
  ConditionKeys(const HttpRequest& request, const iam::Identity* caller, std::string_view region,
                int64_t now_seconds);
  // The number of the account that owns the bucket. It must outlive the keys.
  void AddResourceAccount(std::string_view account_id);
  // s3:ExistingObjectTag/<key> of the object that the request is about.
  void AddExistingTags(const model::HeaderList& tags);

  [[nodiscard]] std::span<const iam::ContextKey> keys() const { return keys_; }

 private:
  void Add(std::string_view name, std::string_view value);
  void AddOwned(std::string name, std::string value);
  void AddCaller(const iam::Identity* caller);
  void AddTime(int64_t now_seconds);
  void AddHeader(const HttpRequest& request, std::string_view name, std::string_view key);
  void AddSignatureAge(const S3Context& context);
  void AddQuery(const HttpRequest& request);
  void AddRequestTags(const HttpRequest& request);

  std::vector<iam::ContextKey> keys_;
  std::deque<std::string> texts_;  // what keys_ point to; addresses stay
};

}  // namespace ashlar::api_gateway
