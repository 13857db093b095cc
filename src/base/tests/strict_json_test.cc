#include "base/strict_json.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(StrictJson, DepthIsCountedOutsideOfTexts) {
  EXPECT_TRUE(IsShallowJson(R"({"a":[1,{"b":2}]})", 3));
  EXPECT_FALSE(IsShallowJson(R"({"a":[1,{"b":2}]})", 2));
  EXPECT_TRUE(IsShallowJson(R"(["[[[[", "\"[[[["])", 1));
  EXPECT_TRUE(IsShallowJson(R"([[],[],[]])", 2));
}

TEST(StrictJson, NoNameTwiceInOneObject) {
  const auto reads = [](std::string_view text, JsonNames names) {
    return ParseStrictJson(text, names).has_value();
  };
  EXPECT_TRUE(reads(R"({"a":1,"b":{"a":2}})", JsonNames::kExact));
  EXPECT_FALSE(reads(R"({"a":1,"a":1})", JsonNames::kExact));
  EXPECT_FALSE(reads(R"([{"b":{"a":1,"a":2}}])", JsonNames::kExact));
  EXPECT_TRUE(reads(R"({"a":1,"A":2})", JsonNames::kExact));
  EXPECT_FALSE(reads(R"({"a":1,"A":2})", JsonNames::kIgnoringCase));
}

TEST(StrictJson, WhatIsNoJson) {
  for (const std::string_view text :
       {std::string_view(""), std::string_view("{"), std::string_view("{}x"),
        std::string_view("{} \0", 4), std::string_view(R"({"a":1,})")}) {
    EXPECT_FALSE(ParseStrictJson(text, JsonNames::kExact)) << text;
  }
}

TEST(StrictJson, KeepsTheOrderOfTheText) {
  const auto json = ParseStrictJson(R"({"z":1,"a":2})", JsonNames::kExact);
  ASSERT_TRUE(json);
  EXPECT_EQ(json->begin().key(), "z");
}

}  // namespace
}  // namespace ashlar
