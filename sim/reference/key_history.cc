#include "reference/key_history.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::sim {
namespace {

template <typename Pairs>
auto FindNumber(Pairs& pairs, uint64_t number) {
  return std::find_if(pairs.begin(), pairs.end(),
                      [number](const auto& pair) { return pair.first == number; });
}

bool SameState(const KeyStatePtr& a, const KeyStatePtr& b) { return a == b || *a == *b; }

}  // namespace

KeyHistory::KeyHistory() { worlds_.push_back({std::make_shared<const KeyState>(), {}, {}}); }

bool KeyHistory::World::operator==(const World& other) const {
  if (!SameState(state, other.state) || done.size() != other.done.size() ||
      passed.size() != other.passed.size()) {
    return false;
  }
  for (size_t i = 0; i < done.size(); ++i) {
    if (done[i].first != other.done[i].first) return false;
    if (!Agrees(done[i].second, other.done[i].second)) return false;
  }
  for (size_t i = 0; i < passed.size(); ++i) {
    const auto& [number, states] = passed[i];
    if (number != other.passed[i].first || states.size() != other.passed[i].second.size()) {
      return false;
    }
    for (size_t j = 0; j < states.size(); ++j) {
      if (!SameState(states[j], other.passed[i].second[j])) return false;
    }
  }
  return true;
}

void KeyHistory::AddWorld(std::vector<World> more, std::vector<World>* worlds) {
  for (World& world : more) {
    if (std::find(worlds->begin(), worlds->end(), world) == worlds->end()) {
      worlds->push_back(std::move(world));
    }
  }
}

void KeyHistory::Forget(World* world, uint64_t number) {
  std::erase_if(world->done, [number](const auto& one) { return one.first == number; });
  std::erase_if(world->passed, [number](const auto& one) { return one.first == number; });
}

void KeyHistory::Invoke(OpPtr op) {
  const uint64_t number = op->number;
  CHECK(pending_.emplace(number, std::move(op)).second);
}

// The worlds after `op` has taken effect. `remember`: it has not returned, note what it must say.
std::vector<KeyHistory::World> KeyHistory::After(const World& world, const Op& op,
                                                 bool remember) const {
  std::vector<World> worlds;
  for (Effect& effect : Apply(world.state, op)) {
    World next = world;
    if (!SameState(effect.next, world.state)) {
      for (const auto& [number, reader] : pending_) {
        if (!IsRead(reader->kind)) continue;
        auto at = FindNumber(next.passed, number);
        if (at == next.passed.end()) at = next.passed.insert(next.passed.end(), {number, {}});
        at->second.push_back(world.state);
      }
    }
    next.state = std::move(effect.next);
    if (remember) {
      next.done.emplace_back(op.number, std::move(effect.outcome));
      std::sort(next.done.begin(), next.done.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    worlds.push_back(std::move(next));
  }
  return worlds;
}

bool KeyHistory::ExplainRead(const World& world, const Op& op, const Outcome& answer,
                             std::vector<World>* out) const {
  std::vector<KeyStatePtr> states = {world.state};
  const auto passed = FindNumber(world.passed, op.number);
  if (passed != world.passed.end()) {
    states.insert(states.end(), passed->second.begin(), passed->second.end());
  }
  for (const KeyStatePtr& state : states) {
    const Effect effect = std::move(Apply(state, op).front());
    if (!Agrees(effect.outcome, answer)) continue;
    World next = world;
    Forget(&next, op.number);
    next.state = LearnIds(next.state, effect.outcome, answer);
    AddWorld({std::move(next)}, out);
    return true;
  }
  // It saw something that has not returned yet.
  bool explained = false;
  for (const auto& [number, other] : pending_) {
    if (IsRead(other->kind) || FindNumber(world.done, number) != world.done.end()) continue;
    for (const World& next : After(world, *other, /*remember=*/true)) {
      explained |= ExplainRead(next, op, answer, out);
    }
  }
  return explained;
}

void KeyHistory::ExplainWrite(const World& world, const Op& op, const Outcome& answer,
                              std::vector<World>* out) const {
  const auto done = FindNumber(world.done, op.number);
  if (done != world.done.end()) {
    if (!Agrees(done->second, answer)) return;
    World next = world;
    next.state = LearnIds(next.state, done->second, answer);
    Forget(&next, op.number);
    AddWorld({std::move(next)}, out);
    return;
  }
  for (World& next : After(world, op, /*remember=*/true)) {
    ExplainWrite(next, op, answer, out);
  }
  for (const auto& [number, other] : pending_) {
    if (number == op.number || IsRead(other->kind)) continue;
    if (FindNumber(world.done, number) != world.done.end()) continue;
    for (const World& next : After(world, *other, /*remember=*/true)) {
      ExplainWrite(next, op, answer, out);
    }
  }
}

bool KeyHistory::Return(uint64_t number, const Outcome& answer, std::string* why) {
  const auto found = pending_.find(number);
  CHECK(found != pending_.end());
  const OpPtr op = found->second;
  std::vector<World> explained;
  for (const World& world : worlds_) {
    if (IsRead(op->kind)) {
      ExplainRead(world, *op, answer, &explained);
    } else {
      ExplainWrite(world, *op, answer, &explained);
    }
  }
  if (explained.empty()) *why = op->ToString() + " -> " + answer.ToString() + ", but " + ToString();
  pending_.erase(number);
  if (explained.empty()) {
    for (World& world : worlds_) Forget(&world, number);
    return false;
  }
  worlds_ = std::move(explained);
  return true;
}

bool KeyHistory::Refused(uint64_t number, std::string* why) {
  const auto found = pending_.find(number);
  CHECK(found != pending_.end());
  const OpPtr op = found->second;
  std::vector<World> left;
  for (World& world : worlds_) {
    if (FindNumber(world.done, number) != world.done.end()) continue;
    Forget(&world, number);
    left.push_back(std::move(world));
  }
  if (left.empty()) *why = op->ToString() + " was refused and yet seen: " + ToString();
  pending_.erase(number);
  if (left.empty()) {
    for (World& world : worlds_) Forget(&world, number);
    return false;
  }
  worlds_.clear();
  AddWorld(std::move(left), &worlds_);
  return true;
}

void KeyHistory::Unknown(uint64_t number) {
  const auto found = pending_.find(number);
  CHECK(found != pending_.end());
  if (!IsRead(found->second->kind)) return;
  pending_.erase(found);
  for (World& world : worlds_) Forget(&world, number);
}

void KeyHistory::Crash() {
  std::erase_if(pending_, [](const auto& entry) { return IsRead(entry.second->kind); });
  for (World& world : worlds_) world.passed.clear();
  // Every order of every choice of what was under way.
  for (size_t i = 0; i < worlds_.size(); ++i) {
    for (const auto& [number, op] : pending_) {
      const World world = worlds_[i];
      if (FindNumber(world.done, number) != world.done.end()) continue;
      AddWorld(After(world, *op, /*remember=*/true), &worlds_);
    }
  }
  pending_.clear();
  std::vector<World> settled;
  for (World& world : worlds_) {
    world.done.clear();
    AddWorld({std::move(world)}, &settled);
  }
  worlds_ = std::move(settled);
}

KeyStatePtr KeyHistory::Settled() const {
  const KeyStatePtr& state = worlds_.front().state;
  const bool one = std::all_of(worlds_.begin(), worlds_.end(),
                               [&](const World& world) { return world.state->LooksLike(*state); });
  return one && pending_.empty() ? state : nullptr;
}

std::string KeyHistory::ToString() const {
  std::string text = "the key can be";
  for (size_t i = 0; i < worlds_.size() && i < 8; ++i) text += " " + worlds_[i].state->ToString();
  if (worlds_.size() > 8) text += " and " + std::to_string(worlds_.size() - 8) + " more";
  if (!pending_.empty()) text += "; under way:";
  for (const auto& [number, op] : pending_) text += " [" + op->ToString() + "]";
  return text;
}

}  // namespace ashlar::sim
