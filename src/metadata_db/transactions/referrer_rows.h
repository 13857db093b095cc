// Row keys of referrers ('r'), read back.
#pragma once

#include <string_view>

#include "base/status.h"
#include "metadata_db/extent_catalog.h"

namespace ashlar::metadata_db {

// What VersionReferrer or PartReferrer wrote. kCorrupt: anything else.
[[nodiscard]] Result<Referrer> ParseReferrer(std::string_view bytes);

}  // namespace ashlar::metadata_db
