// Collector: asks the parts of the store for what they know of themselves.
#pragma once

#include <string>
#include <vector>

#include "admin/facts/store_facts.h"
#include "admin/facts/survey.h"
#include "runtime/disk.h"

namespace ashlar::admin {

struct AdminSources;

// A moment's work: no pass over the metadata. kUnavailable and others: the metadata do not answer.
[[nodiscard]] Task<Result<StoreFacts>> CollectFacts(const AdminSources& sources,
                                                    const Survey& survey);

}  // namespace ashlar::admin
