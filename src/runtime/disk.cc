#include "runtime/disk.h"

namespace ashlar {

Task<Result<std::string>> ReadWholeFile(Disk& disk, std::string path, size_t size_max) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<DiskFile> file,
                      co_await disk.Open(path, Disk::OpenMode::kReadOnly));
  CO_ASSIGN_OR_RETURN(const uint64_t size, co_await file->Size());
  if (size > size_max) {
    co_return Status(Code::kInvalidArgument, path + " is larger than expected");
  }
  std::string content(size, '\0');
  const MutableByteSpan out(reinterpret_cast<uint8_t*>(content.data()), content.size());
  if (size > 0) CO_RETURN_IF_ERROR(co_await file->ReadAt(0, out));
  co_return content;
}

Task<Status> WriteWholeFile(Disk& disk, std::string directory, std::string name,
                            std::string content) {
  const std::string temporary = directory + "/." + name + ".new";
  const Status removed = co_await disk.Remove(temporary);  // left by a crash
  if (!removed.ok() && removed.code() != Code::kNotFound) co_return removed;
  {
    CO_ASSIGN_OR_RETURN(std::unique_ptr<DiskFile> file,
                        co_await disk.Open(temporary, Disk::OpenMode::kCreateNew));
    const ByteSpan part = AsBytes(content);
    CO_RETURN_IF_ERROR(co_await file->WriteAt(0, std::span<const ByteSpan>(&part, 1)));
    CO_RETURN_IF_ERROR(co_await file->Sync());
  }
  CO_RETURN_IF_ERROR(co_await disk.Rename(temporary, directory + "/" + name));
  co_return co_await disk.SyncDirectory(directory);
}

}  // namespace ashlar
