#include "cluster/tests/heal_world.h"

#include <algorithm>
#include <cstring>

#include "model/shard_record.h"

namespace ashlar::cluster {

using chunk_server::ChunkStore;
using chunk_server::DriveSlot;
using metadata_db::ExtentPtr;

namespace {

constexpr char kDrivePath[] = "/drive";

std::string VolumePath(uint32_t number) {
  const std::string digits = std::to_string(number);
  return std::string(kDrivePath) + "/volumes/volume-" + std::string(8 - digits.size(), '0') +
         digits + ".ashlar";
}

Task<Status> SleepFor(Duration time) {
  Sleep pause(time);
  co_await pause;
  co_return Status::Ok();
}

std::vector<Sha256Digest> LeavesOf(const std::string& body) {
  std::vector<Sha256Digest> leaves;
  for (size_t at = 0; at < body.size(); at += model::kLeafBytes) {
    leaves.push_back(Sha256(AsBytes(std::string_view(body).substr(at, model::kLeafBytes))));
  }
  return leaves;
}

// The shards of a payload, coded stripe by stripe.
std::vector<std::string> CodeShards(const erasure_encoder::ErasureEncoder& encoder,
                                    const model::Extent& extent, const std::string& payload) {
  const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
  const size_t k = extent.data_shards;
  std::vector<std::string> shards(extent.locations.size());
  for (uint64_t stripe = 0; stripe < layout.stripe_count(); ++stripe) {
    const size_t unit = layout.UnitBytes(stripe);
    std::string data = payload.substr(stripe * layout.stripe_bytes(), layout.stripe_bytes());
    data.resize(k * unit, '\0');
    std::string parity((shards.size() - k) * unit, '\0');
    std::vector<const uint8_t*> in;
    std::vector<uint8_t*> out;
    for (size_t i = 0; i < k; ++i) in.push_back(AsBytes(data).data() + i * unit);
    for (size_t i = k; i < shards.size(); ++i) {
      out.push_back(reinterpret_cast<uint8_t*>(parity.data()) + (i - k) * unit);
    }
    encoder.Encode(in, out, unit);
    for (size_t i = 0; i < shards.size(); ++i) {
      shards[i] += i < k ? data.substr(i * unit, unit) : parity.substr((i - k) * unit, unit);
    }
  }
  return shards;
}

}  // namespace

HealWorld::HealWorld(const HealWorldOptions& world_options)
    : options(world_options), encoder(options.code) {
  rows = metadata_db::NewMemoryStore();
  const auto drives = static_cast<size_t>(options.drives);
  for (size_t i = 0; i < drives; ++i) {
    disks.push_back(std::make_unique<SimDisk>(executor, options.seed * 100 + i));
    uuids.push_back(NewUniqueId(executor, random));
    CHECK(executor.Run(InitializeDrive(*disks[i], kDrivePath, StoreOptions(i).identity)).ok());
  }
  OpenAll();
  bucket = executor.Run(metadata->CreateBucket("bucket", "root", "here")).value().id;
}

HealWorld::~HealWorld() {
  CloseAll();
  CHECK(buffers.bytes_lent() == 0);
}

chunk_server::LocalChunkStoreOptions HealWorld::StoreOptions(size_t index) const {
  chunk_server::LocalChunkStoreOptions store_options;
  store_options.path = kDrivePath;
  store_options.identity.cluster_id.bytes[0] = 9;
  store_options.identity.drive_uuid = uuids[index];
  store_options.identity.drive = DriveId{static_cast<uint16_t>(index)};
  store_options.volume_bytes = options.volume_bytes;
  store_options.allocate_step_bytes = 64 * 1024;
  store_options.checkpoint_step_bytes = 256 * 1024;
  store_options.reserved_free_bytes = 1 << 20;
  return store_options;
}

std::unique_ptr<ChunkStore> HealWorld::OpenStore(size_t index) {
  return executor.Run(OpenLocalChunkStore(*disks[index], executor, StoreOptions(index))).value();
}

void HealWorld::OpenAll() {
  metadata = std::make_unique<metadata_db::MetadataDb>(*rows, executor, random, nullptr);
  catalog = std::make_unique<metadata_db::ExtentCatalog>(*metadata);
  std::vector<PlacementTarget> targets;
  for (size_t i = 0; i < disks.size(); ++i) {
    slots.push_back(std::make_unique<DriveSlot>(OpenStore(i)));
    stores.push_back(slots.back().get());
    targets.push_back({DriveId{static_cast<uint16_t>(i)}, "drive-" + std::to_string(i)});
  }
  placement =
      std::make_unique<PlacementMap>(PlacementMap::Create(targets, options.code.total()).value());
  auto make = [this](DriveId drive, DriveStates::Settings settings) {
    return MakeDrive(drive, std::move(settings));
  };
  states = std::make_unique<DriveStates>(
      DriveStates::Dependencies{*metadata, stores, targets, *placement, options.code.total(),
                                executor, make},
      options.transient_wait);
  CHECK(executor.Run(states->Load()).ok());
}

void HealWorld::CloseAll() {
  StopScrubber();
  StopHealer();
  executor.RunUntilIdle();
  for (const auto& slot : slots) executor.Run(slot->Close());
  states.reset();
  placement.reset();
  stores.clear();
  slots.clear();
  catalog.reset();
  metadata.reset();
}

void HealWorld::CrashAndReopen() {
  std::vector<std::unique_ptr<SimDisk>> next;
  for (const auto& disk : disks) next.push_back(disk->Crash(disk->options()));
  CloseAll();
  disks = std::move(next);
  OpenAll();
}

// A new identity on an empty disk, as the server makes it.
Task<Status> HealWorld::MakeDrive(DriveId drive, DriveStates::Settings settings) {
  const size_t index = drive.value;
  CO_RETURN_IF_ERROR(co_await metadata->PutSettings(std::move(settings)));
  uuids[index] = NewUniqueId(executor, random);
  disks.push_back(std::move(disks[index]));  // the old one, until nobody reads from it
  disks[index] = std::make_unique<SimDisk>(executor, options.seed * 100 + disks.size());
  CO_RETURN_IF_ERROR(
      co_await InitializeDrive(*disks[index], kDrivePath, StoreOptions(index).identity));
  CO_ASSIGN_OR_RETURN(std::unique_ptr<ChunkStore> store,
                      co_await OpenLocalChunkStore(*disks[index], executor, StoreOptions(index)));
  co_await slots[index]->Exchange(std::move(store));
  disks.pop_back();
  co_return Status::Ok();
}

ExtentId HealWorld::Put(const std::string& key, uint64_t bytes) {
  model::Extent extent;
  extent.id = NewUniqueId(executor, random);
  extent.data_shards = options.code.data_shards;
  extent.parity_shards = options.code.parity_shards;
  extent.payload_bytes = bytes;
  const auto total = static_cast<size_t>(options.code.total());
  extent.locations.resize(total);
  extent.roots.resize(total);
  std::string payload(bytes, '\0');
  SimRandom content(std::hash<std::string>()(key));
  content.Fill({reinterpret_cast<uint8_t*>(payload.data()), payload.size()});
  std::vector<std::string> bodies = CodeShards(encoder, extent, payload);
  const std::vector<DriveId> drives = placement->DrivesOf(extent.id);
  metadata_db::NewExtents extents;
  for (size_t i = 0; i < total; ++i) {
    const std::vector<Sha256Digest> leaves = LeavesOf(bodies[i]);
    extent.roots[i] = model::ShardRoot(leaves);
    chunk_server::ShardSpec spec;
    spec.extent = extent.id;
    spec.shard_index = static_cast<uint8_t>(i);
    spec.data_shards = extent.data_shards;
    spec.parity_shards = extent.parity_shards;
    spec.body_bytes = bodies[i].size();
    spec.payload_bytes = bytes;
    const auto written =
        executor.Run(slots[drives[i].value]->WriteShard(spec, AsBytes(bodies[i]), leaves));
    extent.locations[i].drive = drives[i];
    if (written.ok()) {
      extent.locations[i] = *written;
    } else {
      model::RepairOrder order;
      order.extent = extent.id;
      order.shard = ShardIndex{static_cast<uint8_t>(i)};
      order.noted_ms = executor.WallMilliseconds();
      extents.repairs.push_back(order);
    }
  }
  if (before_commit) before_commit(extent);
  extents.extents.push_back(extent);
  metadata_db::PutObjectChange change;
  change.bucket = bucket;
  change.key = key;
  change.version.size = bytes;
  change.version.parts.resize(1);
  change.version.parts[0].size = bytes;
  change.version.parts[0].slices.push_back({extent.id, 0, bytes});
  std::vector<metadata_db::PutObjectChange> changes;
  changes.push_back(std::move(change));
  CHECK(executor.Run(metadata->PutObjects(std::move(extents), std::move(changes)))[0].ok());
  bodies_[extent.id] = std::move(bodies);
  objects[key] = extent.id;
  return extent.id;
}

void HealWorld::Delete(const std::string& key) {
  std::vector<metadata_db::DeleteObjectChange> changes(1);
  changes[0].key = key;
  CHECK(executor.Run(metadata->DeleteObjects(bucket, std::move(changes)))[0].ok());
  objects.erase(key);
}

ExtentPtr HealWorld::Row(const ExtentId& extent) {
  std::vector<ExtentId> ids(1, extent);
  return executor.Run(catalog->GetExtents(ids)).value()[0];
}

std::vector<model::RepairOrder> HealWorld::Orders() {
  return executor.Run(catalog->ListRepairs(std::nullopt, 1'000'000)).value();
}

std::vector<model::DeadShard> HealWorld::DeadShards() {
  return executor.Run(catalog->ListDeadShards(std::nullopt, 1'000'000)).value();
}

uint64_t HealWorld::ShardBytes(const model::Extent& extent) const {
  return model::ExtentLayout(extent.data_shards, extent.unit_bytes, extent.payload_bytes)
      .shard_bytes();
}

std::vector<uint8_t>& HealWorld::Volume(const model::ShardLocation& location) {
  std::vector<uint8_t>* content = disks[location.drive.value]->Content(VolumePath(location.volume));
  CHECK(content != nullptr);
  return *content;
}

void HealWorld::Damage(const ExtentId& extent, size_t shard) {
  const ExtentPtr row = Row(extent);
  const model::ShardLocation& location = row->locations[shard];
  Volume(location)[model::BodyPosition(location.offset, ShardBytes(*row))] ^= 0x10;
}

// By the bytes of the file alone: header, generation, every byte of the body.
bool HealWorld::IsWhole(const model::Extent& extent, size_t shard) {
  const model::ShardLocation& location = extent.locations[shard];
  if (!location.present) return false;
  SimDisk& disk = *disks[location.drive.value];
  if (disk.options().vanished) return false;
  const std::vector<uint8_t>* file = disk.Content(VolumePath(location.volume));
  const std::string& body = bodies_.at(extent.id)[shard];
  const uint64_t begin = model::BodyPosition(location.offset, body.size());
  if (file == nullptr || file->size() < begin + body.size()) return false;
  const auto header = model::DecodeShardRecordHeader(
      ByteSpan(*file).subspan(location.offset, model::kRecordHeaderBytes));
  if (!header.ok() || header->extent != extent.id || header->shard_index != shard ||
      header->generation != location.generation || header->own_offset != location.offset ||
      header->root != extent.roots[shard] || header->body_bytes != body.size()) {
    return false;
  }
  return std::memcmp(file->data() + begin, body.data(), body.size()) == 0;
}

uint64_t HealWorld::WholeShards(const model::Extent& extent) {
  uint64_t whole = 0;
  for (size_t i = 0; i < extent.locations.size(); ++i) whole += IsWhole(extent, i) ? 1 : 0;
  return whole;
}

uint64_t HealWorld::CountStrays() {
  uint64_t strays = 0;
  for (size_t drive = 0; drive < slots.size(); ++drive) {
    for (const std::string& path : disks[drive]->Files()) {
      if (!path.ends_with(".ashlar") || disks[drive]->options().vanished) continue;
      const std::vector<uint8_t>& file = *disks[drive]->Content(path);
      for (uint64_t at = model::kVolumeHeaderBytes; at + model::kRecordHeaderBytes <= file.size();
           at += model::kRecordAlignment) {
        if (std::memcmp(file.data() + at, "ASHSHRD1", 8) != 0) continue;
        const auto header =
            model::DecodeShardRecordHeader(ByteSpan(file).subspan(at, model::kRecordHeaderBytes));
        if (!header.ok()) continue;
        const ExtentPtr row = Row(header->extent);
        const bool named = row != nullptr &&
                           row->locations[header->shard_index].drive.value == drive &&
                           row->locations[header->shard_index].volume == header->volume &&
                           row->locations[header->shard_index].offset == at;
        strays += named ? 0 : 1;
      }
    }
  }
  return strays;
}

ShardCount HealWorld::Count() {
  ShardCount count;
  ExtentId after;
  while (true) {
    const auto page = executor.Run(catalog->ListExtents(after, 100)).value();
    if (page.empty()) break;
    for (const ExtentPtr& extent : page) {
      const uint64_t whole = WholeShards(*extent);
      ++count.extents;
      count.expected += extent->locations.size();
      count.whole += whole;
      count.fewest = std::min(count.fewest, whole);
    }
    after = page.back()->id;
  }
  count.strays = CountStrays();
  return count;
}

void HealWorld::Vanish(int drive) {
  disk(drive).options().vanished = true;
  (void)executor.Run(store(drive).Probe());
  CHECK(store(drive).GetStatus().state == chunk_server::DriveState::kOffline);
}

void HealWorld::ComeBack(int drive) {
  disk(drive).options().vanished = false;
  CHECK(executor.Run(store(drive).Probe()).ok());
}

void HealWorld::Lose(int drive) {
  disk(drive).RemoveTree(kDrivePath);
  (void)executor.Run(store(drive).Probe());
  CHECK(store(drive).GetStatus().state == chunk_server::DriveState::kOffline);
}

void HealWorld::StartHealer() {
  healer =
      std::make_unique<Healer>(Healer::Dependencies{*metadata, *catalog, *states, stores, encoder,
                                                    buffers, executor, [this] { return busy; }},
                               options.heal);
  std::vector<Executor*> executors(1, &executor);
  healer->Start(executors);
}

void HealWorld::StopHealer() {
  if (healer == nullptr) return;
  executor.Run(healer->Stop());
  healer.reset();
}

void HealWorld::StartScrubber() {
  scrubber = std::make_unique<Scrubber>(
      Scrubber::Dependencies{*metadata, *catalog, *states, stores, encoder, buffers, executor,
                             [this] { return busy; }},
      options.scrub);
  scrubber->Start(executor);
}

void HealWorld::StopScrubber() {
  if (scrubber == nullptr) return;
  executor.Run(scrubber->Stop());
  scrubber.reset();
}

void HealWorld::Pass(Duration time) { CHECK(executor.Run(SleepFor(time)).ok()); }

bool HealWorld::Heal(Duration limit) {
  if (healer == nullptr) StartHealer();
  Pass(options.heal.rescan_after * 3);
  for (Duration passed{}; passed < limit; passed += options.heal.rescan_after) {
    if (healer->Status().idle) return true;
    Pass(options.heal.rescan_after);
  }
  return false;
}

bool HealWorld::Scrub(Duration limit) {
  if (scrubber == nullptr) StartScrubber();
  CHECK(executor.Run(scrubber->StartRound()).ok());
  for (Duration passed{}; passed < limit; passed += std::chrono::seconds(1)) {
    Pass(std::chrono::seconds(1));
    if (scrubber->GetStatus().round_ended_ms != 0) return true;
  }
  return false;
}

}  // namespace ashlar::cluster
