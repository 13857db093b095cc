// ashlar-seed: fills the metadata of a stopped store with millions of keys, for measurements.
//
// Each key is a copy of one object that was put through the server (same manifest, shared extent),
// so every key can be listed, read and deleted. The keys go through MetadataDb's own transactions,
// in batches, in shuffled order: the database looks as after real writes, only sooner.
//
// For stores that are thrown away: the replication outbox is trimmed behind the seeding, so the
// store's metadata journal does not know of the keys.
//
// Exit code: 0 done, 1 the store refused, 2 wrong usage.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "metadata_db/metadata_db.h"
#include "metadata_db/ordered_store.h"
#include "runtime/clock.h"
#include "runtime/event_loop.h"
#include "runtime/process.h"
#include "runtime/task.h"

namespace ashlar::bench {
namespace {

constexpr uint64_t kBatch = 2000;
constexpr uint64_t kBatchesBetweenTrims = 10;
constexpr int64_t kProgressStepNs = 5'000'000'000;

struct SeedOptions {
  std::string data;
  std::string bucket;
  std::string source;
  std::string prefix = "bench/4096/";
  uint64_t keys = 1'000'000;
  uint64_t per_folder = 0;
  uint64_t versions = 1;
  bool delete_markers = false;
};

// Visits 0 .. count-1 in an order that jumps about, each once.
class Shuffle {
 public:
  explicit Shuffle(uint64_t count) : count_(count), step_(count * 618 / 1000 + 1) {
    while (std::gcd(step_, count_) != 1) ++step_;
  }
  uint64_t At(uint64_t index) const { return index * step_ % count_; }

 private:
  uint64_t count_;
  uint64_t step_;  // below 1.6 times the count: no overflow below 3 billion keys
};

// The names that ashlar-bench gives (<prefix><number in ten digits>), in folders when wanted.
std::string KeyOf(const SeedOptions& options, uint64_t number) {
  char name[48];
  if (options.per_folder == 0) {
    std::snprintf(name, sizeof name, "%010llu", static_cast<unsigned long long>(number));
  } else {
    std::snprintf(name, sizeof name, "%06llu/%010llu",
                  static_cast<unsigned long long>(number / options.per_folder),
                  static_cast<unsigned long long>(number));
  }
  return options.prefix + name;
}

class Seeder {
 public:
  Seeder(const SeedOptions& options, metadata_db::MetadataDb& metadata)
      : options_(options), metadata_(metadata), order_(options.keys) {}

  Task<Status> Run() {
    CO_ASSIGN_OR_RETURN(auto bucket, co_await metadata_.GetBucket(options_.bucket));
    bucket_ = bucket->id;
    CO_ASSIGN_OR_RETURN(source_, co_await metadata_.GetCurrent(bucket_, options_.source));
    if (options_.versions > 1 || options_.delete_markers) {
      CO_RETURN_IF_ERROR(
          (co_await metadata_.SetVersioning(options_.bucket, model::Versioning::kEnabled))
              .status());
    }
    began_ns_ = SystemClock().MonotonicNanoseconds();
    total_ = options_.keys * (options_.versions + (options_.delete_markers ? 1 : 0));
    for (uint64_t round = 0; round < options_.versions; ++round) {
      CO_RETURN_IF_ERROR(co_await PutAll());
    }
    if (options_.delete_markers) CO_RETURN_IF_ERROR(co_await DeleteAll());
    co_return co_await metadata_.TrimOutbox(last_sequence_);
  }

 private:
  Task<Status> PutAll() {
    for (uint64_t first = 0; first < options_.keys; first += kBatch) {
      std::vector<metadata_db::PutObjectChange> batch;
      const uint64_t end = std::min(first + kBatch, options_.keys);
      for (uint64_t i = first; i < end; ++i) {
        metadata_db::PutObjectChange change;
        change.bucket = bucket_;
        change.key = KeyOf(options_, order_.At(i));
        change.version = *source_;
        batch.push_back(std::move(change));
      }
      const auto results =
          co_await metadata_.PutObjects(metadata_db::NewExtents{}, std::move(batch));
      for (const auto& result : results) {
        CO_RETURN_IF_ERROR(result.status());
        last_sequence_ = std::max(last_sequence_, (*result)->sequence);
      }
      CO_RETURN_IF_ERROR(co_await Advance(end - first));
    }
    co_return Status::Ok();
  }

  Task<Status> DeleteAll() {
    for (uint64_t first = 0; first < options_.keys; first += kBatch) {
      std::vector<metadata_db::DeleteObjectChange> batch;
      const uint64_t end = std::min(first + kBatch, options_.keys);
      for (uint64_t i = first; i < end; ++i) {
        metadata_db::DeleteObjectChange change;
        change.key = KeyOf(options_, order_.At(i));
        batch.push_back(std::move(change));
      }
      const auto results = co_await metadata_.DeleteObjects(bucket_, std::move(batch));
      for (const auto& result : results) CO_RETURN_IF_ERROR(result.status());
      CO_RETURN_IF_ERROR(co_await Advance(end - first));
    }
    co_return Status::Ok();
  }

  Task<Status> Advance(uint64_t keys) {
    done_ += keys;
    if (++batches_ % kBatchesBetweenTrims == 0) {
      CO_RETURN_IF_ERROR(co_await metadata_.TrimOutbox(last_sequence_));
    }
    const int64_t now = SystemClock().MonotonicNanoseconds();
    if (now - last_shown_ns_ < kProgressStepNs && done_ < total_) co_return Status::Ok();
    last_shown_ns_ = now;
    const double seconds = static_cast<double>(now - began_ns_) * 1e-9;
    std::fprintf(stderr, "seeded %llu of %llu in %.0f s (%.0f a second)\n",
                 static_cast<unsigned long long>(done_), static_cast<unsigned long long>(total_),
                 seconds, static_cast<double>(done_) / seconds);
    co_return Status::Ok();
  }

  const SeedOptions& options_;
  metadata_db::MetadataDb& metadata_;
  const Shuffle order_;
  BucketId bucket_;
  std::shared_ptr<const model::ObjectVersion> source_;
  Sequence last_sequence_;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
  uint64_t batches_ = 0;
  int64_t began_ns_ = 0;
  int64_t last_shown_ns_ = 0;
};

Status Seed(const SeedOptions& options) {
  ASSIGN_OR_RETURN(const auto lock, FileLock::Acquire(options.data + "/ashlar.lock"));
  metadata_db::RocksDbOptions store_options;
  store_options.path = options.data + "/metadata";
  ASSIGN_OR_RETURN(const auto store, metadata_db::OpenRocksDbStore(store_options));
  EventLoopGroup loops(1);
  metadata_db::MetadataDb metadata(*store, SystemClock(), SystemRandom(), nullptr);
  Seeder seeder(options, metadata);
  return RunBlocking(loops, seeder.Run());
}

}  // namespace
}  // namespace ashlar::bench

int main(int argc, char** argv) {
  ashlar::bench::SeedOptions options;
  CLI::App app("Fills a stopped store with copies of one object, for measurements");
  app.add_option("--data", options.data, "Folder of the store")->required();
  app.add_option("--bucket", options.bucket, "It must exist")->required();
  app.add_option("--source", options.source, "Key of the object to copy")->required();
  app.add_option("--prefix", options.prefix, "Of the new keys")->capture_default_str();
  app.add_option("--keys", options.keys)
      ->capture_default_str()
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}));
  app.add_option("--per-folder", options.per_folder,
                 "Keys in one folder below the prefix (0: no folders)");
  app.add_option("--versions", options.versions, "Of each key; more than 1 turns versioning on")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_flag("--delete-markers", options.delete_markers, "Delete each key in the end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const ashlar::Status status = ashlar::bench::Seed(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "ashlar-seed: %s\n", std::string(status.message()).c_str());
  return 1;
}
