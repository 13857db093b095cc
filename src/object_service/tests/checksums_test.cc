#include "object_service/checksums.h"

#include <gtest/gtest.h>

namespace ashlar::object_service {
namespace {

using model::ChecksumAlgorithm;
using model::ChecksumType;

std::string Of(ChecksumAlgorithm algorithm, std::string_view text) {
  ChecksumHasher hasher(algorithm);
  hasher.Update(AsBytes(text));
  return hasher.Finish();
}

TEST(ChecksumsTest, CheckValuesOfTheStandardText) {
  EXPECT_EQ(Of(ChecksumAlgorithm::kCrc32, "123456789"), "y/Q5Jg==");
  EXPECT_EQ(Of(ChecksumAlgorithm::kCrc32c, "123456789"), "4waSgw==");
  EXPECT_EQ(Of(ChecksumAlgorithm::kCrc64Nvme, "123456789"), "rosUhgp5mIg=");
  EXPECT_EQ(Of(ChecksumAlgorithm::kSha1, "abc"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
  EXPECT_EQ(Of(ChecksumAlgorithm::kSha256, "abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  EXPECT_EQ(Of(ChecksumAlgorithm::kNone, "abc"), "");
}

TEST(ChecksumsTest, TheLengthOfATextIsKnownBefore) {
  for (const auto algorithm :
       {ChecksumAlgorithm::kNone, ChecksumAlgorithm::kCrc32, ChecksumAlgorithm::kCrc32c,
        ChecksumAlgorithm::kCrc64Nvme, ChecksumAlgorithm::kSha1, ChecksumAlgorithm::kSha256}) {
    EXPECT_EQ(ChecksumTextBytes(algorithm), Of(algorithm, "abc").size());
  }
}

TEST(ChecksumsTest, FullObjectOfPartsIsThatOfTheWhole) {
  for (const auto algorithm :
       {ChecksumAlgorithm::kCrc32, ChecksumAlgorithm::kCrc32c, ChecksumAlgorithm::kCrc64Nvme}) {
    const auto combined = CombinePartChecksums(
        algorithm, ChecksumType::kFullObject,
        {{Of(algorithm, "1234"), 4}, {Of(algorithm, ""), 0}, {Of(algorithm, "56789"), 5}});
    ASSERT_TRUE(combined.ok());
    EXPECT_EQ(combined->value, Of(algorithm, "123456789"));
  }
}

TEST(ChecksumsTest, CompositeIsOverTheRawValues) {
  const auto algorithm = ChecksumAlgorithm::kSha256;
  const auto combined = CombinePartChecksums(algorithm, ChecksumType::kComposite,
                                             {{Of(algorithm, "a"), 1}, {Of(algorithm, "b"), 1}});
  ASSERT_TRUE(combined.ok());
  std::string raw_a;
  std::string raw_b;
  ASSERT_TRUE(Base64Decode(Of(algorithm, "a"), &raw_a));
  ASSERT_TRUE(Base64Decode(Of(algorithm, "b"), &raw_b));
  EXPECT_EQ(combined->value, Of(algorithm, raw_a + raw_b) + "-2");
}

TEST(ChecksumsTest, MissingAndImpossibleCombinationsAreRefused) {
  EXPECT_EQ(
      CombinePartChecksums(ChecksumAlgorithm::kCrc32, ChecksumType::kFullObject, {{"", 1}}).code(),
      Code::kInvalidArgument);
  EXPECT_EQ(CombinePartChecksums(ChecksumAlgorithm::kSha1, ChecksumType::kFullObject,
                                 {{Of(ChecksumAlgorithm::kSha1, "a"), 1}})
                .code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace ashlar::object_service
