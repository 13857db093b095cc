#include "metadata_db/tests/ordered_store_contract.h"

namespace ashlar::metadata_db {
namespace {

class MemoryFixture final : public StoreFixture {
 public:
  OrderedStore& store() override { return *store_; }

 private:
  std::unique_ptr<OrderedStore> store_ = NewMemoryStore();
};

INSTANTIATE_TEST_SUITE_P(Memory, OrderedStoreContract, testing::Values(StoreFactory([] {
                           return std::make_unique<MemoryFixture>();
                         })));

}  // namespace
}  // namespace ashlar::metadata_db
