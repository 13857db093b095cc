#include "powercut/fuse_mount.h"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ashlar::powercut {
namespace {

// The loop has one thread, so the store needs no lock. Nobody else changes it: the kernel may keep
// what it knows until the mount ends.
constexpr double kValidSeconds = 3600;
constexpr uint64_t kFileSystemBlocks = uint64_t{1} << 28;  // 1 TiB
constexpr unsigned kWriteBytesMax = 1 << 20;

UnsyncedStore& StoreOf(fuse_req_t request) {
  return *static_cast<UnsyncedStore*>(fuse_req_userdata(request));
}

struct stat Attributes(const UnsyncedStore& store, Inode inode) {
  struct stat attributes {};
  const bool directory = store.IsDirectory(inode);
  attributes.st_ino = inode;
  attributes.st_mode = (directory ? S_IFDIR : S_IFREG) | store.Mode(inode);
  attributes.st_nlink = directory ? 2 : 1;
  attributes.st_uid = getuid();
  attributes.st_gid = getgid();
  attributes.st_size = static_cast<off_t>(store.Size(inode));
  attributes.st_blksize = kPageBytes;
  attributes.st_blocks = static_cast<blkcnt_t>(store.AllocatedBytes(inode) / 512);
  return attributes;
}

fuse_entry_param Entry(const UnsyncedStore& store, Inode inode) {
  fuse_entry_param entry{};
  entry.ino = inode;
  entry.attr = Attributes(store, inode);
  entry.attr_timeout = entry.entry_timeout = kValidSeconds;
  return entry;
}

void Initialize(void*, fuse_conn_info* connection) { connection->max_write = kWriteBytesMax; }

void Lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const Inode inode = StoreOf(request).Lookup(parent, name);
  if (inode == kNoInode) return (void)fuse_reply_err(request, ENOENT);
  const fuse_entry_param entry = Entry(StoreOf(request), inode);
  fuse_reply_entry(request, &entry);
}

void ReplyAttributes(fuse_req_t request, Inode inode) {
  const struct stat attributes = Attributes(StoreOf(request), inode);
  fuse_reply_attr(request, &attributes, kValidSeconds);
}

void GetAttributes(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
  ReplyAttributes(request, inode);
}

void SetAttributes(fuse_req_t request, fuse_ino_t inode, struct stat* wanted, int what,
                   fuse_file_info*) {
  if (what & FUSE_SET_ATTR_SIZE) {
    StoreOf(request).Resize(inode, static_cast<uint64_t>(wanted->st_size));
  }
  if (what & FUSE_SET_ATTR_MODE) StoreOf(request).SetMode(inode, wanted->st_mode & 07777);
  ReplyAttributes(request, inode);
}

void MakeDirectory(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  if (StoreOf(request).Lookup(parent, name) != kNoInode) {
    return (void)fuse_reply_err(request, EEXIST);
  }
  const Inode inode = StoreOf(request).Create(parent, name, mode, true);
  const fuse_entry_param entry = Entry(StoreOf(request), inode);
  fuse_reply_entry(request, &entry);
}

void Create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* file) {
  Inode inode = StoreOf(request).Lookup(parent, name);
  if (inode != kNoInode && (file->flags & O_EXCL)) return (void)fuse_reply_err(request, EEXIST);
  if (inode == kNoInode) inode = StoreOf(request).Create(parent, name, mode, false);
  file->keep_cache = 1;
  const fuse_entry_param entry = Entry(StoreOf(request), inode);
  fuse_reply_create(request, &entry, file);
}

void Remove(fuse_req_t request, fuse_ino_t parent, const char* name) {
  StoreOf(request).Remove(parent, name);
  fuse_reply_err(request, 0);
}

void RemoveDirectory(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const Inode inode = StoreOf(request).Lookup(parent, name);
  if (!StoreOf(request).Names(inode).empty()) return (void)fuse_reply_err(request, ENOTEMPTY);
  Remove(request, parent, name);
}

void Rename(fuse_req_t request, fuse_ino_t from, const char* old_name, fuse_ino_t to,
            const char* new_name, unsigned flags) {
  if (flags != 0) return (void)fuse_reply_err(request, EINVAL);
  StoreOf(request).Rename(from, old_name, to, new_name);
  fuse_reply_err(request, 0);
}

void Open(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
  file->keep_cache = 1;
  fuse_reply_open(request, file);
}

void Read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
  const std::string data = StoreOf(request).Read(inode, static_cast<uint64_t>(offset), size);
  fuse_reply_buf(request, data.data(), data.size());
}

void Write(fuse_req_t request, fuse_ino_t inode, const char* data, size_t size, off_t offset,
           fuse_file_info*) {
  StoreOf(request).Write(inode, static_cast<uint64_t>(offset), {data, size});
  fuse_reply_write(request, size);
}

void SyncFile(fuse_req_t request, fuse_ino_t inode, int, fuse_file_info*) {
  StoreOf(request).SyncFile(inode);
  fuse_reply_err(request, 0);
}

void SyncDirectory(fuse_req_t request, fuse_ino_t inode, int, fuse_file_info*) {
  StoreOf(request).SyncDirectory(inode);
  fuse_reply_err(request, 0);
}

void ReadDirectory(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                   fuse_file_info*) {
  std::string buffer(size, '\0');
  size_t used = 0;
  off_t number = 0;
  for (const auto& [name, child] : StoreOf(request).Names(inode)) {
    if (++number <= offset) continue;
    const struct stat attributes = Attributes(StoreOf(request), child);
    const size_t wants = fuse_add_direntry(request, buffer.data() + used, size - used, name.c_str(),
                                           &attributes, number);
    if (wants > size - used) break;
    used += wants;
  }
  fuse_reply_buf(request, buffer.data(), used);
}

void Statistics(fuse_req_t request, fuse_ino_t) {
  struct statvfs statistics {};
  statistics.f_bsize = statistics.f_frsize = kPageBytes;
  statistics.f_blocks = statistics.f_bfree = statistics.f_bavail = kFileSystemBlocks;
  statistics.f_files = statistics.f_ffree = kFileSystemBlocks;
  statistics.f_namemax = 255;
  fuse_reply_statfs(request, &statistics);
}

void Allocate(fuse_req_t request, fuse_ino_t inode, int mode, off_t offset, off_t length,
              fuse_file_info*) {
  UnsyncedStore& store = StoreOf(request);
  const auto begin = static_cast<uint64_t>(offset);
  const auto size = static_cast<uint64_t>(length);
  if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
    store.Punch(inode, begin, size);
  } else if (mode == 0) {
    if (begin + size > store.Size(inode)) store.Resize(inode, begin + size);
  } else if (mode != FALLOC_FL_KEEP_SIZE) {
    return (void)fuse_reply_err(request, EOPNOTSUPP);
  }
  fuse_reply_err(request, 0);
}

void Seek(fuse_req_t request, fuse_ino_t inode, off_t offset, int whence, fuse_file_info*) {
  const UnsyncedStore& store = StoreOf(request);
  const auto begin = static_cast<uint64_t>(offset);
  const uint64_t size = store.Size(inode);
  const uint64_t found =
      whence == SEEK_DATA ? store.NextData(inode, begin) : store.NextHole(inode, begin);
  if (begin >= size || (whence == SEEK_DATA && found == size)) {
    return (void)fuse_reply_err(request, ENXIO);
  }
  fuse_reply_lseek(request, static_cast<off_t>(found));
}

// Locks are the kernel's own affair, as long as nobody here claims them.
fuse_lowlevel_ops Operations() {
  fuse_lowlevel_ops operations{};
  operations.init = Initialize;
  operations.lookup = Lookup;
  operations.getattr = GetAttributes;
  operations.setattr = SetAttributes;
  operations.mkdir = MakeDirectory;
  operations.create = Create;
  operations.unlink = Remove;
  operations.rmdir = RemoveDirectory;
  operations.rename = Rename;
  operations.open = Open;
  operations.read = Read;
  operations.write = Write;
  operations.fsync = SyncFile;
  operations.fsyncdir = SyncDirectory;
  operations.readdir = ReadDirectory;
  operations.statfs = Statistics;
  operations.fallocate = Allocate;
  operations.lseek = Seek;
  return operations;
}

}  // namespace

bool Serve(UnsyncedStore* store, const std::string& mount_point, void (*mounted)()) {
  std::string program = "ashlar-powercut";
  std::array<char*, 2> words = {program.data(), nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(1, words.data());
  const fuse_lowlevel_ops operations = Operations();
  fuse_session* session = fuse_session_new(&arguments, &operations, sizeof(operations), store);
  fuse_opt_free_args(&arguments);
  if (session == nullptr) return false;
  if (fuse_session_mount(session, mount_point.c_str()) != 0) {
    fuse_session_destroy(session);
    return false;
  }
  mounted();
  (void)fuse_session_loop(session);
  fuse_session_unmount(session);
  fuse_session_destroy(session);
  return true;
}

}  // namespace ashlar::powercut
