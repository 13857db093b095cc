#include "lifecycle_worker/tests/reclaim_world.h"

#include <cstdlib>

#include "base/log.h"
#include "metadata_db/consistency_check.h"
#include "object_service/checksums.h"

namespace ashlar::lifecycle_worker {
namespace {

using chunk_server::ChunkStore;
using chunk_server::WalkedShard;
using object_service::VersionPtr;

class TextBody final : public object_service::BodySource {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  uint64_t size() const override { return text_.size(); }
  Task<Result<size_t>> Read(MutableByteSpan out) override {
    const size_t count = std::min(out.size(), text_.size() - given_);
    std::copy_n(text_.data() + given_, count, out.data());
    given_ += count;
    co_return count;
  }
  Md5Digest Md5() const override { return ashlar::Md5(AsBytes(text_)); }
  model::Checksum Checksum() const override {
    model::Checksum checksum;
    checksum.algorithm = checksum_algorithm();
    checksum.value = object_service::EncodeCrc64(Crc64Nvme());
    return checksum;
  }
  model::ChecksumAlgorithm checksum_algorithm() const override {
    return model::ChecksumAlgorithm::kCrc64Nvme;
  }
  uint64_t Crc64Nvme() const override { return ashlar::Crc64Nvme(0, AsBytes(text_)); }

 private:
  std::string text_;
  size_t given_ = 0;
};

Task<Status> SleepFor(Duration duration) {
  Sleep sleep(duration);
  co_await sleep;
  co_return Status::Ok();
}

Task<Result<std::string>> ReadAll(object_service::ObjectService* objects, VersionPtr version) {
  std::string bytes;
  const auto reader = objects->OpenReader(version, 0, version->size);
  while (true) {
    CO_ASSIGN_OR_RETURN(const std::span<const ByteSpan> pieces, co_await reader->Next());
    if (pieces.empty()) co_return bytes;
    for (const ByteSpan piece : pieces) bytes += AsText(piece);
  }
}

Task<Status> PutOne(object_service::ObjectService* objects,
                    object_service::PutObjectRequest request, std::string bytes) {
  TextBody body(std::move(bytes));
  co_return (co_await objects->PutObject(std::move(request), body)).status();
}

Task<std::vector<Status>> Dead(size_t count) {
  co_return std::vector<Status>(count, Status(Code::kUnavailable, "the process is dead"));
}

}  // namespace

Task<std::vector<Status>> MortalStore::Submit(std::vector<metadata_db::TransactionBody> bodies,
                                              Duration patience) {
  if (dead) return Dead(bodies.size());
  return inner_.Submit(std::move(bodies), patience);
}

Task<Result<std::optional<std::string>>> MortalStore::Get(std::string key) {
  if (dead) co_return Status(Code::kUnavailable, "the process is dead");
  co_return co_await inner_.Get(std::move(key));
}

Task<Status> MortalStore::Read(metadata_db::ReadBody body) {
  if (dead) co_return Status(Code::kUnavailable, "the process is dead");
  co_return co_await inner_.Read(std::move(body));
}

ReclaimWorld::ReclaimWorld(uint64_t seed)
    : executor(seed), clock(executor), random(seed), rows(metadata_db::NewMemoryStore()) {
  if (std::getenv("ASHLAR_TEST_LOG") == nullptr) spdlog::set_level(spdlog::level::off);
  options.grace = kGrace;
  options.trash_period = kTrash;
  options.orphan_grace = kOrphanGrace;
  options.sparse_age_min = std::chrono::seconds(5);
  options.compaction_bytes_per_second = 1ULL << 40;
  options.pressure_free_share = 0;
  store_options.volume_bytes = 512 * 1024;
  store_options.allocate_step_bytes = 64 * 1024;
  store_options.checkpoint_step_bytes = 32 * 1024;
  store_options.reserved_free_bytes = 0;
  store_options.identity.cluster_id = NewUniqueId(clock, random);
  store_options.purge_age_min_ms = std::chrono::milliseconds(kGrace).count();
  for (int i = 0; i < kDrives; ++i) {
    disks.push_back(std::make_unique<SimDisk>(executor, seed * 31 + static_cast<uint64_t>(i)));
    drive_uuids_.push_back(NewUniqueId(clock, random));
    chunk_server::DriveIdentity identity = store_options.identity;
    identity.drive = DriveId{static_cast<uint16_t>(i)};
    identity.drive_uuid = drive_uuids_.back();
    CHECK(Run(chunk_server::InitializeDrive(*disks.back(), "/drive", identity)).ok());
  }
  Open();
  CHECK(Run(objects->CreateBucket("bucket", "root", "us-east-1")).ok());
  bucket = Run(objects->GetBucket("bucket")).value();
}

ReclaimWorld::~ReclaimWorld() { Close(); }

void ReclaimWorld::Open() {
  mortal = std::make_unique<MortalStore>(*rows);
  buffers = std::make_unique<BufferPool>(64ULL << 20);
  cache = std::make_unique<index_cache::IndexCache>(clock, index_cache::IndexCacheOptions());
  metadata = std::make_unique<metadata_db::MetadataDb>(*mortal, clock, random, cache.get());
  cache->SetDatabase(metadata.get());
  encoder = std::make_unique<erasure_encoder::ErasureEncoder>(erasure_encoder::Code{2, 1});
  std::vector<cluster::PlacementTarget> targets;
  std::vector<ChunkStore*> raw;
  for (size_t i = 0; i < disks.size(); ++i) {
    chunk_server::LocalChunkStoreOptions drive = store_options;
    drive.path = "/drive";
    drive.identity.drive = DriveId{static_cast<uint16_t>(i)};
    drive.identity.drive_uuid = drive_uuids_[i];
    stores.push_back(Run(OpenLocalChunkStore(*disks[i], clock, drive)).value());
    raw.push_back(stores.back().get());
    targets.push_back({drive.identity.drive, std::to_string(i)});
  }
  placement = std::make_unique<cluster::PlacementMap>(
      cluster::PlacementMap::Create(std::move(targets), 3).value());
  object_service::ObjectServiceOptions service_options;
  service_options.part_bytes_min = 1;
  objects = std::make_unique<object_service::ObjectService>(
      object_service::ObjectService::Dependencies{*metadata, *cache, *encoder, *placement, raw,
                                                  *buffers, clock, random},
      service_options);
  reclaimer = std::make_unique<Reclaimer>(
      Reclaimer::Dependencies{*metadata, *objects, raw, clock,
                              [this](DriveId drive) { return removed.contains(drive); }},
      options);
}

void ReclaimWorld::Close() {
  if (reclaimer == nullptr) return;
  Run(reclaimer->Stop());
  executor.RunUntilIdle();
  Run(objects->Shutdown());
  executor.RunUntilIdle();
  reclaimer.reset();
  objects.reset();
  for (auto& store : stores) Run(store->Close());
  stores.clear();
  placement.reset();
  encoder.reset();
  metadata.reset();
  cache.reset();
  buffers.reset();
  mortal.reset();
}

void ReclaimWorld::Crash() {
  mortal->dead = true;
  std::vector<std::unique_ptr<SimDisk>> found;
  for (auto& disk : disks) found.push_back(disk->Crash(disk->options()));
  Close();  // whatever still ran meets a dead disk and a dead database
  disks = std::move(found);
}

void ReclaimWorld::EndScan() {
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back(metadata_db::kScanCompletedSetting,
                        std::to_string(clock.WallMilliseconds()));
  CHECK(Run(metadata->PutSettings(std::move(settings))).ok());
}

void ReclaimWorld::Wait(Duration duration) { (void)Run(SleepFor(duration)); }

Status ReclaimWorld::Cycles(int count, Duration apart) {
  for (int i = 0; i < count; ++i) {
    Wait(apart);
    RETURN_IF_ERROR(Run(reclaimer->RunCycle()));
  }
  return Status::Ok();
}

Status ReclaimWorld::Put(const std::string& key, const std::string& bytes) {
  return PutTogether({{key, bytes}});
}

Status ReclaimWorld::PutTogether(const std::map<std::string, std::string>& objects_by_key) {
  std::vector<Task<Status>> puts;
  for (const auto& [key, bytes] : objects_by_key) {
    object_service::PutObjectRequest request;
    request.bucket = bucket;
    request.key = key;
    puts.push_back(PutOne(objects.get(), std::move(request), bytes));
  }
  const std::vector<Status> answers = Run(WhenAll(std::move(puts)));
  for (const Status& status : answers) RETURN_IF_ERROR(status);
  return Status::Ok();
}

Status ReclaimWorld::Delete(const std::string& key) {
  std::vector<metadata_db::DeleteObjectChange> changes(1);
  changes[0].key = key;
  return Run(objects->DeleteObjects(bucket, std::move(changes))).at(0).status();
}

Status ReclaimWorld::Copy(const std::string& from, const std::string& to) {
  object_service::CopyObjectRequest request;
  ASSIGN_OR_RETURN(request.source, Find(from));
  request.source_bucket = bucket;
  request.source_key = from;
  request.bucket = bucket;
  request.key = to;
  return Run(objects->CopyObject(request)).status();
}

Result<VersionPtr> ReclaimWorld::Find(const std::string& key) {
  return Run(objects->FindVersion(bucket, key, std::nullopt));
}

Result<std::string> ReclaimWorld::ReadVersion(VersionPtr version) {
  return Run(ReadAll(objects.get(), std::move(version)));
}

Result<std::string> ReclaimWorld::Get(const std::string& key) {
  ASSIGN_OR_RETURN(VersionPtr version, Find(key));
  return ReadVersion(std::move(version));
}

Status ReclaimWorld::Multipart(const std::string& key, const std::string& bytes, bool complete) {
  object_service::CreateUploadRequest create;
  create.bucket = bucket;
  create.key = key;
  ASSIGN_OR_RETURN(const model::Upload upload, Run(objects->CreateUpload(create)));
  object_service::CompleteUploadRequest finish;
  const size_t half = bytes.size() / 2;
  for (uint32_t number = 1; number <= 2; ++number) {
    object_service::UploadPartRequest request{bucket, upload, number};
    TextBody body(number == 1 ? bytes.substr(0, half) : bytes.substr(half));
    const auto part = Run(objects->UploadPart(request, body));
    if (!part.ok()) {
      RETURN_IF_ERROR(Run(objects->AbortUpload(bucket, key, upload.id)));
      return part.status();
    }
    finish.parts.push_back({number, part->etag, {}});
  }
  if (!complete) return Run(objects->AbortUpload(bucket, key, upload.id));
  finish.bucket = bucket;
  finish.key = key;
  finish.upload_id = upload.id;
  object_service::CompleteRefusal refusal;
  return Run(objects->CompleteUpload(finish, &refusal)).status();
}

std::vector<model::ReclaimRecord> ReclaimWorld::Reclaims() {
  return Run(Catalog().ListReclaims(ExtentId{}, 100'000)).value();
}

std::vector<model::DeadShard> ReclaimWorld::DeadShards() {
  return Run(Catalog().ListDeadShards(std::nullopt, 100'000)).value();
}

model::Extent ReclaimWorld::ExtentOf(const std::string& key) {
  const VersionPtr version = Find(key).value();
  return *Run(metadata->GetExtent(version->parts.at(0).slices.at(0).extent)).value();
}

std::vector<WalkedShard> ReclaimWorld::LiveRecords() {
  std::vector<WalkedShard> records;
  for (auto& store : stores) {
    if (store->GetStatus().state == chunk_server::DriveState::kOffline) continue;
    const auto volumes = Run(store->ListVolumes()).value();
    for (const auto& volume : volumes) {
      uint64_t offset = 0;
      while (true) {
        chunk_server::WalkPage page = Run(store->WalkVolume(volume.number, offset, {})).value();
        for (WalkedShard& shard : page.shards) records.push_back(std::move(shard));
        if (page.at_end) break;
        offset = page.next_offset;
      }
    }
  }
  return records;
}

uint64_t ReclaimWorld::Volumes() {
  uint64_t count = 0;
  for (auto& store : stores) count += Run(store->ListVolumes()).value().size();
  return count;
}

std::vector<std::string> ReclaimWorld::Complaints() {
  std::vector<std::string> complaints;
  const auto snapshot = rows->NewSnapshot();
  const auto books = metadata_db::CheckConsistency(*snapshot);
  if (!books.ok()) return {books.status().ToString()};
  complaints = *books;
  using Place = std::tuple<ExtentId, uint8_t, uint16_t, uint32_t, uint64_t, uint32_t>;
  const auto place = [](const ExtentId& id, size_t shard, const model::ShardLocation& at) {
    return Place(id, static_cast<uint8_t>(shard), at.drive.value, at.volume, at.offset,
                 at.generation);
  };
  std::set<Place> named;
  std::set<Place> must_be_there;
  std::set<ExtentId> trash;
  for (const model::ReclaimRecord& record : Reclaims()) {
    if (record.phase == model::ReclaimPhase::kTrash) trash.insert(record.extent);
  }
  const auto extents = Run(Catalog().ListExtents(ExtentId{}, 100'000)).value();
  for (const auto& extent : extents) {
    for (size_t i = 0; i < extent->locations.size(); ++i) {
      if (!extent->locations[i].present) continue;
      named.insert(place(extent->id, i, extent->locations[i]));
      if (!trash.contains(extent->id)) {
        must_be_there.insert(place(extent->id, i, extent->locations[i]));
      }
    }
  }
  for (const model::DeadShard& shard : DeadShards()) {
    named.insert(place(shard.extent, shard.shard_index, shard.location));
  }
  for (const WalkedShard& record : LiveRecords()) {
    const Place at = place(record.spec.extent, record.spec.shard_index, record.location);
    must_be_there.erase(at);
    if (!named.contains(at)) {
      complaints.push_back("nothing names shard " + std::to_string(record.spec.shard_index) +
                           " of extent " + record.spec.extent.ToHex());
    }
  }
  for (const Place& lost : must_be_there) {
    complaints.push_back("shard " + std::to_string(std::get<1>(lost)) + " of living extent " +
                         std::get<0>(lost).ToHex() + " is not there");
  }
  return complaints;
}

std::string RandomText(SimRandom& random, size_t size) {
  std::string text(size, '\0');
  random.Fill(MutableByteSpan(reinterpret_cast<uint8_t*>(text.data()), text.size()));
  return text;
}

}  // namespace ashlar::lifecycle_worker
