#include "powercut/unsynced_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

namespace ashlar::powercut {

void UnsyncedStore::MakeRoot() {
  Node& root = nodes_[kRoot];
  root.is_directory = true;
  root.mode = 0755;
}

Inode UnsyncedStore::Lookup(Inode directory, const std::string& name) const {
  const auto& names = At(directory).names;
  const auto found = names.find(name);
  return found == names.end() ? kNoInode : found->second;
}

Inode UnsyncedStore::Create(Inode directory, const std::string& name, mode_t mode,
                            bool is_directory) {
  const Inode inode = ++last_;
  Node& node = nodes_[inode];
  node.is_directory = is_directory;
  node.mode = mode & 07777;
  Change(At(directory), {{}, name, inode});
  return inode;
}

void UnsyncedStore::Remove(Inode directory, const std::string& name) {
  Change(At(directory), {name, {}, kNoInode});
}

void UnsyncedStore::Rename(Inode from, const std::string& old_name, Inode to,
                           const std::string& new_name) {
  const Inode inode = Lookup(from, old_name);
  if (from == to) return Change(At(from), {old_name, new_name, inode});
  Change(At(to), {{}, new_name, inode});
  Change(At(from), {old_name, {}, kNoInode});
}

void UnsyncedStore::Change(Node& directory, NameChange change) {
  Apply(change, &directory.names);
  directory.unsynced_names.push_back(std::move(change));
}

void UnsyncedStore::Apply(const NameChange& change, std::map<std::string, Inode>* names) {
  if (!change.removed.empty()) names->erase(change.removed);
  if (!change.given.empty()) (*names)[change.given] = change.inode;
}

UnsyncedStore::Page& UnsyncedStore::Own(Node& node, uint64_t index) {
  node.unsynced_pages.insert(index);
  auto& page = node.now.pages[index];
  if (!page) {
    page = std::make_shared<Page>();
    page->fill(0);
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);
  }
  return *page;
}

std::string UnsyncedStore::Read(Inode inode, uint64_t offset, uint64_t size) const {
  const Contents& contents = At(inode).now;
  if (offset >= contents.size) return {};
  std::string data(std::min(size, contents.size - offset), '\0');
  for (uint64_t done = 0; done < data.size();) {
    const uint64_t within = (offset + done) % kPageBytes;
    const uint64_t take = std::min(kPageBytes - within, data.size() - done);
    const auto page = contents.pages.find((offset + done) / kPageBytes);
    if (page != contents.pages.end()) {
      std::memcpy(data.data() + done, page->second->data() + within, take);
    }
    done += take;
  }
  return data;
}

void UnsyncedStore::Write(Inode inode, uint64_t offset, std::string_view data) {
  Node& node = At(inode);
  for (uint64_t done = 0; done < data.size();) {
    const uint64_t within = (offset + done) % kPageBytes;
    const uint64_t take = std::min(kPageBytes - within, data.size() - done);
    Page& page = Own(node, (offset + done) / kPageBytes);
    std::memcpy(page.data() + within, data.data() + done, take);
    done += take;
  }
  node.now.size = std::max(node.now.size, offset + data.size());
}

void UnsyncedStore::Punch(Inode inode, uint64_t offset, uint64_t size) {
  Node& node = At(inode);
  const uint64_t end = offset + size;
  for (auto at = node.now.pages.lower_bound(offset / kPageBytes);
       at != node.now.pages.end() && at->first * kPageBytes < end;) {
    const uint64_t index = (at++)->first;
    const uint64_t begin_of_page = index * kPageBytes;
    if (offset <= begin_of_page && begin_of_page + kPageBytes <= end) {
      node.now.pages.erase(index);
      node.unsynced_pages.insert(index);
      continue;
    }
    const uint64_t from = std::max(offset, begin_of_page) - begin_of_page;
    const uint64_t to = std::min(end, begin_of_page + kPageBytes) - begin_of_page;
    std::memset(Own(node, index).data() + from, 0, to - from);
  }
}

void UnsyncedStore::Resize(Inode inode, uint64_t size) {
  const uint64_t before = Size(inode);
  // Whole pages, so that nothing of what was cut off comes back when the file grows again.
  const uint64_t end = (before + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (size < before) Punch(inode, size, end - size);
  At(inode).now.size = size;
}

uint64_t UnsyncedStore::NextData(Inode inode, uint64_t offset) const {
  const Contents& contents = At(inode).now;
  const auto page = contents.pages.lower_bound(offset / kPageBytes);
  if (page == contents.pages.end()) return contents.size;
  return std::min(std::max(offset, page->first * kPageBytes), contents.size);
}

uint64_t UnsyncedStore::NextHole(Inode inode, uint64_t offset) const {
  const Contents& contents = At(inode).now;
  uint64_t index = offset / kPageBytes;
  for (auto at = contents.pages.find(index); at != contents.pages.end() && at->first == index;
       ++at) {
    ++index;
  }
  return std::min(std::max(offset, index * kPageBytes), contents.size);
}

void UnsyncedStore::CopyPage(Node& node, uint64_t index) {
  const auto page = node.now.pages.find(index);
  if (page == node.now.pages.end()) {
    node.durable.pages.erase(index);
  } else {
    node.durable.pages[index] = page->second;
  }
}

void UnsyncedStore::SyncFile(Inode inode) {
  if (lies_.about_files) return;
  Node& node = At(inode);
  for (const uint64_t index : node.unsynced_pages) CopyPage(node, index);
  node.unsynced_pages.clear();
  node.durable.size = node.now.size;
}

void UnsyncedStore::SyncDirectory(Inode inode) {
  if (lies_.about_folders) return;
  Node& node = At(inode);
  node.durable_names = node.names;
  node.unsynced_names.clear();
}

void UnsyncedStore::CutFile(Node& node, double survival, std::mt19937_64& dice, CutReport* report) {
  std::bernoulli_distribution survives(survival);
  if (node.durable.size != node.now.size && survives(dice)) node.durable.size = node.now.size;
  for (const uint64_t index : node.unsynced_pages) {
    // A page behind the end that is left is no part of the file.
    if (index * kPageBytes < node.durable.size && survives(dice)) {
      CopyPage(node, index);
      ++report->pages_kept;
    } else {
      ++report->pages_lost;
    }
  }
  node.unsynced_pages.clear();
  // Behind the end a file is zeros, should it grow again.
  auto& pages = node.durable.pages;
  pages.erase(pages.lower_bound((node.durable.size + kPageBytes - 1) / kPageBytes), pages.end());
  const uint64_t within = node.durable.size % kPageBytes;
  const auto last = pages.find(node.durable.size / kPageBytes);
  if (within != 0 && last != pages.end()) {
    last->second = std::make_shared<Page>(*last->second);
    std::fill(last->second->begin() + static_cast<ptrdiff_t>(within), last->second->end(), '\0');
  }
  node.now = node.durable;
}

void UnsyncedStore::CutDirectory(Node& node, bool by_chance, std::mt19937_64& dice,
                                 CutReport* report) {
  const size_t count = node.unsynced_names.size();
  const size_t kept = by_chance ? dice() % (count + 1) : 0;
  for (size_t i = 0; i < kept; ++i) Apply(node.unsynced_names[i], &node.durable_names);
  report->names_kept += kept;
  report->names_lost += count - kept;
  node.unsynced_names.clear();
  node.names = node.durable_names;
}

CutReport UnsyncedStore::Cut(bool by_chance, uint64_t seed) {
  CutReport report;
  std::mt19937_64 dice(seed);
  constexpr std::array<double, 4> kSurvivals = {0.1, 0.5, 0.9, 0.99};
  const double survival = by_chance ? kSurvivals[dice() % kSurvivals.size()] : 0;
  for (auto& [inode, node] : nodes_) {
    if (node.is_directory) {
      CutDirectory(node, by_chance, dice, &report);
    } else {
      CutFile(node, survival, dice, &report);
    }
  }
  DropUnreachable();
  return report;
}

void UnsyncedStore::DropUnreachable() {
  std::set<Inode> reached;
  std::vector<Inode> open = {kRoot};
  while (!open.empty()) {
    const Inode inode = open.back();
    open.pop_back();
    if (!reached.insert(inode).second) continue;
    for (const auto& [name, child] : At(inode).names) open.push_back(child);
  }
  std::erase_if(nodes_, [&reached](const auto& item) { return !reached.contains(item.first); });
}

}  // namespace ashlar::powercut
