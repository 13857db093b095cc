// KeyHistory: is what clients saw of one key linearizable? Checked while it happens.
//
// Kept are all states the key can be in ("worlds"), each with the operations that are under way and
// have taken effect in it already. When an operation returns, every world must explain its answer:
// by letting it take effect now, or after some others that are under way, or because it did so
// before. Worlds that cannot are dropped; with none left the history is not linearizable (after
// Wing and Gong, 1993; just in time as Lowe, 2017). Reads change nothing, so a world only remembers
// which states it passed through while a read was under way.
//
// A crash: what was under way took effect before it, or never.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reference/key_model.h"

namespace ashlar::sim {

class KeyHistory {
 public:
  KeyHistory();

  void Invoke(OpPtr op);
  // The end of an operation with its answer. False: no world explains it; `why` says more, and the
  // history goes on as if nothing had been answered.
  [[nodiscard]] bool Return(uint64_t number, const Outcome& answer, std::string* why);
  // It answered that nothing happened. False: it did happen, somebody saw it.
  [[nodiscard]] bool Refused(uint64_t number, std::string* why);
  // It ended without an answer: a read is forgotten, a change may have happened or happen until
  // the next crash.
  void Unknown(uint64_t number);
  void Crash();

  // The one state the key is in, as far as reads can tell; null when there is more than one, or
  // something is under way.
  KeyStatePtr Settled() const;
  // Any state it may be in.
  KeyStatePtr Likely() const { return worlds_.front().state; }
  size_t worlds() const { return worlds_.size(); }
  bool quiet() const { return pending_.empty(); }
  std::string ToString() const;

 private:
  struct World {
    KeyStatePtr state;
    std::vector<std::pair<uint64_t, Outcome>> done;                     // under way, but in effect
    std::vector<std::pair<uint64_t, std::vector<KeyStatePtr>>> passed;  // by reads under way
    bool operator==(const World& other) const;
  };

  std::vector<World> After(const World& world, const Op& op, bool remember) const;
  bool ExplainRead(const World& world, const Op& op, const Outcome& answer,
                   std::vector<World>* out) const;
  void ExplainWrite(const World& world, const Op& op, const Outcome& answer,
                    std::vector<World>* out) const;
  static void AddWorld(std::vector<World> more, std::vector<World>* worlds);
  static void Forget(World* world, uint64_t number);

  std::vector<World> worlds_;
  std::map<uint64_t, OpPtr> pending_;
};

}  // namespace ashlar::sim
