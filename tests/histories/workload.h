// Many clients on few keys: each does one request after the other, chosen by dice, and notes when
// it was sent, when it was answered and what the answer said.
//
// A run has rounds. A round ends when the server was killed, or with the run: the clients stop, the
// server is waited for, and every key is read once. No request is under way then, so one round's
// end is the next one's beginning, and what was unknown is decided for good: it must not come back
// later.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "histories/connection.h"
#include "histories/history.h"

namespace ashlar::histories {

struct WorkloadSettings {
  bench::Endpoint endpoint;
  bench::Credentials credentials;
  std::string bucket = "histories";
  int clients = 64;
  int keys = 16;
  uint64_t seed = 1;
};

// Every content of a run and its ETag. Thread-safe.
class Contents {
 public:
  // A number never used before.
  Value Make();
  static std::string Bytes(Value value);
  std::string Etag(Value value) const;
  // nullopt: nobody wrote that.
  std::optional<Value> ByEtag(std::string_view etag) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> etags_;  // of 1, 2, ...
  std::unordered_map<std::string, Value> values_;
};

class Workload {
 public:
  explicit Workload(WorkloadSettings settings);
  ~Workload();  // after Pause

  // Makes the bucket and reads every key; false with the reason in problems().
  bool Prepare();
  void Resume();
  // Returns when no request is under way.
  void Pause();
  // Requires Pause, and a server that answers within a minute: reads every key and ends the round.
  bool EndRound();

  const std::vector<KeyHistory>& histories() const { return histories_; }
  // Answers that no order can explain: foreign bytes, an ETag of another content, a strange status.
  const std::vector<std::string>& problems() const { return problems_; }
  uint64_t unknown() const { return unknown_; }
  std::string counts() const;  // "PUT 123, GET 456, ..."

 private:
  struct Noted {
    int key;
    Operation operation;
  };
  struct Client {
    Client(const WorkloadSettings& settings, int own_number)
        : number(own_number),
          dice(settings.seed * 1000 + static_cast<uint64_t>(own_number)),
          connection(settings.endpoint, settings.credentials) {}

    const int number;
    std::mt19937_64 dice;
    Connection connection;
    std::vector<Noted> notes;
    std::thread thread;
  };

  void Work(Client* client);
  void DoOne(Client* client);
  void Write(Client* client, int key, Operation operation);
  void Read(Client* client, int key, Kind kind);
  void List(Client* client);
  // nullopt with a problem noted when the answer is not one that this key can give.
  std::optional<Value> Seen(int key, Kind kind, const Answer& answer);
  bool SettleKey(int key, Value* value);
  std::string Path(int key) const;
  std::string KeyName(int key) const;
  void Complain(const std::string& what);

  const WorkloadSettings settings_;
  const std::string prefix_;
  Contents contents_;
  std::vector<std::unique_ptr<std::atomic<Value>>> latest_;  // a guess, for If-Match
  std::vector<std::unique_ptr<Client>> clients_;
  Connection settling_;
  std::vector<Value> initial_;
  std::vector<KeyHistory> histories_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool paused_ = true;
  bool ending_ = false;
  int working_ = 0;
  std::vector<std::string> problems_;
  uint64_t unknown_ = 0;
  std::array<uint64_t, 8> by_kind_{};
};

}  // namespace ashlar::histories
