// Whole runs: the same seed is the same run, and what was found once stays found.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/log.h"
#include "run.h"

namespace ashlar::sim {
namespace {

std::vector<std::string> Words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

RunResult RunLine(const std::string& line) {
  const auto settings = ParseSettings(Words(line));
  EXPECT_TRUE(settings.ok()) << line;
  return RunAll(*settings);
}

class RunTest : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
};

TEST_F(RunTest, TheSameSeedIsTheSameRun) {
  const RunResult first = RunLine("--seed 5 --operations 3000 --crash-rate 20");
  const RunResult second = RunLine("--seed 5 --operations 3000 --crash-rate 20");
  const RunResult other = RunLine("--seed 6 --operations 3000 --crash-rate 20");
  EXPECT_TRUE(first.ok());
  EXPECT_EQ(first.total.hash, second.total.hash);
  EXPECT_EQ(first.total.steps, second.total.steps);
  EXPECT_NE(first.total.hash, other.total.hash);
}

TEST_F(RunTest, ThingsDoHappen) {
  const RunResult result = RunLine("--seed 100 --operations 20000");
  EXPECT_TRUE(result.ok());
  EXPECT_GT(result.total.ok, 5000U);
  EXPECT_GT(result.total.turned_down, 500U);
  EXPECT_GT(result.total.refused, 50U);
  EXPECT_GT(result.total.crashes, 50U);
  EXPECT_GT(result.total.restarts, 20U);
  EXPECT_GT(result.total.faults, 10U);
  EXPECT_GT(result.total.checks, 50U);
}

// More bad drives than the code stands: were nothing found, the checkers would be asleep.
TEST_F(RunTest, TheCheckersAreAwake) {
  const RunResult result =
      RunLine("--code 2+1 --operations 100000 --faults power,flip,lie,misdirect,beyond");
  ASSERT_FALSE(result.ok());
  // And the line that is printed shows it again.
  const RunResult again = RunLine(result.failed.CommandLine());
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.total.violations.front().text, result.total.violations.front().text);
}

TEST_F(RunTest, RegressionsStayFixed) {
  std::ifstream file(std::string(ASHLAR_SOURCE_DIR) + "/sim/regressions.txt");
  ASSERT_TRUE(file.is_open());
  int lines = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    ++lines;
    const RunResult result = RunLine(line);
    EXPECT_TRUE(result.ok()) << line << ": " << result.total.violations.front().text;
  }
  EXPECT_GT(lines, 0);
}

TEST_F(RunTest, WordsAreCheckedAndComeBack) {
  EXPECT_EQ(ParseSettings({"--code", "4"}).code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseSettings({"--faults", "gremlins"}).code(), Code::kInvalidArgument);
  const std::string line =
      "--seed 9 --operations 77 --code 2+1 --clients 3 --crash-rate 4.5 --gateway-share 0.2 "
      "--faults power,lie";
  const auto settings = ParseSettings(Words(line));
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->CommandLine(), line);
}

}  // namespace
}  // namespace ashlar::sim
