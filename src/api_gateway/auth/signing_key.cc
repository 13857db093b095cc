#include "api_gateway/auth/signing_key.h"

#include <algorithm>

namespace ashlar::api_gateway {

Sha256Digest DeriveSigningKey(const Secret& secret, std::string_view date, std::string_view region,
                              std::string_view service) {
  const Secret first("AWS4" + secret.Reveal());
  Sha256Digest key = HmacSha256(AsBytes(first.Reveal()), AsBytes(date));
  key = HmacSha256(key, AsBytes(region));
  key = HmacSha256(key, AsBytes(service));
  return HmacSha256(key, AsBytes("aws4_request"));
}

SigningKeyCache::Entry::~Entry() {
  volatile uint8_t* bytes = key.data();
  for (size_t i = 0; i < key.size(); ++i) bytes[i] = 0;
}

SigningKeyCache::SigningKeyCache(size_t capacity)
    : capacity_per_shard_(std::max<size_t>(1, capacity / kShards)) {}
SigningKeyCache::~SigningKeyCache() = default;

Sha256Digest SigningKeyCache::Get(std::string_view access_key, const Secret& secret,
                                  std::string_view date, std::string_view region) {
  PooledString text;
  text.reserve(access_key.size() + date.size() + region.size() + 2);
  text.append(access_key).push_back('\0');
  text.append(date).push_back('\0');
  text.append(region);
  const std::string_view id(text);
  Shard& shard = shards_[TextHash()(id) % kShards];
  {
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.entries.find(id);
    if (found != shard.entries.end() &&
        ConstantTimeEqual(AsBytes(found->second.secret.Reveal()), AsBytes(secret.Reveal()))) {
      return found->second.key;
    }
  }
  const Sha256Digest key = DeriveSigningKey(secret, date, region);
  const std::lock_guard lock(shard.mutex);
  if (shard.entries.size() >= capacity_per_shard_ && !shard.entries.contains(id)) {
    shard.entries.erase(shard.entries.begin());
  }
  Entry& entry = shard.entries[std::string(id)];
  entry.secret = secret;
  entry.key = key;
  return key;
}

size_t SigningKeyCache::size() const {
  size_t total = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    total += shard.entries.size();
  }
  return total;
}

}  // namespace ashlar::api_gateway
