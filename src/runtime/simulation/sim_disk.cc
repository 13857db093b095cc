// What is written, what is durable, and what a crash makes of the difference.
#include "runtime/sim_disk.h"

#include <algorithm>
#include <utility>

namespace ashlar {

constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kBlockBytes = 4096;

class SimFile final : public DiskFile {
 public:
  SimFile(SimDisk& disk, std::string path, SimDisk::NodePtr node)
      : disk_(disk), path_(std::move(path)), node_(std::move(node)) {}

  Task<Status> ReadAt(uint64_t offset, MutableByteSpan out) override;
  Task<Status> WriteAt(uint64_t offset, std::span<const ByteSpan> parts) override;
  Task<Status> Sync() override;
  Task<Status> Allocate(uint64_t offset, uint64_t size) override;
  Task<Status> PunchHole(uint64_t offset, uint64_t size) override;
  Task<Status> Truncate(uint64_t size) override;
  Task<Result<uint64_t>> Size() override;
  Task<Result<uint64_t>> AllocatedBytes() override;
  Task<Result<uint64_t>> DataEnd(uint64_t from) override;

 private:
  Task<Status> Resize(uint64_t size);

  SimDisk& disk_;
  const std::string path_;
  const SimDisk::NodePtr node_;
};

Task<Status> SimFile::ReadAt(uint64_t offset, MutableByteSpan out) {
  CO_RETURN_IF_ERROR(co_await disk_.Begin(SimDisk::Operation::kRead, path_));
  if (offset > node_->content.size() || out.size() > node_->content.size() - offset) {
    co_return Status(Code::kIoError, "read beyond the end");
  }
  std::copy_n(node_->content.begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
  disk_.bytes_read_ += out.size();
  co_return Status::Ok();
}

Task<Status> SimFile::WriteAt(uint64_t offset, std::span<const ByteSpan> parts) {
  CO_RETURN_IF_ERROR(co_await disk_.Begin(SimDisk::Operation::kWrite, path_));
  auto piece = std::make_shared<SimDisk::Piece>();
  piece->offset = offset;
  size_t size = 0;
  for (const ByteSpan part : parts) size += part.size();
  piece->bytes.reserve(size);
  for (const ByteSpan part : parts) {
    piece->bytes.insert(piece->bytes.end(), part.begin(), part.end());
  }
  if (piece->bytes.empty()) co_return Status::Ok();
  const uint64_t room = node_->content.size();
  if (disk_.options_.misdirected_writes > 0 && size <= room &&
      disk_.random_.Chance(disk_.options_.misdirected_writes)) {
    piece->offset = disk_.random_.Below(room - size + 1) / kSectorBytes * kSectorBytes;
  }
  SimDisk::Apply(*piece, &node_->content);
  node_->written_end = std::max(node_->written_end, piece->offset + size);
  node_->pending.push_back(piece);
  co_await disk_.Pause();
  piece->returned = true;
  co_return disk_.Alive();
}

Task<Status> SimFile::Sync() {
  // What counts is what had returned when the sync began.
  const Status begun = co_await disk_.Begin(SimDisk::Operation::kSync, path_);
  if (!begun.ok()) {
    if (disk_.dead_) co_return begun;
    // As Linux does it: pages that could not be written are dropped, and called clean.
    std::vector<SimDisk::PiecePtr> kept;
    for (SimDisk::PiecePtr& piece : node_->pending) {
      (piece->returned ? node_->forgotten : kept).push_back(std::move(piece));
    }
    node_->pending = std::move(kept);
    co_return begun;
  }
  ++disk_.syncs_;
  if (disk_.options_.sync_does_nothing) {
    co_await disk_.Pause();
    co_return disk_.Alive();
  }
  std::vector<SimDisk::PiecePtr> covered;
  for (const SimDisk::PiecePtr& piece : node_->pending) {
    if (piece->returned) covered.push_back(piece);
  }
  co_await disk_.Pause();
  CO_RETURN_IF_ERROR(disk_.Alive());
  for (const SimDisk::PiecePtr& piece : covered) {
    const auto found = std::find(node_->pending.begin(), node_->pending.end(), piece);
    if (found == node_->pending.end()) continue;
    SimDisk::MakeDurable(*piece, node_.get());
    node_->pending.erase(found);
  }
  co_return Status::Ok();
}

Task<Status> SimFile::Resize(uint64_t size) {
  auto piece = std::make_shared<SimDisk::Piece>();
  piece->size = size;
  SimDisk::Apply(*piece, &node_->content);
  node_->pending.push_back(piece);
  co_await disk_.Pause();
  piece->returned = true;
  co_return disk_.Alive();
}

Task<Status> SimFile::Allocate(uint64_t offset, uint64_t size) {
  CO_RETURN_IF_ERROR(co_await disk_.Begin(SimDisk::Operation::kAllocate, path_));
  const uint64_t end = offset + size;
  if (end <= node_->content.size()) co_return Status::Ok();
  if (disk_.bytes_used() + end - node_->content.size() > disk_.options_.capacity_bytes) {
    co_return Status(Code::kNoSpace, "disk is full");
  }
  co_return co_await Resize(end);
}

Task<Status> SimFile::PunchHole(uint64_t offset, uint64_t size) {
  CO_RETURN_IF_ERROR(co_await disk_.Begin(SimDisk::Operation::kPunch, path_));
  const uint64_t end = std::min<uint64_t>(offset + size, node_->content.size());
  if (offset >= end) co_return Status::Ok();
  auto piece = std::make_shared<SimDisk::Piece>();
  piece->offset = offset;
  piece->bytes.resize(end - offset);
  piece->hole = true;
  SimDisk::Apply(*piece, &node_->content);
  if (end >= node_->written_end) node_->written_end = std::min(node_->written_end, offset);
  node_->pending.push_back(piece);
  co_await disk_.Pause();
  piece->returned = true;
  co_return disk_.Alive();
}

Task<Status> SimFile::Truncate(uint64_t size) {
  CO_RETURN_IF_ERROR(disk_.Alive());
  co_return co_await Resize(size);
}

Task<Result<uint64_t>> SimFile::Size() {
  CO_RETURN_IF_ERROR(disk_.Alive());
  co_return uint64_t{node_->content.size()};
}

// Holes are not told from zeros: pages of zeros count as holes.
Task<Result<uint64_t>> SimFile::AllocatedBytes() {
  CO_RETURN_IF_ERROR(disk_.Alive());
  const std::vector<uint8_t>& content = node_->content;
  uint64_t bytes = 0;
  for (size_t at = 0; at < content.size(); at += kBlockBytes) {
    const auto begin = content.begin() + static_cast<ptrdiff_t>(at);
    const auto end =
        begin + static_cast<ptrdiff_t>(std::min<size_t>(kBlockBytes, content.size() - at));
    if (std::any_of(begin, end, [](uint8_t byte) { return byte != 0; })) bytes += kBlockBytes;
  }
  co_return bytes;
}

Task<Result<uint64_t>> SimFile::DataEnd(uint64_t from) {
  CO_RETURN_IF_ERROR(disk_.Alive());
  const uint64_t end = (node_->written_end + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  co_return std::max(from, std::min<uint64_t>(end, node_->content.size()));
}

SimDisk::SimDisk(SimExecutor& executor, uint64_t seed, Options options)
    : executor_(executor), random_(seed), options_(options) {}
SimDisk::SimDisk(SimExecutor& executor, uint64_t seed) : SimDisk(executor, seed, Options()) {}

Task<void> SimDisk::Pause() {
  const auto bound = static_cast<uint64_t>(options_.delay_nanoseconds_max + 1);
  Sleep sleep{Duration(static_cast<int64_t>(random_.Below(bound)))};
  co_await sleep;
}

Status SimDisk::Alive() const {
  if (dead_) return Status(Code::kIoError, "power is off");
  if (options_.vanished) return Status(Code::kIoError, "the drive is gone");
  return Status::Ok();
}

Task<Status> SimDisk::Begin(Operation operation, std::string path) {
  const bool both = operation == Operation::kWrite || operation == Operation::kSync;
  if (!both || Percent(50)) co_await Pause();
  const bool by_path = operation >= Operation::kOpen;
  if (by_path && options_.vanished && !dead_) co_return Status(Code::kNotFound, path);
  CO_RETURN_IF_ERROR(Alive());
  co_return fault ? fault(operation, path) : Status::Ok();
}

void SimDisk::Apply(const Piece& piece, std::vector<uint8_t>* to) {
  if (piece.bytes.empty()) {
    to->resize(piece.size);
    return;
  }
  if (to->size() < piece.offset + piece.bytes.size()) to->resize(piece.offset + piece.bytes.size());
  std::copy(piece.bytes.begin(), piece.bytes.end(),
            to->begin() + static_cast<ptrdiff_t>(piece.offset));
}

void SimDisk::MakeDurable(const Piece& piece, Node* node) {
  Apply(piece, &node->durable);
  if (piece.bytes.empty()) return;
  const uint64_t end = piece.offset + piece.bytes.size();
  if (!piece.hole) {
    node->durable_end = std::max(node->durable_end, end);
  } else if (end >= node->durable_end) {
    node->durable_end = std::min(node->durable_end, piece.offset);
  }
}

std::string SimDisk::FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

void SimDisk::ChangeName(const std::string& path, NodePtr node) {
  if (node == nullptr) {
    names_.erase(path);
  } else {
    names_[path] = node;
  }
  pending_names_[FolderOf(path)].push_back({path, std::move(node)});
}

Task<Result<std::unique_ptr<DiskFile>>> SimDisk::Open(std::string path, OpenMode mode) {
  const bool create = mode == OpenMode::kCreateNew;
  CO_RETURN_IF_ERROR(co_await Begin(create ? Operation::kCreate : Operation::kOpen, path));
  const auto found = names_.find(path);
  if (!create && found == names_.end()) co_return Status(Code::kNotFound, path);
  if (create && found != names_.end()) co_return Status(Code::kIoError, "exists: " + path);
  if (create && !folders_.contains(FolderOf(path))) co_return Status(Code::kNotFound, path);
  NodePtr node = create ? std::make_shared<Node>() : found->second;
  if (create) ChangeName(path, node);
  std::unique_ptr<DiskFile> file = std::make_unique<SimFile>(*this, path, std::move(node));
  co_return file;
}

Task<Status> SimDisk::CreateDirectory(std::string path) {
  CO_RETURN_IF_ERROR(Alive());
  for (std::string folder = path; !folder.empty(); folder = FolderOf(folder)) {
    folders_.insert(folder);
  }
  co_return Status::Ok();
}

Task<Status> SimDisk::SyncDirectory(std::string path) {
  const auto changes = pending_names_[path];
  CO_RETURN_IF_ERROR(co_await Begin(Operation::kSyncDirectory, path));
  if (options_.sync_directory_does_nothing) co_return Status::Ok();
  auto& pending = pending_names_[path];
  for (const NameChange& change : changes) {
    if (change.node == nullptr) {
      durable_names_.erase(change.path);
    } else {
      durable_names_[change.path] = change.node;
    }
  }
  // Changes that came while it ran stay pending.
  pending.erase(pending.begin(),
                pending.begin() + static_cast<ptrdiff_t>(std::min(changes.size(), pending.size())));
  co_return Status::Ok();
}

Task<Result<std::vector<std::string>>> SimDisk::List(std::string path) {
  if (options_.vanished && !dead_) co_return Status(Code::kNotFound, path);
  CO_RETURN_IF_ERROR(Alive());
  if (!folders_.contains(path)) co_return Status(Code::kNotFound, path);
  std::set<std::string> entries;
  for (const auto& [name, node] : names_) {
    if (FolderOf(name) == path) entries.insert(name.substr(path.size() + 1));
  }
  for (const std::string& folder : folders_) {
    if (FolderOf(folder) == path && folder != path) entries.insert(folder.substr(path.size() + 1));
  }
  co_return std::vector<std::string>(entries.begin(), entries.end());
}

Task<Status> SimDisk::Remove(std::string path) {
  CO_RETURN_IF_ERROR(co_await Begin(Operation::kRemove, path));
  if (!names_.contains(path)) co_return Status(Code::kNotFound, path);
  ChangeName(path, nullptr);
  co_return Status::Ok();
}

Task<Status> SimDisk::Rename(std::string from, std::string to) {
  CO_RETURN_IF_ERROR(co_await Begin(Operation::kRename, to));
  const auto found = names_.find(from);
  if (found == names_.end()) co_return Status(Code::kNotFound, from);
  NodePtr node = found->second;
  ChangeName(to, node);
  ChangeName(from, nullptr);
  co_return Status::Ok();
}

Task<Result<SpaceInfo>> SimDisk::Space(std::string) {
  CO_RETURN_IF_ERROR(Alive());
  const uint64_t used = bytes_used();
  SpaceInfo info;
  info.total_bytes = options_.capacity_bytes;
  info.available_bytes = used < options_.capacity_bytes ? options_.capacity_bytes - used : 0;
  co_return info;
}

// Keeps each sector of the piece, or not.
void SimDisk::Tear(const Piece& piece, Node* node) {
  for (uint64_t at = 0; at < piece.bytes.size();) {
    const uint64_t sector_end = (piece.offset + at) / kSectorBytes * kSectorBytes + kSectorBytes;
    const uint64_t end = std::min<uint64_t>(piece.bytes.size(), sector_end - piece.offset);
    if (Percent(50)) {
      Piece sector;
      sector.offset = piece.offset + at;
      sector.bytes.assign(piece.bytes.begin() + static_cast<ptrdiff_t>(at),
                          piece.bytes.begin() + static_cast<ptrdiff_t>(end));
      MakeDurable(sector, node);
    }
    at = end;
  }
}

void SimDisk::LosePower(Node* node, int keep_percent) {
  std::vector<PiecePtr> pending = std::move(node->pending);
  std::vector<PiecePtr> changed = std::move(node->forgotten);
  node->pending.clear();
  node->forgotten.clear();
  for (const PiecePtr& piece : pending) {
    changed.push_back(piece);
    if (!Percent(keep_percent)) continue;
    if (!piece->bytes.empty() && Percent(50)) {
      Tear(*piece, node);
    } else {
      MakeDurable(*piece, node);
    }
  }
  // What a reader sees is what is durable; only where something was pending can the two differ.
  const bool cut = std::any_of(changed.begin(), changed.end(),
                               [](const PiecePtr& piece) { return piece->bytes.empty(); });
  if (cut) {
    node->content = node->durable;
  } else {
    node->content.resize(node->durable.size());
    for (const PiecePtr& piece : changed) {
      if (piece->offset >= node->durable.size()) continue;
      const uint64_t size =
          std::min<uint64_t>(piece->bytes.size(), node->durable.size() - piece->offset);
      const auto from = node->durable.begin() + static_cast<ptrdiff_t>(piece->offset);
      std::copy_n(from, size, node->content.begin() + static_cast<ptrdiff_t>(piece->offset));
    }
  }
  node->written_end = node->durable_end;
}

std::unique_ptr<SimDisk> SimDisk::Crash(Options options, Ending ending) {
  CHECK(!dead_);
  dead_ = true;
  auto after = std::make_unique<SimDisk>(executor_, random_.Draw(), options);
  after->folders_ = folders_;
  if (ending == Ending::kProcessKill) {
    // The kernel goes on with what it was given, a write under way too.
    for (const auto& [path, node] : names_) {
      for (const PiecePtr& piece : node->pending) piece->returned = true;
    }
    after->names_ = std::move(names_);
    after->durable_names_ = std::move(durable_names_);
    after->pending_names_ = std::move(pending_names_);
    return after;
  }
  std::map<std::string, NodePtr> names = std::move(durable_names_);
  const int keep = static_cast<int>(random_.Below(101));  // some crashes keep most, some nothing
  for (const auto& [folder, changes] : pending_names_) {
    for (const NameChange& change : changes) {
      if (!Percent(keep)) continue;
      if (change.node == nullptr) {
        names.erase(change.path);
      } else {
        names[change.path] = change.node;
      }
    }
  }
  std::set<const Node*> settled;  // one file may have two names
  for (auto& [path, node] : names) {
    if (!settled.insert(node.get()).second) {
      node = std::make_shared<Node>(*node);
      continue;
    }
    LosePower(node.get(), keep);
  }
  after->names_ = names;
  after->durable_names_ = std::move(names);
  return after;
}

std::unique_ptr<SimDisk> SimDisk::CleanCopy() {
  auto copy = std::make_unique<SimDisk>(executor_, random_.Draw(), options_);
  copy->folders_ = folders_;
  for (const auto& [path, node] : names_) {
    auto clean = std::make_shared<Node>();
    clean->content = node->content;
    clean->durable = node->content;
    clean->written_end = node->written_end;
    clean->durable_end = node->written_end;
    copy->names_[path] = std::move(clean);
  }
  copy->durable_names_ = copy->names_;
  return copy;
}

std::string SimDisk::FlipBit(const std::string& suffix) {
  std::vector<std::string> paths;
  for (const auto& [path, node] : names_) {
    if (path.ends_with(suffix) && node->written_end > 0) paths.push_back(path);
  }
  if (paths.empty()) return "";
  const std::string& path = paths[random_.Below(paths.size())];
  Node& node = *names_[path];
  const uint64_t bit = random_.Below(8 * std::min(node.written_end, node.content.size()));
  const auto mask = static_cast<uint8_t>(1U << (bit % 8));
  node.content[bit / 8] ^= mask;
  if (bit / 8 < node.durable.size()) node.durable[bit / 8] ^= mask;
  return path;
}

std::vector<uint8_t>* SimDisk::Content(const std::string& path) {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : &found->second->content;
}

void SimDisk::PutFile(const std::string& path, std::vector<uint8_t> content) {
  auto node = std::make_shared<Node>();
  node->written_end = content.size();
  node->durable_end = content.size();
  node->durable = content;
  node->content = std::move(content);
  for (std::string folder = FolderOf(path); !folder.empty(); folder = FolderOf(folder)) {
    folders_.insert(folder);
  }
  names_[path] = node;
  durable_names_[path] = node;
}

void SimDisk::RemoveTree(const std::string& path) {
  const auto inside = [&](const std::string& name) {
    return name == path || name.starts_with(path + "/");
  };
  std::erase_if(names_, [&](const auto& entry) { return inside(entry.first); });
  std::erase_if(durable_names_, [&](const auto& entry) { return inside(entry.first); });
  std::erase_if(folders_, inside);
}

std::vector<std::string> SimDisk::Files() const {
  std::vector<std::string> files;
  for (const auto& [path, node] : names_) files.push_back(path);
  return files;
}

uint64_t SimDisk::bytes_used() const {
  uint64_t bytes = 0;
  for (const auto& [path, node] : names_) bytes += node->content.size();
  return bytes;
}

}  // namespace ashlar
