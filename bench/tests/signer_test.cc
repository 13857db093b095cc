// The examples that AWS publishes for S3 ("Authenticating Requests: Using the Authorization
// Header"), with its example credentials.
#include "load/signer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ashlar::bench {
namespace {

constexpr time_t kExampleTime = 1369353600;  // 2013-05-24T00:00:00Z
constexpr std::string_view kHost = "examplebucket.s3.amazonaws.com";
constexpr std::string_view kDate = "20130524T000000Z";
constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string SignatureOf(std::string_view method, std::string_view path, std::string_view query,
                        const std::vector<HeaderToSign>& headers, std::string_view payload_hash) {
  Signer signer({"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"});
  signer.SetTime(kExampleTime);
  const auto signature = signer.Sign({method, path, query, headers, payload_hash});
  return {signature.data(), signature.size()};
}

TEST(Signer, GetWithRange) {
  const std::vector<HeaderToSign> headers = {{"host", kHost},
                                             {"range", "bytes=0-9"},
                                             {"x-amz-content-sha256", kEmptyHash},
                                             {"x-amz-date", kDate}};
  EXPECT_EQ(SignatureOf("GET", "/test.txt", "", headers, kEmptyHash),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(Signer, PutWithBodyHash) {
  const auto hash = Hex(Sha256("Welcome to Amazon S3."));
  const std::string_view hash_text(hash.data(), hash.size());
  ASSERT_EQ(hash_text, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  const std::vector<HeaderToSign> headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                             {"host", kHost},
                                             {"x-amz-content-sha256", hash_text},
                                             {"x-amz-date", kDate},
                                             {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  EXPECT_EQ(SignatureOf("PUT", "/test%24file.text", "", headers, hash_text),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(Signer, SubresourceAndSortedQuery) {
  const std::vector<HeaderToSign> headers = {
      {"host", kHost}, {"x-amz-content-sha256", kEmptyHash}, {"x-amz-date", kDate}};
  EXPECT_EQ(SignatureOf("GET", "/", "lifecycle=", headers, kEmptyHash),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(SignatureOf("GET", "/", "max-keys=2&prefix=J", headers, kEmptyHash),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(Signer, AuthorizationHeader) {
  Signer signer({"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"});
  signer.SetTime(kExampleTime);
  EXPECT_EQ(signer.date_time(), kDate);
  const std::vector<HeaderToSign> headers = {{"host", kHost},
                                             {"range", "bytes=0-9"},
                                             {"x-amz-content-sha256", kEmptyHash},
                                             {"x-amz-date", kDate}};
  std::string value;
  signer.AppendAuthorization({"GET", "/test.txt", "", headers, kEmptyHash}, &value);
  EXPECT_EQ(value,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(Signer, KeyFollowsTheDay) {
  Signer signer({"A", "B", "us-east-1"});
  const std::vector<HeaderToSign> headers = {{"host", kHost}};
  const RequestToSign request{"GET", "/", "", headers, kEmptyHash};
  signer.SetTime(kExampleTime);
  const auto first = signer.Sign(request);
  signer.SetTime(kExampleTime + 86400);
  EXPECT_NE(signer.Sign(request), first);
  signer.SetTime(kExampleTime);
  EXPECT_EQ(signer.Sign(request), first);
}

TEST(Hmac, Rfc4231) {
  const auto hex = [](const Sha256Digest& digest) {
    const auto text = Hex(digest);
    return std::string(text.data(), text.size());
  };
  EXPECT_EQ(hex(HmacKey("Jefe").Mac("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // Test case 6: a key longer than the block is hashed first.
  EXPECT_EQ(hex(HmacKey(std::string(131, '\xaa'))
                    .Mac("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(UriEncode, LeavesOnlyUnreserved) {
  EXPECT_EQ(UriEncode("a/b c+~_-.\xc3\xa9", true), "a/b%20c%2B~_-.%C3%A9");
  EXPECT_EQ(UriEncode("a/b", false), "a%2Fb");
}

}  // namespace
}  // namespace ashlar::bench
