// The whole rebuild, and its report for people.
#include "metadata_rebuild/metadata_rebuild.h"

#include "metadata_rebuild/internal/importer.h"
#include "metadata_rebuild/internal/rebuilder.h"

namespace ashlar::metadata_rebuild {
namespace {

std::string Line(const std::string& name, uint64_t value) {
  std::string line = "  " + name;
  if (line.size() < 44) line.append(44 - line.size(), ' ');
  return line + std::to_string(value) + "\n";
}

std::string Names(const char* title, const NamedList& list) {
  if (list.count == 0) return {};
  std::string out = std::string(title) + " (" + std::to_string(list.count) + "):\n";
  for (const std::string& name : list.names) out += "  " + name + "\n";
  const uint64_t more = list.count - list.names.size();
  return more == 0 ? out : out + "  and " + std::to_string(more) + " more\n";
}

}  // namespace

std::string ReportAsText(const RebuildReport& report) {
  std::string out = "Found\n";
  out += Line("drives", report.drives_found);
  out += Line("shards", report.records);
  out += Line("extents", report.extents);
  out += Line("shards missing of them", report.shards_missing);
  out += Line("segments of the metadata journal", report.journal_segments);
  out += "Restored\n";
  out += Line("buckets", report.buckets);
  out += Line("keys", report.keys);
  out += Line("versions", report.versions);
  out += Line("of these from directories alone", report.from_directories.count);
  out += Line("open uploads", report.uploads);
  out += Line("parts of open uploads", report.parts);
  out += "Not in use\n";
  out += Line("extents that are known to be dead", report.extents_dead);
  out += Line("extents left as orphans", report.extents_orphaned);
  if (!report.journal_found) {
    out +=
        "There is no metadata journal on these drives: deleted objects may have come back; empty "
        "objects, copies and completed multipart uploads are missing.\n";
  }
  for (const std::string& problem : report.journal_problems) out += "Journal: " + problem + "\n";
  out += Names("Restored from directories alone", report.from_directories);
  out += Names("Buckets of which only the name is known", report.buckets_made_up);
  out += Names("Uploads put together from their parts; some may have been aborted",
               report.uploads_made_up);
  out += Names("Restored, but not readable with the drives at hand", report.unreadable);
  out += Names("NOT RESTORED: no shard of an extent is there", report.lost);
  out += Names("Writes left alone, never acknowledged as far as can be told", report.refused);
  return out;
}

Task<Result<RebuildReport>> RunRebuild(Disk& disk, Clock& clock, metadata_db::OrderedStore& scratch,
                                       metadata_db::OrderedStore& target, RebuildOptions options) {
  RebuildReport report;
  Rebuilder rebuilder(disk, scratch, options, report);
  CO_RETURN_IF_ERROR(co_await rebuilder.Run());
  Importer importer(scratch, target, clock, options, report);
  CO_RETURN_IF_ERROR(co_await importer.Run(rebuilder.buckets(), rebuilder.last_sequence()));
  co_return report;
}

}  // namespace ashlar::metadata_rebuild
