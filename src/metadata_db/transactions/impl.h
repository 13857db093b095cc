// What stands behind MetadataDb; shared by the files that implement it.
#pragma once

#include "metadata_db/metadata_db.h"
#include "metadata_db/transactions/change.h"

namespace ashlar::metadata_db {

struct MetadataDb::Impl : Surroundings {
  using Surroundings::Surroundings;

  // One body as one Submit; refuses when the last sequence could not be read at the start.
  Task<Status> Submit(TransactionBody body);
};

}  // namespace ashlar::metadata_db
