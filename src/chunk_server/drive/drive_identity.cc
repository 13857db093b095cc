// The identity file of a drive: a small JSON object, so that a person can read it, with a CRC over
// its values, so that a damaged one is not taken for another drive.
//
// Making a drive: folders first, durably; the identity file last. It is the commit point: without
// it the folder still counts as empty, and making the drive can be begun again after a crash.
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/digest.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/local_chunk_store.h"

namespace ashlar::chunk_server {
namespace {

constexpr int kFormatVersion = 1;
constexpr char kFormatName[] = "ashlar-drive";
constexpr char kVolumesFolder[] = "volumes";

std::string Checksum(const DriveIdentity& identity) {
  const std::string text = std::string(kFormatName) + "/" + std::to_string(kFormatVersion) + "/" +
                           identity.cluster_id.ToHex() + "/" + identity.drive_uuid.ToHex() + "/" +
                           std::to_string(identity.drive.value);
  const uint32_t crc = Crc32c(0, AsBytes(text));
  uint8_t bytes[4];
  StoreLittle32(bytes, crc);
  return HexEncode(bytes);
}

Result<UniqueId> ReadId(const nlohmann::json& object, const char* name) {
  const auto field = object.find(name);
  std::string bytes;
  if (field == object.end() || !field->is_string() ||
      !HexDecode(field->get_ref<const std::string&>(), &bytes) || bytes.size() != 16) {
    return Status(Code::kCorrupt, std::string("no valid \"") + name + "\"");
  }
  return UniqueId::FromView(bytes);
}

// What a drive in the making, or a file system's own tool, leaves in a folder.
bool CountsAsNothing(const std::string& name) {
  return name == "lost+found" ||
         (name != kIdentityFileName && name.find(kIdentityFileName) != std::string::npos);
}

Task<Result<DrivePathReport>> InspectIdentity(Disk& disk, std::string path) {
  DrivePathReport report;
  const Result<std::string> text =
      co_await ReadWholeFile(disk, path + "/" + kIdentityFileName, kIdentityBytesMax);
  if (!text.ok()) {
    report.state = DrivePathState::kForeign;
    report.detail = "identity file cannot be read: " + text.status().message();
    co_return report;
  }
  const Result<DriveIdentity> identity = DecodeIdentity(*text);
  if (!identity.ok()) {
    report.state = DrivePathState::kForeign;
    report.detail = "identity file is damaged: " + identity.status().message();
    co_return report;
  }
  report.state = DrivePathState::kIdentified;
  report.identity = *identity;
  co_return report;
}

std::string ParentOf(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const size_t slash = trimmed.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : trimmed.substr(0, slash);
}

}  // namespace

std::string EncodeIdentity(const DriveIdentity& identity) {
  nlohmann::ordered_json object;
  object["format"] = kFormatName;
  object["version"] = kFormatVersion;
  object["cluster_id"] = identity.cluster_id.ToHex();
  object["drive_uuid"] = identity.drive_uuid.ToHex();
  object["drive"] = identity.drive.value;
  object["crc32c"] = Checksum(identity);
  return object.dump(2) + "\n";
}

Result<DriveIdentity> DecodeIdentity(std::string_view text) {
  const nlohmann::json object = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Status(Code::kCorrupt, "not a JSON object");
  const auto format = object.find("format");
  if (format == object.end() || *format != kFormatName) {
    return Status(Code::kCorrupt, "not an ashlar drive");
  }
  const auto version = object.find("version");
  if (version == object.end() || *version != kFormatVersion) {
    return Status(Code::kCorrupt, "format version is not " + std::to_string(kFormatVersion));
  }
  DriveIdentity identity;
  ASSIGN_OR_RETURN(identity.cluster_id, ReadId(object, "cluster_id"));
  ASSIGN_OR_RETURN(identity.drive_uuid, ReadId(object, "drive_uuid"));
  const auto drive = object.find("drive");
  if (drive == object.end() || !drive->is_number_unsigned() || drive->get<uint64_t>() > 0xffff) {
    return Status(Code::kCorrupt, "no valid \"drive\"");
  }
  identity.drive.value = static_cast<uint16_t>(drive->get<uint64_t>());
  const auto crc = object.find("crc32c");
  if (crc == object.end() || *crc != Checksum(identity)) {
    return Status(Code::kCorrupt, "checksum does not match");
  }
  return identity;
}

Task<Result<DrivePathReport>> InspectDrivePath(Disk& disk, std::string path) {
  DrivePathReport report;
  Result<std::vector<std::string>> names = co_await disk.List(path);
  if (names.code() == Code::kNotFound) {
    report.state = DrivePathState::kMissing;
    report.detail = "no such folder: " + path;
    co_return report;
  }
  if (!names.ok()) co_return names.status();
  if (std::find(names->begin(), names->end(), kIdentityFileName) != names->end()) {
    co_return co_await InspectIdentity(disk, std::move(path));
  }
  for (const std::string& name : *names) {
    if (CountsAsNothing(name)) continue;
    if (name == kVolumesFolder) {
      const Result<std::vector<std::string>> inside = co_await disk.List(path + "/" + name);
      if (inside.ok() && inside->empty()) continue;
    }
    report.state = DrivePathState::kForeign;
    report.detail = "no identity file, but other things: " + name;
    co_return report;
  }
  report.state = DrivePathState::kEmpty;
  report.detail = "empty folder: " + path;
  co_return report;
}

Task<Status> InitializeDrive(Disk& disk, std::string path, DriveIdentity identity) {
  const Result<DrivePathReport> found = co_await InspectDrivePath(disk, path);
  if (!found.ok()) co_return found.status();
  if (found->state != DrivePathState::kMissing && found->state != DrivePathState::kEmpty) {
    co_return Status(Code::kAlreadyExists, path + " is not empty: " + found->detail);
  }
  CO_RETURN_IF_ERROR(co_await disk.CreateDirectory(path + "/" + kVolumesFolder));
  CO_RETURN_IF_ERROR(co_await disk.SyncDirectory(path + "/" + kVolumesFolder));
  CO_RETURN_IF_ERROR(co_await disk.SyncDirectory(path));
  // The folder's own name, and those of parents that may have been made with it. A parent that we
  // may not open was not made by us.
  std::string parent = ParentOf(path);
  CO_RETURN_IF_ERROR(co_await disk.SyncDirectory(parent));
  while (parent != "/" && parent != ".") {
    parent = ParentOf(parent);
    const Status status = co_await disk.SyncDirectory(parent);
    if (!status.ok()) break;
  }
  co_return co_await WriteWholeFile(disk, path, kIdentityFileName, EncodeIdentity(identity));
}

}  // namespace ashlar::chunk_server
