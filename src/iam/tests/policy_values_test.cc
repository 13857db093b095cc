#include <gtest/gtest.h>

#include "iam/policy_engine/values.h"

namespace ashlar::iam {
namespace {

TEST(PolicyValuesTest, Numbers) {
  EXPECT_EQ(ParseNumber("10"), 10);
  EXPECT_EQ(ParseNumber("+10"), 10);
  EXPECT_EQ(ParseNumber("-1.25"), -1.25);
  EXPECT_EQ(ParseNumber("007"), 7);
  for (const char* text : {"", "-", "+", "+-1", "--1", "1.", ".5", "1e3", "0x10", " 1", "1 ", "inf",
                           "nan", "1,5", "1.2.3"}) {
    EXPECT_EQ(ParseNumber(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseNumber(std::string(65, '1')), std::nullopt);
}

TEST(PolicyValuesTest, Dates) {
  EXPECT_EQ(ParseDate("1970-01-01"), 0);
  EXPECT_EQ(ParseDate("1970-01-02T00:00Z"), 86'400'000);
  EXPECT_EQ(ParseDate("1969-12-31T23:59:59Z"), -1000);
  EXPECT_EQ(ParseDate("2000-02-29T12:00:00.5Z"), 951'825'600'500);
  EXPECT_EQ(ParseDate("2000-02-29T12:00:00.1239Z"), 951'825'600'123);
  EXPECT_EQ(ParseDate("1970-01-01T02:00:00+02:00"), 0);
  EXPECT_EQ(ParseDate("1970-01-01T00:00:00-00:30"), 1'800'000);
  EXPECT_EQ(ParseDate("1372550400"), 1'372'550'400'000);
  EXPECT_EQ(ParseDate("-5"), -5000);
  for (const char* text : {"",
                           "20x0",
                           "2000-01",
                           "2000-1-1",
                           "2001-02-29",
                           "2000-00-10",
                           "2000-01-32",
                           "0000-01-01",
                           "2000-01-01T",
                           "2000-01-01T00:00",
                           "2000-01-01T00:00:00",
                           "2000-01-01T24:00:00Z",
                           "2000-01-01T00:60:00Z",
                           "2000-01-01T00:00:60Z",
                           "2000-01-01T00:00:00.Z",
                           "2000-01-01T00:00:00+0200",
                           "2000-01-01T00:00:00+24:00",
                           "2000-01-01t00:00:00Z",
                           "2000-01-01 00:00:00Z",
                           "2000-01-01T00:00:00Zx",
                           "2000-01-01Z",
                           "1234567890123",
                           "+5"}) {
    EXPECT_EQ(ParseDate(text), std::nullopt) << text;
  }
}

TEST(PolicyValuesTest, Base64) {
  EXPECT_EQ(ParseBase64(""), "");
  EXPECT_EQ(ParseBase64("aGk="), "hi");
  EXPECT_EQ(ParseBase64("aGlo"), "hih");
  EXPECT_EQ(ParseBase64("aA=="), "h");
  for (const char* text : {"a", "aG=", "aGk", "a===", "====", "aGl=", "aB==", "aG k", "a=Gk"}) {
    EXPECT_EQ(ParseBase64(text), std::nullopt) << text;
  }
}

bool Covers(const char* network, const char* address) {
  const auto parsed = ParseNetwork(network);
  const auto inside = ParseAddress(address);
  EXPECT_TRUE(parsed && inside) << network << " " << address;
  return parsed && inside && Contains(*parsed, *inside);
}

TEST(PolicyValuesTest, Networks) {
  EXPECT_TRUE(Covers("10.0.0.0/8", "10.255.0.1"));
  EXPECT_TRUE(Covers("10.77.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(Covers("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(Covers("192.168.1.128/25", "192.168.1.129"));
  EXPECT_FALSE(Covers("192.168.1.128/25", "192.168.1.127"));
  EXPECT_TRUE(Covers("1.2.3.4", "::ffff:1.2.3.4"));
  EXPECT_TRUE(Covers("::ffff:102:304", "1.2.3.4"));
  EXPECT_FALSE(Covers("::/0", "1.2.3.4"));
  EXPECT_FALSE(Covers("0.0.0.0/0", "::1"));
  EXPECT_TRUE(Covers("::", "0:0:0:0:0:0:0:0"));
  EXPECT_TRUE(Covers("2001:db8::/32", "2001:DB8:ffff::1"));
  EXPECT_FALSE(Covers("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(Covers("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"));
  EXPECT_TRUE(Covers("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"));
  EXPECT_TRUE(Covers("64:ff9b::1.2.3.4", "64:ff9b::102:304"));
  for (const char* text : {"",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.4/33",
                           "1.2.3.4/",
                           "1.2.3.4/-1",
                           "1.2.3.4/08",
                           "1.2.3.4/8/8",
                           "1..3.4",
                           ":",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "1.2.3.4::",
                           "::1.2.3",
                           "::1.2.3.4:5",
                           "fe80::1%eth0",
                           "::/129",
                           "1:",
                           ":1",
                           " ::1"}) {
    EXPECT_FALSE(ParseNetwork(text).has_value()) << text;
  }
  EXPECT_FALSE(ParseAddress("1.2.3.4/32").has_value());
}

}  // namespace
}  // namespace ashlar::iam
