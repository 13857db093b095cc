#include "histories/workload.h"

#include <openssl/md5.h>

#include <array>
#include <chrono>
#include <cstdio>

namespace ashlar::histories {
namespace {

constexpr size_t kProblemsMax = 20;
constexpr int kSettleTries = 600;
constexpr auto kPauseAfterFailure = std::chrono::milliseconds(5);
constexpr auto kPauseBetweenTries = std::chrono::milliseconds(100);
constexpr int kSettlingClient = -1;

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string Md5Hex(std::string_view data) {
  std::array<unsigned char, MD5_DIGEST_LENGTH> digest;
  MD5(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data());
  std::string text;
  for (const unsigned char byte : digest) {
    std::array<char, 3> hex;
    std::snprintf(hex.data(), hex.size(), "%02x", byte);
    text += hex.data();
  }
  return text;
}

std::string_view Between(std::string_view text, std::string_view begin, std::string_view end) {
  const size_t from = text.find(begin);
  if (from == std::string_view::npos) return {};
  const size_t to = text.find(end, from + begin.size());
  if (to == std::string_view::npos) return {};
  return text.substr(from + begin.size(), to - from - begin.size());
}

std::string_view Unquoted(std::string_view etag) {
  for (const std::string_view quote : {"\"", "&quot;"}) {
    if (etag.starts_with(quote) && etag.ends_with(quote)) {
      etag.remove_prefix(quote.size());
      etag.remove_suffix(quote.size());
      break;
    }
  }
  return etag;
}

// What a request of each kind weighs in the dice; of 100.
struct Share {
  Kind kind;
  unsigned percent;
};
constexpr Share kShares[] = {
    {Kind::kPut, 18},    {Kind::kPutIfAbsent, 11},  {Kind::kPutIfMatch, 12},
    {Kind::kDelete, 10}, {Kind::kDeleteIfMatch, 5}, {Kind::kGet, 26},
    {Kind::kHead, 12},   {Kind::kList, 6},
};

bool RefusedUnchanged(const Answer& answer) {
  return answer.status == 503 && answer.body.find("SlowDown") != std::string::npos;
}

}  // namespace

Value Contents::Make() {
  Value value = 0;
  {
    const std::lock_guard lock(mutex_);
    etags_.emplace_back();
    value = etags_.size();
  }
  std::string etag = Md5Hex(Bytes(value));
  const std::lock_guard lock(mutex_);
  values_[etag] = value;
  etags_[value - 1] = std::move(etag);
  return value;
}

std::string Contents::Bytes(Value value) {
  // Mostly small ones that are packed, some beyond the limit of packing.
  std::mt19937_64 dice(value);
  const uint64_t roll = dice() % 10;
  const size_t size = roll < 7   ? 1 + dice() % 2048
                      : roll < 9 ? dice() % 130'000
                                 : 131'072 + dice() % 300'000;
  std::string bytes = "v" + std::to_string(value) + ";";
  const std::string padding = std::to_string(dice()) + bytes;
  while (bytes.size() < size) bytes += padding;
  return bytes;
}

std::string Contents::Etag(Value value) const {
  const std::lock_guard lock(mutex_);
  return value == kAbsent ? std::string(32, '0') : etags_[value - 1];
}

std::optional<Value> Contents::ByEtag(std::string_view etag) const {
  const std::lock_guard lock(mutex_);
  const auto found = values_.find(std::string(etag));
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

Workload::Workload(WorkloadSettings settings)
    : settings_(std::move(settings)),
      prefix_("run-" + std::to_string(settings_.seed) + "-" + std::to_string(Now()) + "/"),
      settling_(settings_.endpoint, settings_.credentials),
      initial_(static_cast<size_t>(settings_.keys), kAbsent) {
  for (int key = 0; key < settings_.keys; ++key) {
    latest_.push_back(std::make_unique<std::atomic<Value>>(kAbsent));
  }
  for (int number = 0; number < settings_.clients; ++number) {
    clients_.push_back(std::make_unique<Client>(settings_, number));
    Client* client = clients_.back().get();
    client->thread = std::thread([this, client] { Work(client); });
  }
}

Workload::~Workload() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (const auto& client : clients_) client->thread.join();
}

void Workload::Work(Client* client) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !paused_ || ending_; });
    if (ending_) return;
    ++working_;
    while (!paused_) {
      lock.unlock();
      DoOne(client);
      lock.lock();
    }
    if (--working_ == 0) changed_.notify_all();
  }
}

void Workload::Resume() {
  const std::lock_guard lock(mutex_);
  paused_ = false;
  changed_.notify_all();
}

void Workload::Pause() {
  std::unique_lock lock(mutex_);
  paused_ = true;
  changed_.wait(lock, [this] { return working_ == 0; });
}

bool Workload::Prepare() {
  const std::string path = "/" + settings_.bucket;
  const Answer answer = settling_.Call({"PUT", path, {}, {}, {}, {}});
  if (answer.status != 200 && answer.status != 409) {
    Complain("the bucket cannot be made: status " + std::to_string(answer.status));
    return false;
  }
  return EndRound();
}

bool Workload::EndRound() {
  std::vector<KeyHistory> round;
  for (int key = 0; key < settings_.keys; ++key) {
    round.push_back({KeyName(key), initial_[static_cast<size_t>(key)], {}});
  }
  for (const auto& client : clients_) {
    for (Noted& note : client->notes) {
      ++by_kind_[static_cast<size_t>(note.operation.kind)];
      if (note.operation.outcome == Outcome::kUnknown) ++unknown_;
      round[static_cast<size_t>(note.key)].operations.push_back(note.operation);
    }
    client->notes.clear();
  }
  for (int key = 0; key < settings_.keys; ++key) {
    const int64_t invoked = Now();
    Value value = kAbsent;
    if (!SettleKey(key, &value)) return false;
    round[static_cast<size_t>(key)].operations.push_back(
        {Kind::kGet, Outcome::kOk, value, kAbsent, invoked, Now(), kSettlingClient});
    initial_[static_cast<size_t>(key)] = value;
    latest_[static_cast<size_t>(key)]->store(value);
  }
  for (KeyHistory& history : round) histories_.push_back(std::move(history));
  return true;
}

bool Workload::SettleKey(int key, Value* value) {
  const std::string path = Path(key);
  for (int attempt = 0; attempt < kSettleTries; ++attempt) {
    const Answer answer = settling_.Call({"GET", path, {}, {}, {}, {}});
    if (answer.status == 200 || answer.status == 404) {
      const auto seen = Seen(key, Kind::kGet, answer);
      if (seen) *value = *seen;
      return seen.has_value();
    }
    std::this_thread::sleep_for(kPauseBetweenTries);
  }
  Complain(KeyName(key) + " could not be read at the end of a round");
  return false;
}

void Workload::DoOne(Client* client) {
  uint64_t roll = client->dice() % 100;
  Kind kind = Kind::kGet;
  for (const Share& share : kShares) {
    kind = share.kind;
    if (roll < share.percent) break;
    roll -= share.percent;
  }
  const int key = static_cast<int>(client->dice() % static_cast<uint64_t>(settings_.keys));
  if (kind == Kind::kList) return List(client);
  if (IsRead(kind)) return Read(client, key, kind);
  Operation operation;
  operation.kind = kind;
  if (kind != Kind::kDelete && kind != Kind::kDeleteIfMatch) operation.value = contents_.Make();
  operation.expected = latest_[static_cast<size_t>(key)]->load();
  Write(client, key, operation);
}

void Workload::Write(Client* client, int key, Operation operation) {
  const bool deletes = operation.kind == Kind::kDelete || operation.kind == Kind::kDeleteIfMatch;
  const std::string path = Path(key);
  const std::string body = deletes ? std::string() : Contents::Bytes(operation.value);
  std::string condition_value;
  Request request{deletes ? "DELETE" : "PUT", path, {}, {}, {}, body};
  if (operation.kind == Kind::kPutIfAbsent) {
    request.condition = "if-none-match";
    condition_value = "*";
  } else if (operation.kind == Kind::kPutIfMatch || operation.kind == Kind::kDeleteIfMatch) {
    if (operation.expected == kAbsent) return;  // there is no ETag to ask for
    request.condition = "if-match";
    condition_value = "\"" + contents_.Etag(operation.expected) + "\"";
  } else {
    operation.expected = kAbsent;
  }
  request.condition_value = condition_value;
  operation.client = client->number;
  operation.invoked = Now();
  const Answer answer = client->connection.Call(request);
  operation.completed = Now();
  if (!answer.sent || RefusedUnchanged(answer) || answer.status == 409) {
    if (!answer.sent) std::this_thread::sleep_for(kPauseAfterFailure);
    return;  // without effect, and says nothing about the state
  }
  const bool conditional = !request.condition.empty();
  if (answer.status == (deletes ? 204 : 200)) {
    operation.outcome = Outcome::kOk;
    latest_[static_cast<size_t>(key)]->store(operation.value);
  } else if (answer.status == 412 && conditional) {
    operation.outcome = Outcome::kFailedCondition;
  } else if (answer.status == 404 && request.condition == "if-match") {
    operation.outcome = Outcome::kNoSuchKey;
  } else if (answer.status == 0 || answer.status >= 500) {
    operation.outcome = Outcome::kUnknown;
    operation.completed = kNever;
  } else {
    Complain(Describe(operation) + ": status " + std::to_string(answer.status) + " " + answer.body);
    return;
  }
  client->notes.push_back({key, operation});
}

void Workload::Read(Client* client, int key, Kind kind) {
  const std::string path = Path(key);
  Operation operation;
  operation.kind = kind;
  operation.client = client->number;
  operation.invoked = Now();
  const Answer answer =
      client->connection.Call({kind == Kind::kGet ? "GET" : "HEAD", path, {}, {}, {}, {}});
  operation.completed = Now();
  if (!answer.sent) std::this_thread::sleep_for(kPauseAfterFailure);
  if (answer.status == 0 || answer.status >= 500) return;
  const auto seen = Seen(key, kind, answer);
  if (!seen) return;
  operation.value = *seen;
  latest_[static_cast<size_t>(key)]->store(*seen);
  client->notes.push_back({key, operation});
}

std::optional<Value> Workload::Seen(int key, Kind kind, const Answer& answer) {
  if (answer.status == 404) return kAbsent;
  const auto value = contents_.ByEtag(Unquoted(answer.Header("etag")));
  if (answer.status != 200 || !value) {
    Complain(KeyName(key) + ": strange answer: " + answer.head);
    return std::nullopt;
  }
  if (kind == Kind::kGet && answer.body != Contents::Bytes(*value)) {
    Complain(KeyName(key) + ": wrong bytes under the ETag of v" + std::to_string(*value));
    return std::nullopt;
  }
  return value;
}

void Workload::List(Client* client) {
  const std::string path = "/" + settings_.bucket;
  const std::string query = "list-type=2&prefix=" + bench::UriEncode(prefix_, false);
  Operation operation;
  operation.kind = Kind::kList;
  operation.client = client->number;
  operation.invoked = Now();
  const Answer answer = client->connection.Call({"GET", path, query, {}, {}, {}});
  operation.completed = Now();
  if (answer.status == 0 || answer.status >= 500) return;
  if (answer.status != 200) return Complain("LIST: " + answer.head);
  std::vector<Value> values(static_cast<size_t>(settings_.keys), kAbsent);
  std::string_view rest = answer.body;
  while (true) {
    const size_t at = rest.find("<Contents>");
    if (at == std::string_view::npos) break;
    rest.remove_prefix(at + 1);
    const std::string_view name = Between(rest, "<Key>", "</Key>");
    const auto value = contents_.ByEtag(Unquoted(Between(rest, "<ETag>", "</ETag>")));
    int key = 0;
    while (key < settings_.keys && KeyName(key) != name) ++key;
    if (key == settings_.keys || !value) return Complain("LIST: a stranger: " + std::string(name));
    values[static_cast<size_t>(key)] = *value;
  }
  for (int key = 0; key < settings_.keys; ++key) {
    operation.value = values[static_cast<size_t>(key)];
    client->notes.push_back({key, operation});
  }
}

std::string Workload::KeyName(int key) const { return prefix_ + "key-" + std::to_string(key); }

std::string Workload::Path(int key) const {
  return "/" + settings_.bucket + "/" + bench::UriEncode(KeyName(key), true);
}

void Workload::Complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (problems_.size() < kProblemsMax) problems_.push_back(what);
}

std::string Workload::counts() const {
  static constexpr std::array<std::string_view, 8> kNames = {
      "PUT",  "PUT If-None-Match", "PUT If-Match", "DELETE", "DELETE If-Match", "GET",
      "HEAD", "LIST (keys)"};
  std::string text;
  for (size_t kind = 0; kind < kNames.size(); ++kind) {
    if (kind > 0) text += ", ";
    text.append(kNames[kind]).append(" ").append(std::to_string(by_kind_[kind]));
  }
  return text;
}

}  // namespace ashlar::histories
