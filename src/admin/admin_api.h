// AdminApi: /admin/v1/..., JSON, on the admin address.
//
//   GET  status, doctor, drives, heal, scrub, reclaim, survey
//   POST survey                                  counts anew, in the background
//   POST drives/N/replace, drives/N/drain, drives/N/activate    (N as people count: from 1)
//   POST scrub/start, scrub/pause, scrub/resume
//   POST reclaim/release, reclaim/unfreeze
//   GET  users
//   POST users/add, users/disable, users/enable, users/rotate, users/remove, users/policy
//                                                with a body, see users/users_api.h
// Invariants
//  1. Every request shows the token (Authorization: Bearer ...), reading and changing alike. One
//     that a browser sends for a web page (Origin) is refused, whatever it shows.
//  2. Long work answers at once, with 202; how far it is stands in drives, heal, scrub, survey.
//  3. A secret of a user is in the answer that makes it and nowhere else.
//  4. Errors are {"error": {"code": ..., "message": ...}}.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api_gateway/http_server.h"
#include "base/secret.h"
#include "cluster/drive_states.h"
#include "cluster/healer.h"
#include "cluster/scrubber.h"
#include "iam/account_store.h"
#include "lifecycle_worker/reclaimer.h"
#include "metadata_db/extent_catalog.h"
#include "metadata_db/metadata_db.h"
#include "runtime/clock.h"
#include "runtime/disk.h"

namespace ashlar::admin {

// What the API shows and changes; all of it outlives the API.
struct AdminSources {
  metadata_db::MetadataDb& metadata;
  metadata_db::ExtentCatalog& catalog;
  cluster::DriveStates& drives;
  cluster::Healer& healer;
  cluster::Scrubber& scrubber;
  lifecycle_worker::Reclaimer& reclaimer;
  iam::AccountStore& accounts;
  Disk& disk;
  Clock& clock;
  // Really writes to and reads from every drive: one that has gone is noticed.
  std::function<Task<Status>()> probe;
  UniqueId cluster_id;
  int data_shards = 0;
  int parity_shards = 0;
  std::vector<std::string> drive_paths;  // by DriveId
  std::string metadata_path;
  std::string token_path;
  std::string certificate_path;  // empty: no TLS
  Duration scrub_round{};
  std::string version;
};

class AdminApi {
 public:
  AdminApi(AdminSources sources, Secret token);
  // Shutdown must have been awaited.
  ~AdminApi();

  // Answers a request whose path begins with /admin/.
  Task<void> Handle(api_gateway::HttpExchange& exchange);
  // After the last request.
  Task<void> Shutdown();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::admin
