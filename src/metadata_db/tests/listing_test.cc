#include <random>
#include <set>

#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

class ListingTest : public MetadataDbTest {
 protected:
  void PutAll(BucketId bucket, const std::vector<std::string>& keys) {
    const model::Extent extent = MakeExtent(keys.size());
    std::vector<PutObjectChange> changes;
    for (size_t i = 0; i < keys.size(); ++i) {
      changes.push_back({.bucket = bucket,
                         .key = keys[i],
                         .version = MakeVersion({SliceOf(extent, i, 1)}, keys[i]),
                         .condition = {}});
    }
    for (const auto& result : Put({.extents = {extent}, .repairs = {}}, changes)) {
      CHECK(result.ok());
    }
  }
  ListPage List(BucketId bucket, const std::string& prefix, const std::string& delimiter,
                const std::string& after, uint32_t max) {
    auto page = Run(db_->List({.bucket = bucket,
                               .prefix = prefix,
                               .delimiter = delimiter,
                               .start_after = after,
                               .max_entries = max}));
    CHECK(page.ok());
    return *page;
  }
  // "key key [prefix prefix] T"
  std::string Text(const ListPage& page) {
    std::string text;
    for (const ListEntry& entry : page.objects) text += entry.key + " ";
    text += "[";
    for (const std::string& prefix : page.common_prefixes) text += prefix + " ";
    return text + (page.truncated ? "] T" : "]");
  }
};
INSTANTIATE_ENGINES(ListingTest);

TEST_P(ListingTest, OrderPrefixesAndPages) {
  const BucketId bucket = MakeBucket();
  PutAll(MakeBucket("other"), {"a", "zz"});
  PutAll(bucket, {"a.b/x", "a/1", "a/2", "a", "b", "foo+1/x", "foo/x", "foo1000"});
  EXPECT_EQ(Text(List(bucket, "", "", "", 100)), "a a.b/x a/1 a/2 b foo+1/x foo/x foo1000 []");
  EXPECT_EQ(Text(List(bucket, "", "/", "", 100)), "a b foo1000 [a.b/ a/ foo+1/ foo/ ]");
  EXPECT_EQ(Text(List(bucket, "foo/", "/", "", 100)), "foo/x []");
  EXPECT_EQ(Text(List(bucket, "fo", "/", "", 100)), "foo1000 [foo+1/ foo/ ]");
  EXPECT_EQ(Text(List(bucket, "", "/", "", 2)), "a [a.b/ ] T");
  EXPECT_EQ(Text(List(bucket, "", "", "", 0)), "[]");
  EXPECT_EQ(Text(List(bucket, "nothing", "/", "", 5)), "[]");
  EXPECT_EQ(Text(List(bucket, "", "oo", "", 100)), "a a.b/x a/1 a/2 b [foo ]");
}

TEST_P(ListingTest, ACommonPrefixAsMarkerSkipsAllBelow) {
  const BucketId bucket = MakeBucket();
  PutAll(bucket, {"a/1", "a/2", "b/1", "b/2", "c"});
  const ListPage first = List(bucket, "", "/", "", 1);
  EXPECT_EQ(Text(first), "[a/ ] T");
  EXPECT_EQ(first.next_after, "a/");
  EXPECT_EQ(Text(List(bucket, "", "/", "a/", 1)), "[b/ ] T");
  EXPECT_EQ(Text(List(bucket, "", "/", "a/1", 9)), "c [b/ ]");
  EXPECT_EQ(Text(List(bucket, "", "", "a/1", 9)), "a/2 b/1 b/2 c []");
  EXPECT_EQ(Text(List(bucket, "b/", "/", "a", 9)), "b/1 b/2 []");
  EXPECT_EQ(Text(List(bucket, "b/", "/", "c", 9)), "[]");
}

TEST_P(ListingTest, KeysBelowTheLastPrefixDoNotMakeAPageTruncated) {
  const BucketId bucket = MakeBucket();
  PutAll(bucket, {"a/1", "a/2", "a/3"});
  EXPECT_EQ(Text(List(bucket, "", "/", "", 1)), "[a/ ]");
}

TEST_P(ListingTest, DeletedAndMarkedKeysAreNotListed) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  PutAll(bucket, {"a/1", "a/2", "b"});
  for (const char* key : {"a/1", "a/2"}) (void)Delete(bucket, key);
  EXPECT_EQ(Text(List(bucket, "", "/", "", 9)), "b []");
}

TEST_P(ListingTest, DirectoryMarkersAreObjects) {
  const BucketId bucket = MakeBucket();
  PutAll(bucket, {"dir/", "dir/x"});
  EXPECT_EQ(Text(List(bucket, "dir/", "/", "", 9)), "dir/ dir/x []");
  EXPECT_EQ(Text(List(bucket, "", "/", "", 9)), "[dir/ ]");
}

// What a page ought to be, from the sorted keys.
ListPage Expected(const std::set<std::string>& keys, const ListRequest& request) {
  std::set<std::pair<std::string, bool>> entries;  // name, is a prefix
  for (const std::string& key : keys) {
    if (!key.starts_with(request.prefix)) continue;
    const size_t at = request.delimiter.empty()
                          ? std::string::npos
                          : key.find(request.delimiter, request.prefix.size());
    if (at == std::string::npos) {
      entries.insert({key, false});
    } else {
      entries.insert({key.substr(0, at + request.delimiter.size()), true});
    }
  }
  ListPage page;
  for (const auto& [name, is_prefix] : entries) {
    if (!request.start_after.empty() &&
        (name <= request.start_after || (is_prefix && request.start_after.starts_with(name)))) {
      continue;
    }
    if (page.objects.size() + page.common_prefixes.size() == request.max_entries) {
      page.truncated = true;
      break;
    }
    page.next_after = name;
    if (is_prefix) {
      page.common_prefixes.push_back(name);
    } else {
      page.objects.push_back({.key = name, .version = {}});
    }
  }
  return page;
}

TEST_P(ListingTest, RandomListingsMatchTheModel) {
  std::mt19937 random(3);
  const BucketId bucket = MakeBucket();
  static constexpr char kBytes[] = {'\0', '\x01', '/', 'a', 'b', '\xff'};
  const auto random_text = [&](size_t max) {
    std::string text;
    for (size_t i = random() % (max + 1); i > 0; --i) text += kBytes[random() % sizeof(kBytes)];
    return text;
  };
  std::set<std::string> keys;
  while (keys.size() < 300) keys.insert("k" + random_text(6));
  PutAll(bucket, {keys.begin(), keys.end()});
  for (int i = 0; i < 600; ++i) {
    ListRequest request;
    request.bucket = bucket;
    request.prefix = random() % 2 == 0 ? "" : "k" + random_text(2);
    request.delimiter = random() % 3 == 0 ? "" : std::string(1, kBytes[random() % 6]);
    if (random() % 8 == 0) request.delimiter += "a";
    request.start_after = random() % 2 == 0 ? "" : "k" + random_text(5);
    request.max_entries = 1 + random() % 40;
    if (random() % 4 == 0) request.max_entries = 1000;
    const ListPage page =
        List(bucket, request.prefix, request.delimiter, request.start_after, request.max_entries);
    const ListPage expected = Expected(keys, request);
    ASSERT_EQ(Text(page), Text(expected));
    ASSERT_EQ(page.next_after, expected.next_after);
  }
}

TEST_P(ListingTest, PagesTogetherGiveEverythingOnce) {
  std::mt19937 random(4);
  const BucketId bucket = MakeBucket();
  std::set<std::string> keys;
  for (int i = 0; i < 300; ++i) {
    keys.insert(std::to_string(random() % 20) + "/" + std::to_string(random() % 100));
  }
  PutAll(bucket, {keys.begin(), keys.end()});
  for (const std::string delimiter : {"", "/"}) {
    const std::string whole = Text(List(bucket, "", delimiter, "", 1000));
    ListPage all;
    std::string after;
    for (bool more = true; more;) {
      const ListPage page = List(bucket, "", delimiter, after, 7);
      all.objects.insert(all.objects.end(), page.objects.begin(), page.objects.end());
      all.common_prefixes.insert(all.common_prefixes.end(), page.common_prefixes.begin(),
                                 page.common_prefixes.end());
      after = page.next_after;
      more = page.truncated;
    }
    EXPECT_EQ(Text(all), whole);
  }
}

TEST_P(ListingTest, VersionsArePagedWithoutGapsAndRepeats) {
  const BucketId bucket = MakeBucket();
  PutAll(bucket, {"a", "b/1", "c"});
  SetVersioning(model::Versioning::kEnabled);
  for (int i = 0; i < 3; ++i) PutAll(bucket, {"a", "b/1", "b/2", "c", "d"});
  (void)Delete(bucket, "a");
  (void)Delete(bucket, "never");
  const auto id_of = [](const VersionEntry& entry) {
    return entry.key + ":" + entry.version.version_id + (entry.is_latest ? "*" : "");
  };
  for (const std::string delimiter : {"", "/"}) {
    ListVersionsRequest request;
    request.bucket = bucket;
    request.delimiter = delimiter;
    const auto whole = Run(db_->ListVersions(request));
    ASSERT_TRUE(whole.ok());
    EXPECT_EQ(whole->versions.size(), delimiter.empty() ? 20U : 13U);
    EXPECT_EQ(whole->common_prefixes.size(), delimiter.empty() ? 0U : 1U);
    for (uint32_t max = 1; max < 8; ++max) {
      std::vector<std::string> ids;
      size_t prefixes = 0;
      ListVersionsRequest next = request;
      next.max_entries = max;
      for (bool more = true; more;) {
        const auto page = Run(db_->ListVersions(next));
        ASSERT_TRUE(page.ok());
        for (const auto& entry : page->versions) ids.push_back(id_of(entry));
        prefixes += page->common_prefixes.size();
        more = page->truncated;
        next.key_marker = page->next_key_marker;
        next.version_id_marker = page->next_version_id_marker.empty()
                                     ? std::nullopt
                                     : std::optional(page->next_version_id_marker);
      }
      ASSERT_EQ(ids.size(), whole->versions.size());
      for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], id_of(whole->versions[i]));
      EXPECT_EQ(prefixes, whole->common_prefixes.size());
    }
    // A key marker alone skips all versions of its key.
    ListVersionsRequest after_a = request;
    after_a.key_marker = "a";
    EXPECT_NE(Run(db_->ListVersions(after_a))->versions[0].key, "a");
    after_a.version_id_marker = "garbage";
    EXPECT_EQ(Run(db_->ListVersions(after_a)).code(), Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace ashlar::metadata_db
