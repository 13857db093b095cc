// OrderedStore: the small port under MetadataDb. An ordered map of byte strings with atomic,
// durable, serialised transactions. Adapters: RocksDB (one machine), memory (model, simulator),
// later PostgreSQL. One contract suite runs over all of them (tests/ordered_store_contract.h).
//
// Contract
//  1. Transactions are serialised: each sees all effects of those before it and none of those
//     after.
//  2. Submit runs the transactions of one call in the order given, in one durable commit with
//     whatever else waits at that moment (group commit). One that answers an error leaves no trace;
//     the others are not affected by it. With `patience` the call waits so long for a commit that
//     others cause before it causes one; an adapter whose commits cost nothing need not wait.
//  3. When Submit's task returns, the effects are durable, or the Status says that nothing
//     happened, or it is kOutcomeUnknown (the engine failed in the commit itself): then they may or
//     may not appear after a restart, all of the batch or none of it.
//  4. Reads outside of transactions see the latest commit whose Submit has been released to its
//     caller, at least.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::metadata_db {

// Walks keys in byte order. Valid as long as its source (snapshot or transaction) lives; writes of
// the transaction end its cursors' validity: collect first, then write.
class OrderedCursor {
 public:
  virtual ~OrderedCursor() = default;
  virtual void Seek(std::string_view key) = 0;             // first key >= key
  virtual void SeekForPrevious(std::string_view key) = 0;  // last key <= key
  virtual bool Valid() const = 0;
  virtual void Next() = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual Status status() const = 0;  // not ok: the walk ended by an error, not by the end
};

// Something that can be read at one point of the commit order.
class View {
 public:
  virtual ~View() = default;
  // Absent: ok with nullopt. An error is an error, never "absent".
  virtual Result<std::optional<std::string>> Get(std::string_view key) = 0;
  virtual std::unique_ptr<OrderedCursor> NewCursor() = 0;
};

// Inside a transaction body, on the store's commit thread. Reads see the body's own writes.
class Transaction : public View {
 public:
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void Delete(std::string_view key) = 0;
  // Runs on the commit thread after the commit is durable and before any Submit of it returns:
  // for write-through of caches, in commit order. Not run when the transaction or the commit
  // failed.
  virtual void OnCommitted(std::function<void()> hook) = 0;
};

// Must not block, must not touch anything but the transaction and its captures. Error: no effect.
using TransactionBody = std::function<Status(Transaction&)>;

// A frozen view. Its reads may block on the disk.
class Snapshot : public View {};

using ReadBody = std::function<Status(Snapshot&)>;

class OrderedStore {
 public:
  virtual ~OrderedStore() = default;
  // One result a body, in order.
  virtual Task<std::vector<Status>> Submit(std::vector<TransactionBody> bodies,
                                           Duration patience = Duration::zero()) = 0;
  virtual Task<Result<std::optional<std::string>>> Get(std::string key) = 0;
  virtual std::unique_ptr<Snapshot> NewSnapshot() = 0;
  // Runs `body` once over a fresh snapshot, where blocking harms nobody, and gives back its answer.
  // kOverloaded or kUnavailable when it could not be run.
  virtual Task<Status> Read(ReadBody body) = 0;
};

struct RocksDbOptions {
  std::string path;
  uint64_t block_cache_bytes = 128ULL << 20;
  uint64_t memtable_bytes = 32ULL << 20;
  int batch_transactions_max = 1024;  // in one commit
  int open_files_max = 256;
  // A commit is refused (kNoSpace, nothing happened) while the device has less than this left, so
  // that the engine's own files can still be finished.
  uint64_t free_bytes_min = 16ULL << 20;
};
// Opens or creates. Every failure is a clear message (locked by another process, no space,
// corrupt).
[[nodiscard]] Result<std::unique_ptr<OrderedStore>> OpenRocksDbStore(const RocksDbOptions& options);
// Opens what is there and changes nothing; Submit answers kUnavailable. For tools, while no server
// runs.
[[nodiscard]] Result<std::unique_ptr<OrderedStore>> OpenRocksDbStoreReadOnly(
    const RocksDbOptions& options);
// Removes the files of a store that nobody has open, and its folder. Fine if there is none.
Status RemoveRocksDbStore(const std::string& path);
[[nodiscard]] std::unique_ptr<OrderedStore> NewMemoryStore();

}  // namespace ashlar::metadata_db
