#include "object_service/tests/store_fixture.h"

#include <stdlib.h>

#include <filesystem>
#include <random>

#include "chunk_server/local_chunk_store.h"
#include "metadata_db/extent_catalog.h"
#include "object_service/checksums.h"

namespace ashlar::object_service {

using chunk_server::ChunkStore;
using chunk_server::ShardWriter;

namespace {

class TroubledWriter final : public ShardWriter {
 public:
  TroubledWriter(TroubledStore& store, std::unique_ptr<ShardWriter> inner)
      : store_(store), inner_(std::move(inner)) {}
  Task<Status> Append(std::span<const ByteSpan> pieces) override {
    if (!store_.MayWrite()) co_return Status(Code::kIoError, "the drive fails");
    co_return co_await inner_->Append(pieces);
  }
  Task<Result<model::ShardLocation>> Finish(std::span<const Sha256Digest> leaves) override {
    if (!store_.MayWrite()) co_return Status(Code::kIoError, "the drive fails");
    auto written = co_await inner_->Finish(leaves);
    if (store_.after_write) co_await store_.after_write();
    co_return written;
  }

 private:
  TroubledStore& store_;
  std::unique_ptr<ShardWriter> inner_;
};

Task<Result<std::unique_ptr<ChunkStore>>> MakeStore(std::string path, uint16_t index) {
  chunk_server::LocalChunkStoreOptions options;
  options.path = path;
  options.identity.cluster_id = NewUniqueId(SystemClock(), SystemRandom());
  options.identity.drive_uuid = NewUniqueId(SystemClock(), SystemRandom());
  options.identity.drive = DriveId{index};
  options.allocate_step_bytes = 1 << 20;
  CO_RETURN_IF_ERROR(co_await chunk_server::InitializeDrive(HostDisk(), path, options.identity));
  co_return co_await chunk_server::OpenLocalChunkStore(HostDisk(), SystemClock(), options);
}

Task<Result<std::string>> ReadAll(ObjectService* service, VersionPtr version, uint64_t offset,
                                  uint64_t length) {
  std::string bytes;
  const auto reader = service->OpenReader(version, offset, length);
  while (true) {
    CO_ASSIGN_OR_RETURN(const std::span<const ByteSpan> pieces, co_await reader->Next());
    if (pieces.empty()) co_return bytes;
    for (const ByteSpan piece : pieces) bytes += AsText(piece);
  }
}

}  // namespace

TroubledStore::TroubledStore(std::unique_ptr<ChunkStore> inner) : inner_(std::move(inner)) {}

bool TroubledStore::MayWrite() {
  if (offline) return false;
  if (writes_before_failure < 0) return true;
  return writes_before_failure-- > 0;
}

Task<Result<model::ShardLocation>> TroubledStore::WriteShard(const chunk_server::ShardSpec& spec,
                                                             ByteSpan body,
                                                             std::span<const Sha256Digest> leaves) {
  if (!MayWrite()) co_return Status(Code::kIoError, "the drive fails");
  auto written = co_await inner_->WriteShard(spec, body, leaves);
  if (after_write) co_await after_write();
  co_return written;
}

Task<Result<std::unique_ptr<ShardWriter>>> TroubledStore::OpenShard(
    const chunk_server::ShardSpec& spec) {
  if (offline) co_return Status(Code::kUnavailable, "the drive is gone");
  CO_ASSIGN_OR_RETURN(std::unique_ptr<ShardWriter> writer, co_await inner_->OpenShard(spec));
  std::unique_ptr<ShardWriter> troubled =
      std::make_unique<TroubledWriter>(*this, std::move(writer));
  co_return troubled;
}

Task<Status> TroubledStore::ReadShard(const chunk_server::ShardAddress& address, uint64_t offset,
                                      MutableByteSpan out) {
  ++reads;
  if (offline) co_return Status(Code::kUnavailable, "the drive is gone");
  if (corrupt) co_return Status(Code::kCorrupt, "does not verify");
  Sleep delay(std::chrono::milliseconds(slow_ms.load()));
  co_await delay;
  co_return co_await inner_->ReadShard(address, offset, out);
}

Task<void> TroubledStore::Close() { return inner_->Close(); }

Task<Status> TroubledStore::Probe() {
  if (offline) co_return Status(Code::kUnavailable, "the drive is gone");
  co_return co_await inner_->Probe();
}

Task<Result<size_t>> MemoryBody::Read(MutableByteSpan out) {
  if (given_ >= fail_at) co_return Status(Code::kCancelled, "the client went away");
  const size_t count = std::min({out.size(), bytes_.size() - given_, piece_max});
  std::memcpy(out.data(), bytes_.data() + given_, count);
  given_ += count;
  co_return count;
}

model::Checksum MemoryBody::Checksum() const {
  model::Checksum checksum;
  checksum.algorithm = model::ChecksumAlgorithm::kCrc64Nvme;
  checksum.value = EncodeCrc64(Crc64Nvme());
  return checksum;
}

std::string RandomBytes(size_t size, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(engine());
  return bytes;
}

void StoreFixture::SetUp() {
  std::string pattern = testing::TempDir() + "ashlar-store-XXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  loops_ = std::make_unique<EventLoopGroup>(2);
  buffers_ = std::make_unique<BufferPool>(64ULL << 20);
  std::vector<cluster::PlacementTarget> targets;
  std::vector<ChunkStore*> stores;
  for (uint16_t i = 0; i < code().total(); ++i) {
    auto store = Run(MakeStore(directory_ + "/drive-" + std::to_string(i), i));
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    stores_.push_back(std::make_unique<TroubledStore>(std::move(*store)));
    stores.push_back(stores_.back().get());
    targets.push_back({DriveId{i}, std::to_string(i)});
  }
  ordered_store_ = metadata_db::NewMemoryStore();
  cache_ =
      std::make_unique<index_cache::IndexCache>(SystemClock(), index_cache::IndexCacheOptions());
  metadata_ = std::make_unique<metadata_db::MetadataDb>(*ordered_store_, SystemClock(),
                                                        SystemRandom(), cache_.get());
  cache_->SetDatabase(metadata_.get());
  encoder_ = std::make_unique<erasure_encoder::ErasureEncoder>(code());
  auto placement = cluster::PlacementMap::Create(targets, code().total());
  ASSERT_TRUE(placement.ok());
  placement_ = std::make_unique<cluster::PlacementMap>(*placement);
  ObjectServiceOptions options;
  options.read_hedge_after = std::chrono::milliseconds(50);
  options.buffer_patience = std::chrono::milliseconds(500);
  options.part_bytes_min = 1000;
  service_ = std::make_unique<ObjectService>(
      ObjectService::Dependencies{*metadata_, *cache_, *encoder_, *placement_, stores, *buffers_,
                                  SystemClock(), SystemRandom()},
      options);
  ASSERT_TRUE(Run(service_->CreateBucket("bucket", "root", "us-east-1")).ok());
  auto bucket = Run(service_->GetBucket("bucket"));
  ASSERT_TRUE(bucket.ok());
  bucket_ = *bucket;
}

void StoreFixture::TearDown() {
  if (service_ != nullptr) loops_->RunToCompletion(service_->Shutdown());
  service_.reset();
  for (auto& store : stores_) loops_->RunToCompletion(store->Close());
  stores_.clear();
  metadata_.reset();
  ordered_store_.reset();
  EXPECT_EQ(buffers_->bytes_lent(), 0U);
  loops_.reset();
  std::filesystem::remove_all(directory_);
}

Result<VersionPtr> StoreFixture::Put(const std::string& key, const std::string& bytes) {
  PutObjectRequest request;
  request.bucket = bucket_;
  request.key = key;
  MemoryBody body(bytes);
  return Run(service_->PutObject(request, body));
}

Result<std::string> StoreFixture::Get(const std::string& key, uint64_t offset, uint64_t length) {
  auto version = Run(service_->FindVersion(bucket_, key, std::nullopt));
  if (!version.ok()) return version.status();
  length = std::min(length, (*version)->size - offset);
  return Run(ReadAll(service_.get(), *version, offset, length));
}

std::vector<model::DirectoryEntry> StoreFixture::Directory(const ExtentId& id) {
  const auto found = Run(metadata_->GetExtent(id));
  CHECK(found.ok());
  const model::Extent& extent = **found;
  const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
  std::string bytes;
  while (bytes.size() < extent.directory_bytes) {
    const auto run =
        layout.Locate(extent.data_bytes() + bytes.size(), extent.directory_bytes - bytes.size());
    const auto shard = static_cast<size_t>(run.shard);
    const chunk_server::ShardAddress address{.extent = id,
                                             .shard_index = static_cast<uint8_t>(run.shard),
                                             .body_bytes = layout.shard_bytes(),
                                             .location = extent.locations[shard],
                                             .root = extent.roots[shard]};
    std::vector<uint8_t> piece(run.length);
    const auto& store = stores_[address.location.drive.value];
    CHECK(Run(store->ReadShard(address, run.shard_offset, piece)).ok());
    bytes += AsText(piece);
  }
  auto entries = model::DecodeDirectory(bytes);
  CHECK(entries.ok());
  return std::move(entries).value();
}

size_t StoreFixture::RepairCount() {
  auto repairs = Run(metadata_db::ExtentCatalog(*metadata_).ListRepairs(std::nullopt, 100'000));
  EXPECT_TRUE(repairs.ok());
  return repairs.ok() ? repairs->size() : 0;
}

size_t StoreFixture::ReclaimCount() {
  auto reclaims = Run(metadata_db::ExtentCatalog(*metadata_).ListReclaims(ExtentId{}, 100'000));
  EXPECT_TRUE(reclaims.ok());
  return reclaims.ok() ? reclaims->size() : 0;
}

}  // namespace ashlar::object_service
