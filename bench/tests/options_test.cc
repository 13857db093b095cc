#include "load/options.h"

#include <gtest/gtest.h>

#include <vector>

#include "load/units.h"

namespace ashlar::bench {
namespace {

TEST(Units, Sizes) {
  EXPECT_EQ(ParseSize("0"), 0u);
  EXPECT_EQ(ParseSize("17"), 17u);
  EXPECT_EQ(ParseSize("4KiB"), 4096u);
  EXPECT_EQ(ParseSize("4k"), 4096u);
  EXPECT_EQ(ParseSize("4 KB"), 4000u);
  EXPECT_EQ(ParseSize("1.5MiB"), 1572864u);
  EXPECT_EQ(ParseSize("64mib"), uint64_t{64} << 20);
  EXPECT_EQ(ParseSize("5GiB"), uint64_t{5} << 30);
  EXPECT_EQ(ParseSize("2TB"), 2'000'000'000'000u);
  for (const char* bad : {"", "KiB", "-4", "4X", "4KiBB", "1.2.3", "4iB", "1e3", "99999999TiB"}) {
    EXPECT_FALSE(ParseSize(bad)) << bad;
  }
}

TEST(Units, Durations) {
  EXPECT_EQ(ParseDuration("10"), 10'000'000'000);
  EXPECT_EQ(ParseDuration("10s"), 10'000'000'000);
  EXPECT_EQ(ParseDuration("1.5ms"), 1'500'000);
  EXPECT_EQ(ParseDuration("250us"), 250'000);
  EXPECT_EQ(ParseDuration("7ns"), 7);
  EXPECT_EQ(ParseDuration("2m"), 120'000'000'000);
  EXPECT_EQ(ParseDuration("1h"), 3'600'000'000'000);
  for (const char* bad : {"", "s", "-1s", "1d", "1ss", "1 0s", "9999999h"}) {
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  }
}

TEST(Units, Printing) {
  EXPECT_EQ(FormatSize(17), "17 B");
  EXPECT_EQ(FormatSize(4096), "4 KiB");
  EXPECT_EQ(FormatSize(1572864), "1.5 MiB");
  EXPECT_EQ(FormatDuration(870), "870 ns");
  EXPECT_EQ(FormatDuration(12'345), "12.3 us");
  EXPECT_EQ(FormatDuration(1.234e9), "1.23 s");
}

TEST(Endpoint, Forms) {
  EXPECT_EQ(Endpoint::Parse("http://127.0.0.1:9000")->HostHeader(), "127.0.0.1:9000");
  EXPECT_EQ(Endpoint::Parse("http://host/")->HostHeader(), "host");
  EXPECT_EQ(Endpoint::Parse("https://host")->port, "443");
  EXPECT_EQ(Endpoint::Parse("https://host:443")->HostHeader(), "host");
  EXPECT_EQ(Endpoint::Parse("http://[::1]:9000")->HostHeader(), "[::1]:9000");
  EXPECT_TRUE(Endpoint::Parse("https://host")->tls);
  for (const char* bad :
       {"", "host:9000", "ftp://host", "http://", "http://host:", "http://host:9x",
        "http://user@host", "http://host/path", "http://[::1", "http://h:1234567"}) {
    EXPECT_FALSE(Endpoint::Parse(bad)) << bad;
  }
}

TEST(Mix, Weights) {
  const auto mix = ParseMix("get:70,put:29.5,list:0.5");
  ASSERT_TRUE(mix);
  ASSERT_EQ(mix->size(), 3u);
  EXPECT_EQ((*mix)[1].operation, Operation::kPut);
  EXPECT_EQ((*mix)[1].weight, 29.5);
  for (const char* bad : {"", "get", "get:", "get:0", "get:-1", "got:1", "get:1x"}) {
    EXPECT_FALSE(ParseMix(bad)) << bad;
  }
}

ParsedCommandLine Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "ashlar-bench");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLine, RunWithEverything) {
  const auto parsed = Parse({"run",
                             "--access-key",
                             "a",
                             "--secret-key",
                             "s",
                             "--bucket",
                             "b",
                             "--op",
                             "range-get",
                             "--size",
                             "64MiB",
                             "--range-size",
                             "64KiB",
                             "--duration",
                             "3s",
                             "--warmup",
                             "0s",
                             "--rate",
                             "100",
                             "--poisson",
                             "--objects",
                             "5",
                             "--verify-percent",
                             "50"});
  ASSERT_TRUE(parsed.options);
  EXPECT_EQ(parsed.options->context.object_bytes, uint64_t{64} << 20);
  EXPECT_EQ(parsed.options->duration_ns, 3'000'000'000);
  EXPECT_EQ(parsed.options->warmup_ns, 0);
  EXPECT_EQ(parsed.options->workload.verify_fraction, 0.5);
  EXPECT_EQ(parsed.options->workload.operations.front().operation, Operation::kRangeGet);
  EXPECT_TRUE(parsed.options->poisson);
  EXPECT_TRUE(parsed.options->tls.verify);
}

TEST(CommandLine, Defaults) {
  const auto run = Parse({"run", "--access-key", "a", "--secret-key", "s", "--bucket", "b"});
  ASSERT_TRUE(run.options);
  EXPECT_EQ(run.options->duration_ns, 10'000'000'000);
  EXPECT_EQ(run.options->workload.objects, 1000u);
  EXPECT_TRUE(run.options->create_bucket);
  const auto put =
      Parse({"run", "--op", "put", "--access-key", "a", "--secret-key", "s", "--bucket", "b"});
  EXPECT_EQ(put.options->workload.objects, 0u);
  const auto clean = Parse({"clean", "--access-key", "a", "--secret-key", "s", "--bucket", "b",
                            "--objects", "9", "--insecure"});
  ASSERT_TRUE(clean.options);
  EXPECT_EQ(clean.options->requests, 9u);
  EXPECT_FALSE(clean.options->create_bucket);
  EXPECT_FALSE(clean.options->tls.verify);
}

TEST(CommandLine, Refusals) {
  const std::vector<const char*> keys = {"run", "--access-key", "a", "--secret-key",
                                         "s",   "--bucket",     "b"};
  const std::vector<std::vector<const char*>> wrong = {
      {"--size", "4X"},
      {"--duration", "fast"},
      {"--duration", "1s", "--requests", "5"},
      {"--endpoint", "127.0.0.1:9000"},
      {"--op", "range-get", "--size", "4KiB", "--range-size", "64KiB"},
      {"--threads", "4", "--concurrency", "2"},
      {"--op", "mixed", "--mix", "get"},
  };
  for (const auto& extra : wrong) {
    std::vector<const char*> arguments = keys;
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    const auto parsed = Parse(arguments);
    EXPECT_FALSE(parsed.options) << extra[1];
    EXPECT_EQ(parsed.exit_code, 2) << extra[1];
  }
}

}  // namespace
}  // namespace ashlar::bench
