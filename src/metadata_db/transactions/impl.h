// What stands behind MetadataDb and ExtentCatalog; shared by the files that implement them.
#pragma once

#include <utility>
#include <vector>

#include "metadata_db/metadata_db.h"
#include "metadata_db/transactions/change.h"

namespace ashlar::metadata_db {

struct MetadataDb::Impl : Surroundings {
  using Surroundings::Surroundings;

  // The outbox has no event up to here, as far as this process knows. Of the commit thread.
  Sequence outbox_trimmed;
};

// Runs `apply(change, item)` for each item, all in one commit; one answer an item, in order. An
// item's error does not stop the others, so `apply` decides before it writes.
template <typename Item, typename Apply>
Task<std::vector<Status>> SubmitEach(Surroundings& surroundings, std::vector<Item> items,
                                     Apply apply) {
  std::vector<Status> results;
  TransactionBody body = [&](Transaction& transaction) {
    Change change(surroundings, transaction);
    results.clear();
    for (const Item& item : items) results.push_back(apply(change, item));
    return change.Finish();
  };
  const Status status = co_await surroundings.Submit(std::move(body));
  if (!status.ok()) results.assign(items.size(), status);
  co_return results;
}

// The same with one answer: all items, or none.
template <typename Item, typename Apply>
Task<Status> SubmitAll(Surroundings& surroundings, std::vector<Item> items, Apply apply) {
  TransactionBody body = [&](Transaction& transaction) -> Status {
    Change change(surroundings, transaction);
    for (const Item& item : items) RETURN_IF_ERROR(apply(change, item));
    return change.Finish();
  };
  co_return co_await surroundings.Submit(std::move(body));
}

}  // namespace ashlar::metadata_db
