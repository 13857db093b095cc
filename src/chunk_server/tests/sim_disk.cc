#include "chunk_server/tests/sim_disk.h"

#include <algorithm>
#include <utility>

namespace ashlar::chunk_server {

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
  for (const ByteSpan part : parts) {
    piece->bytes.insert(piece->bytes.end(), part.begin(), part.end());
  }
  if (piece->bytes.empty()) co_return Status::Ok();
  SimDisk::Apply(*piece, &node_->content);
  node_->written_end = std::max(node_->written_end, offset + piece->bytes.size());
  node_->pending.push_back(piece);
  co_await disk_.Pause();
  piece->returned = true;
  if (disk_.dead_) co_return Status(Code::kIoError, "power is off");
  co_return Status::Ok();
}

Task<Status> SimFile::Sync() {
  // What counts is what had returned when the sync began.
  const Status begun = co_await disk_.Begin(SimDisk::Operation::kSync, path_);
  if (!begun.ok()) {
    // As Linux does it: pages that could not be written are dropped, and called clean.
    std::erase_if(node_->pending, [](const auto& piece) { return piece->returned; });
    co_return begun;
  }
  ++disk_.syncs_;
  std::vector<std::shared_ptr<SimDisk::Piece>> covered;
  for (const auto& piece : node_->pending) {
    if (piece->returned) covered.push_back(piece);
  }
  co_await disk_.Pause();
  if (disk_.dead_) co_return Status(Code::kIoError, "power is off");
  if (disk_.options_.sync_does_nothing) co_return Status::Ok();
  for (const auto& piece : covered) {
    const auto found = std::find(node_->pending.begin(), node_->pending.end(), piece);
    if (found == node_->pending.end()) continue;
    SimDisk::Apply(*piece, &node_->durable);
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
  co_return disk_.dead_ ? Status(Code::kIoError, "power is off") : Status::Ok();
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
  const std::vector<uint8_t> zeros(size, 0);
  const ByteSpan part(zeros);
  co_return co_await WriteAt(offset, std::span<const ByteSpan>(&part, 1));
}

Task<Status> SimFile::Truncate(uint64_t size) { co_return co_await Resize(size); }

Task<Result<uint64_t>> SimFile::Size() {
  if (disk_.dead_) co_return Status(Code::kIoError, "power is off");
  co_return uint64_t{node_->content.size()};
}

Task<Result<uint64_t>> SimFile::DataEnd(uint64_t from) {
  if (disk_.dead_) co_return Status(Code::kIoError, "power is off");
  const uint64_t end = (node_->written_end + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  co_return std::max(from, std::min<uint64_t>(end, node_->content.size()));
}

SimDisk::SimDisk(SimExecutor& executor, uint64_t seed, Options options)
    : executor_(executor), random_(seed), options_(options) {}
SimDisk::SimDisk(SimExecutor& executor, uint64_t seed) : SimDisk(executor, seed, Options()) {}

Task<void> SimDisk::Pause() {
  const auto nanoseconds =
      static_cast<int64_t>(random_() % static_cast<uint64_t>(options_.delay_nanoseconds_max + 1));
  Sleep sleep{Duration(nanoseconds)};
  co_await sleep;
}

Task<Status> SimDisk::Begin(Operation operation, std::string path) {
  const bool both = operation == Operation::kWrite || operation == Operation::kSync;
  if (!both || Chance(50)) co_await Pause();
  if (dead_) co_return Status(Code::kIoError, "power is off");
  co_return fault ? fault(operation, path) : Status::Ok();
}

bool SimDisk::Chance(int percent) { return random_() % 100 < static_cast<uint64_t>(percent); }

void SimDisk::Apply(const Piece& piece, std::vector<uint8_t>* to) {
  if (piece.bytes.empty()) {
    to->resize(piece.size);
    return;
  }
  if (to->size() < piece.offset + piece.bytes.size()) to->resize(piece.offset + piece.bytes.size());
  std::copy(piece.bytes.begin(), piece.bytes.end(),
            to->begin() + static_cast<ptrdiff_t>(piece.offset));
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
  if (dead_) co_return Status(Code::kIoError, "power is off");
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
  if (dead_) co_return Status(Code::kIoError, "power is off");
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
  if (dead_) co_return Status(Code::kIoError, "power is off");
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
  if (dead_) co_return Status(Code::kIoError, "power is off");
  const uint64_t used = bytes_used();
  SpaceInfo info;
  info.total_bytes = options_.capacity_bytes;
  info.available_bytes = used < options_.capacity_bytes ? options_.capacity_bytes - used : 0;
  co_return info;
}

std::unique_ptr<SimDisk> SimDisk::Crash(Options options) {
  dead_ = true;
  auto after = std::make_unique<SimDisk>(executor_, random_(), options);
  after->folders_ = folders_;
  std::map<std::string, NodePtr> names = durable_names_;
  const int keep = static_cast<int>(random_() % 101);  // some crashes keep most, some nothing
  for (const auto& [folder, changes] : pending_names_) {
    for (const NameChange& change : changes) {
      if (!Chance(keep)) continue;
      if (change.node == nullptr) {
        names.erase(change.path);
      } else {
        names[change.path] = change.node;
      }
    }
  }
  std::map<NodePtr, NodePtr> copies;  // one file may have two names
  for (const auto& [path, node] : names) {
    NodePtr& copy = copies[node];
    if (copy == nullptr) {
      copy = std::make_shared<Node>();
      copy->durable = node->durable;
      for (const auto& piece : node->pending) {
        if (!Chance(keep)) continue;
        Piece torn = *piece;
        if (!torn.bytes.empty() && Chance(50)) {  // each sector of it, or not
          for (uint64_t at = 0; at < torn.bytes.size();) {
            const uint64_t sector_end =
                (torn.offset + at) / kSectorBytes * kSectorBytes + kSectorBytes;
            const uint64_t end = std::min<uint64_t>(torn.bytes.size(), sector_end - torn.offset);
            if (Chance(50)) {
              Piece sector;
              sector.offset = torn.offset + at;
              sector.bytes.assign(torn.bytes.begin() + static_cast<ptrdiff_t>(at),
                                  torn.bytes.begin() + static_cast<ptrdiff_t>(end));
              Apply(sector, &copy->durable);
              copy->written_end = std::max(copy->written_end, sector.offset + sector.bytes.size());
            }
            at = end;
          }
        } else {
          Apply(torn, &copy->durable);
        }
      }
      copy->content = copy->durable;
      uint64_t end = copy->content.size();
      while (end > 0 && copy->content[end - 1] == 0) --end;
      copy->written_end = end;
    }
    after->names_[path] = copy;
  }
  after->durable_names_ = after->names_;
  return after;
}

std::unique_ptr<SimDisk> SimDisk::CleanCopy() {
  auto copy = std::make_unique<SimDisk>(executor_, random_(), options_);
  copy->folders_ = folders_;
  for (const auto& [path, node] : names_) {
    auto clean = std::make_shared<Node>();
    clean->content = node->content;
    clean->durable = node->content;
    clean->written_end = node->written_end;
    copy->names_[path] = std::move(clean);
  }
  copy->durable_names_ = copy->names_;
  return copy;
}

std::vector<uint8_t>* SimDisk::Content(const std::string& path) {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : &found->second->content;
}

void SimDisk::PutFile(const std::string& path, std::vector<uint8_t> content) {
  auto node = std::make_shared<Node>();
  node->written_end = content.size();
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
  std::set<const Node*> counted;
  uint64_t bytes = 0;
  for (const auto& [path, node] : names_) {
    if (counted.insert(node.get()).second) bytes += node->content.size();
  }
  return bytes;
}

}  // namespace ashlar::chunk_server
