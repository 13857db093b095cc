#include "api_gateway/protocol/bucket_name.h"

#include <algorithm>

namespace ashlar::api_gateway {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || IsDigit(c); }

// Four groups of digits: whether each is at most 255 does not matter, the form is reserved.
bool LooksLikeIpv4(std::string_view name) {
  return std::count(name.begin(), name.end(), '.') == 3 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c == '.' || IsDigit(c); });
}

}  // namespace

bool IsValidBucketName(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) return false;
  if (!IsLetterOrDigit(name.front()) || !IsLetterOrDigit(name.back())) return false;
  char before = '\0';
  for (const char c : name) {
    if (!IsLetterOrDigit(c) && c != '.' && c != '-') return false;
    if (c == '.' && before == '.') return false;
    before = c;
  }
  if (LooksLikeIpv4(name)) return false;
  for (const std::string_view prefix : {"xn--", "sthree-", "amzn-s3-demo-"}) {
    if (name.starts_with(prefix)) return false;
  }
  for (const std::string_view suffix : {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}) {
    if (name.ends_with(suffix)) return false;
  }
  return true;
}

}  // namespace ashlar::api_gateway
