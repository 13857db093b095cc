#include "server/credentials.h"

namespace ashlar::server {
namespace {

constexpr size_t kAccessKeyLength = 20;
constexpr size_t kSecretKeyLength = 40;
constexpr char kAccessKeyName[] = "ASHLAR_ROOT_ACCESS_KEY=";
constexpr char kSecretKeyName[] = "ASHLAR_ROOT_SECRET_KEY=";

// 32 and 64 signs, so that a random byte picks one without bias.
constexpr std::string_view kAccessKeySigns = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kSecretKeySigns =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string RandomText(Random& random, std::string_view signs, size_t length) {
  std::string text(length, '\0');
  random.Fill({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  for (char& sign : text) sign = signs[static_cast<uint8_t>(sign) % signs.size()];
  return text;
}

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

  credentials.access_key = RandomText(random, kAccessKeySigns, kAccessKeyLength);
  credentials.secret_key = Secret(RandomText(random, kSecretKeySigns, kSecretKeyLength));
  credentials.source = path;
  const std::string text = std::string(kAccessKeyName) + credentials.access_key + "\n" +
                           kSecretKeyName + credentials.secret_key.Reveal() + "\n";
  CO_RETURN_IF_ERROR(co_await WriteWholeFile(disk, options.data, kCredentialsFileName, text));
  co_return credentials;
}

}  // namespace ashlar::server
