#include "load/probe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "load/report.h"

namespace ashlar::bench {
namespace {

TEST(Metrics, SumsOverLabels) {
  const std::string text =
      "# HELP a_total Things.\n# TYPE a_total counter\n"
      "a_total{drive=\"1\"} 10\na_total{drive=\"2\",odd=\"}\\\"{\"} 2.5e1\n"
      "a_total_more 1000\nb_total 7 1700000000\n";
  EXPECT_EQ(SumOfMetric(text, "a_total"), 35);
  EXPECT_EQ(SumOfMetric(text, "b_total"), 7);
  EXPECT_EQ(SumOfMetric(text, "a_tot"), std::nullopt);
  EXPECT_EQ(SumOfMetric(text, "c_total"), std::nullopt);
}

TEST(Stat, NameMayHoldAnything) {
  const std::string stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 3 4 20 0";
  EXPECT_EQ(CpuSecondsOfStat(stat, 100), 2.0);
  EXPECT_EQ(CpuSecondsOfStat("garbage", 100), std::nullopt);
}

TEST(ServerProbe, ReadsItsOwnProcess) {
  const ServerProbe probe(getpid(), "");
  const ServerSnapshot before = probe.Take();
  ASSERT_TRUE(before.cpu_seconds);
  ASSERT_TRUE(before.process_io[1]);
  const ServerSnapshot difference = probe.Take().Since(before);
  EXPECT_GE(*difference.cpu_seconds, 0);
  EXPECT_GE(*difference.process_io[0], 1);  // reading /proc counts
  EXPECT_FALSE(difference.counters[0]);
}

TEST(ServerProbe, SaysWhatItCouldNotReach) {
  EXPECT_NE(ServerProbe(0, "http://127.0.0.1:1/metrics").Take().problem, "");
  EXPECT_NE(ServerProbe(99999999, "").Take().problem, "");
}

TEST(Report, JsonHasNullsForTheAbsent) {
  BenchOptions options;
  options.operation_name = "put";
  RunResult result;
  result.tally.latency_ns[0].Record(2'000'000);
  result.tally.first_start_ns = 0;
  result.tally.last_end_ns = 500'000'000;
  result.tally.first_error = "a \"quote\"\n";
  result.server.counters[0] = 14;
  const std::string json = JsonOf(options, result);
  EXPECT_NE(json.find("\"rate\":2,"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("ashlar_disk_syncs_total":{"total":14,"per_op":14})"), std::string::npos);
  EXPECT_NE(json.find(R"("ashlar_metadata_syncs_total":{"total":null,"per_op":null})"),
            std::string::npos);
  EXPECT_NE(json.find(R"(a \"quote\"\u000a)"), std::string::npos);
  options.metrics_url = "x";
  EXPECT_NE(TableOf(options, result).find("n/a"), std::string::npos);
}

}  // namespace
}  // namespace ashlar::bench
