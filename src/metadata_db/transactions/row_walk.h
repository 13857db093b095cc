// Walks over the rows of one table.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metadata_db/ordered_store.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {

inline Result<bool> HasRows(View& view, std::string_view prefix) {
  const auto cursor = view.NewCursor();
  cursor->Seek(prefix);
  if (!cursor->Valid()) {
    RETURN_IF_ERROR(cursor->status());
    return false;
  }
  return cursor->key().starts_with(prefix);
}

// Keys of the rows that begin with `prefix`, at most `max`, from the row key `from` on.
inline Result<std::vector<std::string>> KeysOf(View& view, std::string_view prefix, size_t max,
                                               std::string_view from = {}) {
  std::vector<std::string> keys;
  const auto cursor = view.NewCursor();
  cursor->Seek(std::max(prefix, from));
  for (; cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    if (keys.size() >= max) break;
    keys.emplace_back(cursor->key());
  }
  RETURN_IF_ERROR(cursor->status());
  return keys;
}

// Rows of a table from the row key `from` on, at most `max_entries`. `read(key, value)` makes an
// entry of a row; its first error ends the walk.
template <typename Entry, typename Read>
Status ReadRows(View& view, Table table, std::string_view from, size_t max_entries, Read read,
                std::vector<Entry>* entries) {
  const auto cursor = view.NewCursor();
  cursor->Seek(from);
  for (; cursor->Valid() && cursor->key()[0] == static_cast<char>(table); cursor->Next()) {
    if (entries->size() >= max_entries) break;
    ASSIGN_OR_RETURN(Entry entry, read(cursor->key(), cursor->value()));
    entries->push_back(std::move(entry));
  }
  return cursor->status();
}

// A page of decoded rows from one snapshot.
template <typename Row>
Task<Result<std::vector<Row>>> ListRows(OrderedStore& store, Table table, std::string from,
                                        size_t max_entries,
                                        Result<Row> (*decode)(std::string_view)) {
  std::vector<Row> rows;
  ReadBody body = [&](Snapshot& snapshot) {
    rows.clear();
    const auto read = [decode](std::string_view, std::string_view value) { return decode(value); };
    return ReadRows(snapshot, table, from, max_entries, read, &rows);
  };
  CO_RETURN_IF_ERROR(co_await store.Read(std::move(body)));
  co_return rows;
}

// The row key behind `key`: where a page goes on after it.
inline std::string Behind(std::string key) {
  key.push_back('\0');
  return key;
}

}  // namespace ashlar::metadata_db
