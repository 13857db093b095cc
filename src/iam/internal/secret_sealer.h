// SecretSealer: secrets of users at rest. AES-256-GCM (OpenSSL) under a key that lies in a file
// beside the data, never in the database: a copy of the database opens no door.
//
// Sealed: base64 of a random nonce (12 bytes), the ciphertext and the tag (16). The access key's id
// is authenticated with it, so that a sealed secret cannot be moved to another key.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/status.h"
#include "iam/directory.h"
#include "runtime/clock.h"

namespace ashlar::iam {

class SecretSealer {
 public:
  // `key`: kSealingKeyBytes bytes.
  explicit SecretSealer(Secret key);

  [[nodiscard]] std::string Seal(Random& random, std::string_view key_id,
                                 const Secret& secret) const;
  // kCorrupt: damaged, moved, or sealed under another key.
  [[nodiscard]] Result<Secret> Open(std::string_view key_id, std::string_view sealed) const;

 private:
  Secret key_;
};

}  // namespace ashlar::iam
