// Version chain (I11): of each key one order of versions, newest first, one latest, delete markers
// among them, no id twice, the null version at most once, and Last-Modified never going back.
#pragma once

#include <string>
#include <vector>

#include "metadata_db/metadata_db.h"
#include "reference/reference_model.h"

namespace ashlar::sim {

class VersionChainCheck {
 public:
  // Before the page is asked for.
  VersionChainCheck(ReferenceModel& model, Judge& judge, std::string bucket);
  // A page that begins behind `key_marker` (a whole key; empty: at the front).
  void End(const std::string& key_marker, const Result<metadata_db::ListVersionsPage>& page);

 private:
  void CheckKey(const std::string& key, const std::vector<metadata_db::VersionEntry>& entries);

  ReferenceModel& model_;
  Judge& judge_;
  const std::string bucket_;
  const OpPtr op_;
};

}  // namespace ashlar::sim
