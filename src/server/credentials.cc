#include "server/credentials.h"

#include <array>

#include "iam/account_store.h"

namespace ashlar::server {
namespace {

constexpr char kAccessKeyName[] = "ASHLAR_ROOT_ACCESS_KEY=";
constexpr char kSecretKeyName[] = "ASHLAR_ROOT_SECRET_KEY=";

Result<RootCredentials> Parse(const std::string& content, const std::string& path) {
  RootCredentials credentials;
  size_t begin = 0;
  while (begin < content.size()) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    const std::string line = content.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with(kAccessKeyName)) {
      credentials.access_key = line.substr(sizeof(kAccessKeyName) - 1);
    } else if (line.starts_with(kSecretKeyName)) {
      credentials.secret_key = Secret(line.substr(sizeof(kSecretKeyName) - 1));
    }
  }
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return Status(Code::kCorrupt, path + " holds no root keys; restore it, or set " +
                                      "ASHLAR_ROOT_ACCESS_KEY and ASHLAR_ROOT_SECRET_KEY");
  }
  credentials.source = path;
  return credentials;
}

}  // namespace

Task<Result<RootCredentials>> LoadOrCreateCredentials(Disk& disk, Random& random,
                                                      const ServerOptions& options) {
  RootCredentials credentials;
  if (!options.root_access_key.empty() || !options.root_secret_key.empty()) {
    if (options.root_access_key.size() < 3 || options.root_secret_key.Reveal().size() < 8) {
      co_return Status(Code::kInvalidArgument,
                       "ASHLAR_ROOT_ACCESS_KEY (3 characters or more) and ASHLAR_ROOT_SECRET_KEY "
                       "(8 or more) must be set together");
    }
    credentials.access_key = options.root_access_key;
    credentials.secret_key = options.root_secret_key;
    credentials.source = "the environment or command line";
    co_return credentials;
  }
  const std::string path = options.data + "/" + kCredentialsFileName;
  const Result<std::string> content = co_await ReadWholeFile(disk, path, 4096);
  if (content.ok()) co_return Parse(*content, path);
  if (content.code() != Code::kNotFound) co_return content.status();

  credentials.access_key = iam::NewAccessKeyId(random);
  credentials.secret_key = Secret(iam::NewSecretKey(random));
  credentials.source = path;
  const std::string text = std::string(kAccessKeyName) + credentials.access_key + "\n" +
                           kSecretKeyName + credentials.secret_key.Reveal() + "\n";
  CO_RETURN_IF_ERROR(co_await WriteWholeFile(disk, options.data, kCredentialsFileName, text));
  co_return credentials;
}

Task<Result<Secret>> LoadOrCreateSealingKey(Disk& disk, Random& random,
                                            metadata_db::MetadataDb& metadata, std::string data) {
  const std::string path = data + "/" + kSealingKeyFileName;
  const Result<std::string> content = co_await ReadWholeFile(disk, path, 4096);
  if (content.ok()) {
    std::string key;
    if (content->size() != 2 * iam::kSealingKeyBytes + 1 ||
        !HexDecode(std::string_view(*content).substr(0, 2 * iam::kSealingKeyBytes), &key)) {
      co_return Status(Code::kCorrupt, path + " holds no key; restore it from your backup");
    }
    co_return Secret(std::move(key));
  }
  if (content.code() != Code::kNotFound) co_return content.status();
  const auto accounts = co_await metadata.GetSetting(iam::kAccountsSetting);
  if (accounts.ok()) {
    co_return Status(Code::kCorrupt,
                     path +
                         " is missing: it opens the secrets of the store's users. Restore it "
                         "from your backup");
  }
  if (accounts.code() != Code::kNotFound) co_return accounts.status();
  std::array<uint8_t, iam::kSealingKeyBytes> key{};
  random.Fill(key);
  CO_RETURN_IF_ERROR(
      co_await WriteWholeFile(disk, data, kSealingKeyFileName, HexEncode(key) + "\n"));
  co_return Secret(std::string(AsText(key)));
}

}  // namespace ashlar::server
