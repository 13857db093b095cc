// Codecs: what Encoder writes Decoder reads; texts that are not hex or base64 are refused.
#include "base/bytes.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace ashlar {
namespace {

TEST(EncoderTest, LayoutIsLittleEndian) {
  std::string out;
  Encoder encoder(&out);
  encoder.U8(0x01);
  encoder.U32(0x05040302);
  encoder.U64(0x0d0c0b0a09080706);
  encoder.BigEndian64(0x0e0f101112131415);
  EXPECT_EQ(HexEncode(AsBytes(out)), "0102030405060708090a0b0c0d0e0f101112131415");
}

TEST(EncoderTest, VarintLayout) {
  const std::pair<uint64_t, std::string_view> cases[] = {
      {0, "00"},
      {1, "01"},
      {127, "7f"},
      {128, "8001"},
      {300, "ac02"},
      {16384, "808001"},
      {std::numeric_limits<uint64_t>::max(), "ffffffffffffffffff01"}};
  for (const auto& [value, hex] : cases) {
    std::string out;
    Encoder(&out).Varint(value);
    EXPECT_EQ(HexEncode(AsBytes(out)), hex);
    Decoder decoder(out);
    EXPECT_EQ(decoder.Varint(), value);
    EXPECT_TRUE(decoder.ok() && decoder.AtEnd());
  }
}

TEST(DecoderTest, ReadsWhatEncoderWrote) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 500; ++round) {
    const uint8_t u8 = static_cast<uint8_t>(random());
    const uint32_t u32 = static_cast<uint32_t>(random());
    const uint64_t u64 = random(), big = random(), varint = random() >> (random() % 64);
    const std::string text(random() % 200, static_cast<char>(random()));
    std::string out;
    Encoder encoder(&out);
    encoder.U8(u8);
    encoder.U32(u32);
    encoder.U64(u64);
    encoder.BigEndian64(big);
    encoder.Varint(varint);
    encoder.Text(text);
    encoder.Raw(AsBytes("end"));

    Decoder decoder(out);
    EXPECT_EQ(decoder.U8(), u8);
    EXPECT_EQ(decoder.U32(), u32);
    EXPECT_EQ(decoder.U64(), u64);
    EXPECT_EQ(decoder.BigEndian64(), big);
    EXPECT_EQ(decoder.Varint(), varint);
    EXPECT_EQ(decoder.Text(), text);
    EXPECT_EQ(decoder.remaining(), 3u);
    EXPECT_EQ(decoder.Raw(3), "end");
    ASSERT_TRUE(decoder.ok() && decoder.AtEnd());

    // Cut anywhere, the same reads fail and never read beyond the end.
    const std::string cut = out.substr(0, random() % out.size());
    Decoder short_decoder(cut);
    short_decoder.U8();
    short_decoder.U32();
    short_decoder.U64();
    short_decoder.BigEndian64();
    short_decoder.Varint();
    short_decoder.Text();
    short_decoder.Raw(3);
    ASSERT_FALSE(short_decoder.ok());
  }
}

TEST(DecoderTest, AfterAFailureEverythingIsEmpty) {
  Decoder decoder("abc");
  EXPECT_EQ(decoder.U32(), 0u);
  EXPECT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.U8(), 0);
  EXPECT_EQ(decoder.Raw(1), "");
  EXPECT_FALSE(decoder.ok());
}

TEST(DecoderTest, TextLongerThanTheInput) {
  Decoder decoder(
      "\x05"
      "abcd");
  EXPECT_EQ(decoder.Text(), "");
  EXPECT_FALSE(decoder.ok());
  std::string huge;
  Encoder(&huge).Varint(std::numeric_limits<uint64_t>::max());
  Decoder huge_decoder(huge);
  EXPECT_EQ(huge_decoder.Text(), "");
  EXPECT_FALSE(huge_decoder.ok());
}

TEST(DecoderTest, VarintBeyond64BitsIsRefused) {
  std::string hex_ten_bytes, hex_eleven_bytes;
  ASSERT_TRUE(HexDecode("ffffffffffffffffff02", &hex_ten_bytes));
  ASSERT_TRUE(HexDecode("8080808080808080808001", &hex_eleven_bytes));
  for (const std::string& bytes : {hex_ten_bytes, hex_eleven_bytes}) {
    Decoder decoder(bytes);
    decoder.Varint();
    EXPECT_FALSE(decoder.ok());
  }
}

TEST(HexTest, RoundTripAndRefusal) {
  std::string out = "before";
  EXPECT_TRUE(HexDecode("00fFAb9a", &out));
  EXPECT_EQ(HexEncode(AsBytes(out)), "00ffab9a");
  EXPECT_TRUE(HexDecode("", &out));
  EXPECT_EQ(out, "");
  for (const char* wrong : {"0", "0g", "g0", "00 1", " 00", "0x00"}) {
    EXPECT_FALSE(HexDecode(wrong, &out)) << wrong;
    EXPECT_EQ(out, "");
  }
}

TEST(Base64Test, Rfc4648Vectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(Base64Encode(AsBytes(plain)), encoded);
    std::string decoded;
    EXPECT_TRUE(Base64Decode(encoded, &decoded)) << encoded;
    EXPECT_EQ(decoded, plain);
  }
}

TEST(Base64Test, EveryByteRoundTrips) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  for (size_t size = 0; size <= all.size(); ++size) {
    const std::string plain = all.substr(all.size() - size);
    std::string decoded;
    ASSERT_TRUE(Base64Decode(Base64Encode(AsBytes(plain)), &decoded));
    ASSERT_EQ(decoded, plain);
  }
}

TEST(Base64Test, RefusesWhatIsNotCanonical) {
  std::string out;
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zg==\n", "Zg ==", "Z===", "====", "Zg==Zg==", "Zh==",
                            "Zm9=", "Zm-v", "Zm_v", "=Zg=", "Zm9v\xff\xff\xff\xff"}) {
    EXPECT_FALSE(Base64Decode(wrong, &out)) << wrong;
    EXPECT_EQ(out, "");
  }
}

}  // namespace
}  // namespace ashlar
