#include "admin/facts/host_facts.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

namespace ashlar::admin {
namespace {

bool ReadableByOthers(const std::string& path) {
  using std::filesystem::perms;
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  constexpr perms kOthers = perms::group_all | perms::others_all;
  return !error && (status.permissions() & kOthers) != perms::none;
}

// Of the first certificate of the chain: the server's own.
std::optional<int64_t> SecondsLeft(const std::string& path) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(path.c_str(), "r"), BIO_free);
  if (file == nullptr) return std::nullopt;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), X509_free);
  int days = 0;
  int seconds = 0;
  if (certificate == nullptr ||
      ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get())) != 1) {
    return std::nullopt;
  }
  return int64_t{days} * 24 * 3600 + seconds;
}

}  // namespace

HostFacts ReadHostFacts(const std::string& token_path, const std::string& certificate_path) {
  HostFacts facts;
  facts.runs_as_root = geteuid() == 0;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.open_files_limit = limit.rlim_cur;
  facts.token_readable_by_others = ReadableByOthers(token_path);
  if (!certificate_path.empty()) facts.certificate_seconds_left = SecondsLeft(certificate_path);
  return facts;
}

}  // namespace ashlar::admin
