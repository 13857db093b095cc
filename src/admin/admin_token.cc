#include "admin/admin_token.h"

#include "base/bytes.h"

namespace ashlar::admin {
namespace {

constexpr size_t kTokenBytes = 32;
constexpr size_t kTokenLengthMin = 32;

bool IsWhite(char sign) { return sign == '\n' || sign == '\r' || sign == ' ' || sign == '\t'; }

}  // namespace

Task<Result<Secret>> LoadOrCreateToken(Disk& disk, Random& random, std::string folder) {
  const std::string path = folder + "/" + kTokenFileName;
  Result<std::string> content = co_await ReadWholeFile(disk, path, 4096);
  if (content.ok()) {
    std::string& token = *content;
    while (!token.empty() && IsWhite(token.back())) token.pop_back();
    if (token.size() < kTokenLengthMin) {
      co_return Status(Code::kCorrupt, path + " holds no admin token (" +
                                           std::to_string(kTokenLengthMin) +
                                           " characters or more); remove it and a new one is made");
    }
    co_return Secret(std::move(token));
  }
  if (content.code() != Code::kNotFound) co_return content.status();
  uint8_t bytes[kTokenBytes];
  random.Fill(bytes);
  Secret token(HexEncode(bytes));
  CO_RETURN_IF_ERROR(co_await WriteWholeFile(disk, folder, kTokenFileName, token.Reveal() + "\n"));
  co_return token;
}

}  // namespace ashlar::admin
