#include "metadata_db/rocksdb/options.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

#include "metadata_db/rocksdb/failpoint_file_system.h"
#include "runtime/failpoint.h"

namespace ashlar::metadata_db {
namespace {

// Few: memtables are charged in pieces of 256 KiB, which must find room in a shard of the cache.
constexpr int kCacheShardBits = 3;
constexpr uint64_t kFilterPartBytes = 8 * 1024;
// A file of which a quarter of any 4,096 rows in sequence are deletions is compacted soon.
constexpr size_t kDeletionWindow = 4096;
constexpr size_t kDeletionsToCompact = 1024;

rocksdb::CompressionType FastCompression() {
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool has_lz4 =
      std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  return has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

}  // namespace

rocksdb::Options MakeRocksOptions(const RocksDbOptions& options) {
  rocksdb::Options result;
  result.create_if_missing = true;
  if (failpoints_armed.load()) result.env = FailpointEnv();
  // Memory: one cache, of which memtables, index and filter blocks are a part. While memtables are
  // full and on their way to the disk, blocks give way to them.
  const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes, kCacheShardBits);
  result.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(kMemtablesMax * options.memtable_bytes, cache);
  result.write_buffer_size = options.memtable_bytes;
  result.max_write_buffer_number = kMemtablesMax;
  // Most tables grow at their end (extents, referrers, outbox), and there is one writer: an insert
  // begins where the last one of its table was. A fourth less CPU a put.
  result.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  result.max_open_files = options.open_files_max;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // In parts: at a million keys a profile showed most of a put's time in reading whole filters of
  // files into the cache, for one bit each.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = kFilterPartBytes;
  table.pin_top_level_index_and_filter = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  table.block_size = 8 * 1024;
  result.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  result.compression = FastCompression();
  // A listing steps over every deletion that was not compacted away yet.
  result.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(kDeletionWindow, kDeletionsToCompact));
  result.level_compaction_dynamic_level_bytes = true;
  // One flush and one compaction at a time: the cores belong to requests.
  result.max_background_jobs = 2;
  result.max_subcompactions = 1;
  result.avoid_unnecessary_blocking_io = true;
  // The write-ahead log: files are used again, so that a commit overwrites blocks that exist and
  // its fdatasync has no file size to write. What was not synced may be torn; recovery stops there.
  result.recycle_log_file_num = 4;
  result.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  result.max_total_wal_size = 4 * options.memtable_bytes;
  result.use_fsync = false;
  // The engine's own log is for its errors only.
  result.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  result.keep_log_file_num = 2;
  result.max_log_file_size = 1 << 20;
  result.stats_dump_period_sec = 0;
  result.stats_persist_period_sec = 0;
  return result;
}

Status FromRocks(const rocksdb::Status& status) {
  if (status.ok()) return Status::Ok();
  const std::string text = status.ToString();
  if (status.IsNoSpace()) return Status(Code::kNoSpace, text);
  if (status.IsCorruption()) return Status(Code::kCorrupt, text);
  if (status.IsIOError()) {
    const bool locked = text.find("lock") != std::string::npos;
    return locked ? Status(Code::kUnavailable, "in use by another process: " + text)
                  : Status(Code::kIoError, text);
  }
  if (status.IsShutdownInProgress()) return Status(Code::kUnavailable, text);
  return Status(Code::kInternal, text);
}

}  // namespace ashlar::metadata_db
