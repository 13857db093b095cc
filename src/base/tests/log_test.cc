// Log values cannot forge fields or lines; levels are known by name.
#include "base/log.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(LogValueTest, PlainTextStaysPlain) {
  EXPECT_EQ(LogValue("photos/2024-01.jpg"), "photos/2024-01.jpg");
}

TEST(LogValueTest, EverythingElseIsQuotedAndEscaped) {
  EXPECT_EQ(LogValue(""), "\"\"");
  EXPECT_EQ(LogValue("a b"), "\"a b\"");
  EXPECT_EQ(LogValue("k=v"), "\"k=v\"");
  EXPECT_EQ(LogValue("say \"x\\y\""), R"("say \"x\\y\"")");
  EXPECT_EQ(LogValue("one\ntime=forged"), R"("one\x0atime=forged")");
  EXPECT_EQ(LogValue(std::string_view("\0\x1b\x7f", 3)), R"("\x00\x1b\x7f")");
}

TEST(LogValueTest, NoByteValueBreaksTheLine) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string value = LogValue(std::string_view(&c, 1));
    for (const char out : value) {
      EXPECT_NE(out, '\n');
      EXPECT_NE(out, '\r');
      EXPECT_NE(out, '\0');
      EXPECT_NE(out, '\x1b');
    }
  }
}

TEST(LogLevelTest, KnownByName) {
  const auto before = spdlog::get_level();
  for (const char* name : {"trace", "debug", "info", "warn", "error"}) {
    EXPECT_TRUE(SetLogLevel(name)) << name;
  }
  EXPECT_EQ(spdlog::get_level(), spdlog::level::err);
  EXPECT_FALSE(SetLogLevel("loud"));
  EXPECT_FALSE(SetLogLevel(""));
  EXPECT_EQ(spdlog::get_level(), spdlog::level::err);
  spdlog::set_level(before);
}

TEST(LogTest, LineHasTimeLevelAndMessage) {
  const auto before = spdlog::default_logger();
  testing::internal::CaptureStderr();
  InitLog();
  spdlog::info("bucket={}", LogValue("a\nb"));
  spdlog::default_logger()->flush();
  const std::string line = testing::internal::GetCapturedStderr();
  spdlog::set_default_logger(before);
  EXPECT_EQ(line.find("time=2"), 0u) << line;
  EXPECT_NE(line.find("Z level=info bucket=\"a\\x0ab\"\n"), std::string::npos) << line;
}

}  // namespace
}  // namespace ashlar
