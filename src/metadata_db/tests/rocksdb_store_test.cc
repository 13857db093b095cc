#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "metadata_db/tests/ordered_store_contract.h"
#include "metadata_db/tests/temporary_directory.h"
#include "runtime/clock.h"
#include "runtime/failpoint.h"
#include "runtime/memory_metrics.h"

namespace ashlar::metadata_db {
namespace {

RocksDbOptions SmallOptions(const std::string& path) {
  RocksDbOptions options;
  options.path = path;
  options.block_cache_bytes = 1 << 20;
  options.memtable_bytes = 1 << 20;
  options.free_bytes_min = 0;
  return options;
}

std::unique_ptr<OrderedStore> OpenOrDie(const RocksDbOptions& options) {
  auto store = OpenRocksDbStore(options);
  EXPECT_TRUE(store.ok()) << store.status().ToString();
  CHECK(store.ok());
  return std::move(store).value();
}

class RocksFixture final : public StoreFixture {
 public:
  OrderedStore& store() override { return *store_; }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<OrderedStore> store_ = OpenOrDie(SmallOptions(directory_.path() + "/db"));
};

INSTANTIATE_TEST_SUITE_P(RocksDb, OrderedStoreContract, testing::Values(StoreFactory([] {
                           return std::make_unique<RocksFixture>();
                         })));

std::vector<TransactionBody> One(TransactionBody body) {
  std::vector<TransactionBody> bodies;
  bodies.push_back(std::move(body));
  return bodies;
}

Status PutBlocking(EventLoopGroup& loops, OrderedStore& store, const std::string& key,
                   const std::string& value) {
  return RunBlocking(loops, store.Submit(One(Putting(key, value)))).at(0);
}

class RocksDbStoreTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  EventLoopGroup loops_{2};
};

TEST_F(RocksDbStoreTest, WhatWasCommittedIsThereAfterReopening) {
  const RocksDbOptions options = SmallOptions(directory_.path() + "/db");
  {
    const auto store = OpenOrDie(options);
    // More than the memtables hold, so that tables and the log both matter.
    for (int i = 0; i < 40; ++i) {
      ASSERT_TRUE(PutBlocking(loops_, *store, "k" + std::to_string(i),
                              std::string(100'000, static_cast<char>('a' + i % 26)))
                      .ok());
    }
  }
  const auto store = OpenOrDie(options);
  for (int i = 0; i < 40; ++i) {
    const auto row = RunBlocking(loops_, store->Get("k" + std::to_string(i)));
    ASSERT_TRUE(row.ok());
    EXPECT_EQ(**row, std::string(100'000, static_cast<char>('a' + i % 26)));
  }
}

TEST_F(RocksDbStoreTest, ASecondOpenSaysThatItIsInUse) {
  const RocksDbOptions options = SmallOptions(directory_.path() + "/db");
  const auto store = OpenOrDie(options);
  const auto second = OpenRocksDbStore(options);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.code(), Code::kUnavailable);
  EXPECT_NE(second.status().message().find("another process"), std::string::npos)
      << second.status().message();
}

TEST_F(RocksDbStoreTest, OpeningWhereNothingCanBeIsAClearError) {
  std::ofstream(directory_.path() + "/file") << "x";
  const auto store = OpenRocksDbStore(SmallOptions(directory_.path() + "/file"));
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.status().message().find("cannot open the metadata database"), std::string::npos);
}

double Syncs() { return MetricCounter("ashlar_metadata_syncs_total", "").Value(); }

TEST_F(RocksDbStoreTest, OneSyncACommitAndNoneWithoutWrites) {
  const auto store = OpenOrDie(SmallOptions(directory_.path() + "/db"));
  const double before = Syncs();
  std::vector<TransactionBody> bodies;
  for (int i = 0; i < 100; ++i) bodies.push_back(Putting("k" + std::to_string(i), "v"));
  (void)RunBlocking(loops_, store->Submit(std::move(bodies)));
  EXPECT_EQ(Syncs() - before, 1);
  (void)RunBlocking(loops_,
                    store->Submit(One([](Transaction& t) { return t.Get("k1").status(); })));
  (void)RunBlocking(loops_, store->Submit(One([](Transaction& t) {
    t.Put("k", "v");
    return Status(Code::kConflict, "");
  })));
  EXPECT_EQ(Syncs() - before, 1);
}

Task<void> SubmitInto(OrderedStore* store, TransactionBody body, Duration patience, Status* out) {
  std::vector<TransactionBody> bodies;
  bodies.push_back(std::move(body));
  *out = (co_await store->Submit(std::move(bodies), patience)).at(0);
}

class RocksDbPatienceTest : public RocksDbStoreTest {
 protected:
  // Long enough that only company, or the end of the store, can be what ends it.
  static constexpr Duration kLong = std::chrono::minutes(10);

  // Spawned and in the queue.
  void SubmitPatiently(const std::string& key, Duration patience, Status* answer) {
    MetricGauge("ashlar_metadata_queued_transactions", "").Set(0);
    scope_.Spawn(loops_.loop(0), SubmitInto(store_.get(), Putting(key, "v"), patience, answer));
    while (MetricGauge("ashlar_metadata_queued_transactions", "").Value() == 0) usleep(100);
  }

  std::unique_ptr<OrderedStore> store_ = OpenOrDie(SmallOptions(directory_.path() + "/db"));
  TaskScope scope_;
};

TEST_F(RocksDbPatienceTest, AloneItIsDurableWhenItIsOver) {
  const double before = Syncs();
  const int64_t begin = SystemClock().MonotonicNanoseconds();
  const auto patience = std::chrono::milliseconds(50);
  ASSERT_TRUE(RunBlocking(loops_, store_->Submit(One(Putting("a", "v")), patience)).at(0).ok());
  EXPECT_GE(SystemClock().MonotonicNanoseconds() - begin, Duration(patience).count());
  EXPECT_EQ(Syncs() - before, 1);
  store_.reset();
  store_ = OpenOrDie(SmallOptions(directory_.path() + "/db"));
  EXPECT_TRUE(RunBlocking(loops_, store_->Get("a"))->has_value());
  loops_.RunToCompletion(scope_.Join());
}

TEST_F(RocksDbPatienceTest, WithCompanyItCausesNoSync) {
  const double before = Syncs();
  Status first(Code::kInternal, "no answer");
  Status second = first;
  SubmitPatiently("first", kLong, &first);
  SubmitPatiently("second", kLong, &second);
  EXPECT_EQ(Syncs() - before, 0);
  ASSERT_TRUE(PutBlocking(loops_, *store_, "hasty", "v").ok());
  loops_.RunToCompletion(scope_.Join());
  EXPECT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(Syncs() - before, 1);
  EXPECT_TRUE(RunBlocking(loops_, store_->Get("second"))->has_value());
}

TEST_F(RocksDbPatienceTest, ACommitThatFailsFailsIt) {
  Status answer;
  SubmitPatiently("patient", kLong, &answer);
  ASSERT_TRUE(ArmFailpoints("metadata.before_commit=error@1").ok());
  EXPECT_EQ(PutBlocking(loops_, *store_, "hasty", "v").code(), Code::kUnavailable);
  ASSERT_TRUE(ArmFailpoints("").ok());
  loops_.RunToCompletion(scope_.Join());
  EXPECT_EQ(answer.code(), Code::kUnavailable);
}

TEST_F(RocksDbPatienceTest, TheEndOfTheStoreNeitherWaitsNorLosesIt) {
  Status answer(Code::kInternal, "no answer");
  SubmitPatiently("patient", kLong, &answer);
  store_.reset();
  loops_.RunToCompletion(scope_.Join());
  EXPECT_TRUE(answer.ok()) << answer.ToString();
  store_ = OpenOrDie(SmallOptions(directory_.path() + "/db"));
  EXPECT_TRUE(RunBlocking(loops_, store_->Get("patient"))->has_value());
}

TEST_F(RocksDbStoreTest, ReadsThatNeedTheDiskGiveTheSameAnswer) {
  RocksDbOptions options = SmallOptions(directory_.path() + "/db");
  options.block_cache_bytes = 1 << 14;
  {
    const auto store = OpenOrDie(options);
    std::vector<TransactionBody> bodies;
    for (int i = 0; i < 2000; ++i) {
      bodies.push_back(Putting("k" + std::to_string(i), std::string(2000, 'v')));
    }
    (void)RunBlocking(loops_, store->Submit(std::move(bodies)));
  }
  const auto store = OpenOrDie(options);
  for (int i = 0; i < 2000; i += 7) {
    const auto row = RunBlocking(loops_, store->Get("k" + std::to_string(i)));
    ASSERT_TRUE(row.ok()) << row.status().ToString();
    EXPECT_EQ((*row)->size(), 2000U);
  }
  EXPECT_EQ(*RunBlocking(loops_, store->Get("absent")), std::nullopt);
}

// A store whose last table is not open: the engine opens two at its start when it may have few.
TEST_F(RocksDbStoreTest, ATableThatIsNotOpenYetGivesTheSameAnswers) {
  RocksDbOptions options = SmallOptions(directory_.path() + "/db");
  options.open_files_max = 20;
  constexpr int kTables = 3;  // a fourth would have them compacted
  constexpr int kKeys = 100;
  const auto key_of = [](int table, int key) {
    return "k" + std::to_string(key) + "/" + std::to_string(table);
  };
  // What the log holds becomes a table when it is opened again.
  for (int table = 0; table < kTables; ++table) {
    const auto store = OpenOrDie(options);
    for (int key = 0; key < kKeys; ++key) {
      ASSERT_TRUE(PutBlocking(loops_, *store, key_of(table, key), "value").ok());
    }
  }
  for (const bool there : {true, false}) {
    const auto store = OpenOrDie(options);
    for (int table = kTables; table-- > 0;) {
      for (int key = 0; key < kKeys; ++key) {
        const std::string name = key_of(table, key) + (there ? "" : "x");
        const auto row = RunBlocking(loops_, store->Get(name));
        ASSERT_TRUE(row.ok()) << name;
        ASSERT_EQ(row->has_value(), there) << name;
        ASSERT_EQ(row->value_or("value"), "value") << name;
      }
    }
  }
}

TEST_F(RocksDbStoreTest, BlocksGiveWayToMemtablesWithinOneCapacity) {
  RocksDbOptions options = SmallOptions(directory_.path() + "/db");
  options.block_cache_bytes = 8 << 20;
  const auto store = OpenOrDie(options);
  for (int round = 0; round < 8; ++round) {
    std::vector<TransactionBody> bodies;
    for (int i = 0; i < 1000; ++i) {
      bodies.push_back(Putting(std::to_string(round * 1000 + i), std::string(2000, 'v')));
    }
    (void)RunBlocking(loops_, store->Submit(std::move(bodies)));
    (void)RenderMetrics();
    const double memtables = MemoryGauge("metadata_memtables").Value();
    EXPECT_GT(memtables, 0);
    // A batch may go beyond by its own size.
    EXPECT_LE(memtables, MemoryLimitGauge("metadata_memtables").Value() + 3e6);
    EXPECT_GE(MemoryGauge("metadata_cache").Value(), memtables / 2);
    EXPECT_LE(MemoryGauge("metadata_cache").Value(), 8 << 20);
  }
  EXPECT_EQ(MemoryLimitGauge("metadata_cache").Value(), 8 << 20);
}

TEST_F(RocksDbStoreTest, FailpointsBeforeAndAfterTheCommit) {
  const auto store = OpenOrDie(SmallOptions(directory_.path() + "/db"));
  ASSERT_TRUE(ArmFailpoints("metadata.before_commit=error@1;metadata.after_commit=error@2").ok());
  int told = 0;
  const auto body = [&told](Transaction& t) {
    t.Put("k", "v");
    t.OnCommitted([&told] { ++told; });
    return Status::Ok();
  };
  EXPECT_EQ(RunBlocking(loops_, store->Submit(One(body)))[0].code(), Code::kUnavailable);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(*RunBlocking(loops_, store->Get("k")), std::nullopt);
  EXPECT_TRUE(RunBlocking(loops_, store->Submit(One(body)))[0].ok());
  // Durable, but the answer is lost: caches are told all the same.
  EXPECT_EQ(RunBlocking(loops_, store->Submit(One(body)))[0].code(), Code::kOutcomeUnknown);
  EXPECT_EQ(told, 2);
  ASSERT_TRUE(ArmFailpoints("").ok());
}

// Commits and writes the number of each acknowledged commit into the pipe, until it is killed.
[[noreturn]] void WriteUntilKilled(const RocksDbOptions& options, int pipe) {
  EventLoopGroup loops(1);
  const auto store = OpenOrDie(options);
  for (uint32_t i = 0;; ++i) {
    std::vector<TransactionBody> bodies;
    bodies.push_back(Putting("a" + std::to_string(i), "x"));
    bodies.push_back(Putting("b" + std::to_string(i), "y"));
    for (const Status& status : RunBlocking(loops, store->Submit(std::move(bodies)))) {
      if (!status.ok()) _exit(1);
    }
    if (write(pipe, &i, sizeof(i)) != sizeof(i)) _exit(1);
  }
}

// Not a test: what the child of the next one runs. A process of its own, as a fork of a process
// with threads may not start any.
TEST(RocksDbCrashTest, DISABLED_Child) {
  const char* const path = std::getenv("ASHLAR_TEST_PATH");
  const char* const pipe = std::getenv("ASHLAR_TEST_PIPE");
  if (path == nullptr || pipe == nullptr) GTEST_SKIP() << "run by the parent only";
  WriteUntilKilled(SmallOptions(path), std::atoi(pipe));
}

pid_t StartChild(const std::string& path, int pipe) {
  const std::string path_setting = "ASHLAR_TEST_PATH=" + path;
  const std::string pipe_setting = "ASHLAR_TEST_PIPE=" + std::to_string(pipe);
  const char* const arguments[] = {"child", "--gtest_also_run_disabled_tests",
                                   "--gtest_filter=RocksDbCrashTest.DISABLED_Child", nullptr};
  const char* const environment[] = {path_setting.c_str(), pipe_setting.c_str(), nullptr};
  const pid_t child = fork();
  if (child == 0) {
    execve("/proc/self/exe", const_cast<char**>(arguments), const_cast<char**>(environment));
    _exit(127);
  }
  return child;
}

TEST(RocksDbCrashTest, WhatWasAcknowledgedSurvivesKill) {
  TemporaryDirectory directory;
  const RocksDbOptions options = SmallOptions(directory.path() + "/db");
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = StartChild(options.path, ends[1]);
    ASSERT_GT(child, 0);
    close(ends[1]);
    uint32_t last = 0;
    uint32_t acknowledged = 0;
    for (int i = 0; i < 30 + 20 * round; ++i) {
      ASSERT_EQ(read(ends[0], &last, sizeof(last)), static_cast<ssize_t>(sizeof(last)));
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(ends[0], &last, sizeof(last)) == static_cast<ssize_t>(sizeof(last))) {
    }
    close(ends[0]);
    acknowledged = last;
    EventLoopGroup loops(1);
    const auto store = OpenOrDie(options);
    for (uint32_t i = 0; i <= acknowledged; ++i) {
      for (const char* name : {"a", "b"}) {
        const auto row = RunBlocking(loops, store->Get(name + std::to_string(i)));
        ASSERT_TRUE(row.ok());
        EXPECT_TRUE(row->has_value()) << name << i << " of " << acknowledged;
      }
    }
    // The next commit may have been under way; then all of it is there or nothing.
    const std::string next = std::to_string(acknowledged + 1);
    const auto a = RunBlocking(loops, store->Get("a" + next));
    const auto b = RunBlocking(loops, store->Get("b" + next));
    EXPECT_EQ(a->has_value(), b->has_value());
  }
}

// A small file system of our own; unmounted with the object.
class SmallMount {
 public:
  explicit SmallMount(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path);
    mounted_ = mount("tmpfs", path.c_str(), "tmpfs", 0, "size=24m") == 0;
  }
  ~SmallMount() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

// Fills the rest of the file system with a file; gives the space back with the object.
class Ballast {
 public:
  explicit Ballast(std::string path) : path_(std::move(path)) {
    std::ofstream out(path_, std::ios::binary);
    const std::string block(4096, 'x');
    while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  ~Ballast() { std::filesystem::remove(path_); }

 private:
  std::string path_;
};

void RunOutOfSpace(EventLoopGroup& loops, const std::string& mount_point, uint64_t free_bytes_min,
                   bool expect_refusal) {
  RocksDbOptions options = SmallOptions(mount_point + "/db");
  options.free_bytes_min = free_bytes_min;
  std::vector<std::string> acknowledged;
  {
    auto store = OpenOrDie(options);
    ASSERT_TRUE(PutBlocking(loops, *store, "first", "1").ok());
    acknowledged.push_back("first");
    std::vector<Code> failures;
    {
      const Ballast ballast(mount_point + "/ballast");
      for (int i = 0; i < 40; ++i) {
        const std::string key = "full" + std::to_string(i);
        const Status status = PutBlocking(loops, *store, key, std::string(150'000, 'f'));
        if (status.ok()) {
          acknowledged.push_back(key);
        } else {
          failures.push_back(status.code());
        }
      }
    }
    ASSERT_FALSE(failures.empty());
    for (const Code code : failures) {
      EXPECT_TRUE(code == Code::kNoSpace || (!expect_refusal && code == Code::kOutcomeUnknown))
          << CodeName(code);
    }
    // Reads go on, and so do writes, in the same process, once there is space.
    EXPECT_EQ(*RunBlocking(loops, store->Get("first")), "1");
    Status again;
    for (int i = 0; i < 50; ++i) {
      again = PutBlocking(loops, *store, "again", "2");
      if (again.ok()) break;
      usleep(100'000);
    }
    ASSERT_TRUE(again.ok()) << again.ToString();
    acknowledged.push_back("again");
  }
  const auto store = OpenOrDie(options);
  for (const std::string& key : acknowledged) {
    EXPECT_TRUE(RunBlocking(loops, store->Get(key))->has_value()) << key;
  }
}

TEST_F(RocksDbStoreTest, ADeviceThatIsFullIsRefusedBeforeTheLog) {
  const SmallMount mount(directory_.path() + "/small");
  if (!mount.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  RunOutOfSpace(loops_, directory_.path() + "/small", 2 << 20, true);
}

TEST_F(RocksDbStoreTest, ALogWriteThatRunsOutOfSpaceIsUnknownAndTheStoreRecovers) {
  const SmallMount mount(directory_.path() + "/small");
  if (!mount.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  // A floor of 0 still demands twice the batch, which a fallocated log can break.
  RunOutOfSpace(loops_, directory_.path() + "/small", 0, false);
}

}  // namespace
}  // namespace ashlar::metadata_db
