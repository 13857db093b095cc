// The signing key of AWS Signature Version 4 and a bounded cache of such keys.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/digest.h"
#include "base/secret.h"
#include "runtime/pooled.h"

namespace ashlar::api_gateway {

// HMAC chain over date ("20130524"), region, service and "aws4_request": four HMACs.
[[nodiscard]] Sha256Digest DeriveSigningKey(const Secret& secret, std::string_view date,
                                            std::string_view region,
                                            std::string_view service = "s3");

// Remembers signing keys of S3 by access key, date and region. An entry answers only for the very
// secret that made it: a key whose secret was changed, or that was deleted and created again, never
// gets the old one. Thread-safe; at most `capacity` entries, any entry may be dropped at any time.
class SigningKeyCache {
 public:
  explicit SigningKeyCache(size_t capacity = 4096);
  ~SigningKeyCache();
  SigningKeyCache(const SigningKeyCache&) = delete;
  SigningKeyCache& operator=(const SigningKeyCache&) = delete;

  [[nodiscard]] Sha256Digest Get(std::string_view access_key, const Secret& secret,
                                 std::string_view date, std::string_view region);
  [[nodiscard]] size_t size() const;

 private:
  struct Entry {
    Secret secret;
    Sha256Digest key;
    ~Entry();
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Entry, TextHash, std::equal_to<>> entries;
  };
  static constexpr size_t kShards = 16;

  size_t capacity_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace ashlar::api_gateway
