// Policies of AWS's language: a text is parsed once and then asked of many requests.
//
// Pure: no clock, no input or output, no state. What a request is about (its time, address,
// headers) comes in as its context.
//
// Invariants:
//   1. What is not understood is refused by Parse, never ignored: a field, operator, condition key
//      or variable that is skipped would widen an Allow or disarm a Deny.
//   2. An explicit Deny wins; the order of statements does not matter.
//   3. The value of a variable is literal text: a `*` in a user's name is no wildcard.
//   4. Where something cannot be told (a variable without a value), a statement that allows does
//      not apply. A Deny applies as if the pattern with that variable were not written.
//   5. The work of Evaluate is bounded by the sizes of policy and request, without backtracking.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace ashlar::iam {

inline constexpr size_t kPolicyBytesMax = 20 * 1024;

enum class PolicyKind : uint8_t {
  kIdentity,  // of a user or group: names no principal, may speak of any service of ours
  kBucket,    // of a bucket: names its principals, speaks of s3 and of this bucket alone
};

enum class Effect : uint8_t {
  kNone,   // no statement applies
  kAllow,  // one allows and none denies
  kDeny,   // one denies explicitly
};

// A condition key of a request, its name in lower case ("aws:sourceip", "s3:prefix",
// "s3:existingobjecttag/team"). A name that occurs several times has several values; one that does
// not occur is absent, which is not the same as an empty value.
struct ContextKey {
  std::string_view name;
  std::string_view value;
};

// What a caller wants. All views must outlive the call.
struct PolicyRequest {
  std::string_view action;              // "s3:GetObject", "iam:CreateUser"; in any case
  std::string_view resource;            // "arn:aws:s3:::bucket/key"
  bool anonymous = false;               // then the three names below are not looked at
  std::string_view account_id;          // 12 digits
  std::string_view arn;                 // "arn:aws:iam::123456789012:user/alice", "...:root"
  std::string_view canonical_id;        // 64 hexadecimal digits of the account
  std::span<const ContextKey> context;  // also what variables stand for, such as aws:username
};

struct Statement;

// Immutable, hence free to use from any thread.
class Policy {
 public:
  // Reads `text`, at most kPolicyBytesMax. For kBucket `bucket` is the name of the bucket, and
  // every Resource must be able to match it or something in it; for kIdentity it is not looked at.
  // kInvalidArgument: the message is the one of AWS's MalformedPolicy where that is known.
  static Result<std::shared_ptr<const Policy>> Parse(std::string_view text, PolicyKind kind,
                                                     std::string_view bucket);
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;
  ~Policy();

  // What this policy alone says. Joining it with others (identity and bucket, same and other
  // account) is the caller's.
  //
  // A principal that names an account (its id, its root's ARN, its canonical id) stands for every
  // identity of it, also in an Allow: who wants AWS's delegation, where a user of the same account
  // needs an identity policy besides, asks that policy too. In a NotPrincipal it stands for the
  // root user alone, as with AWS: a user is spared by its own ARN.
  // "*" stands for everyone, anonymous callers too; Service and Federated for no one.
  //
  // Allocates nothing unless a pattern has more than 16 pieces or an action more than 64 bytes.
  Effect Evaluate(const PolicyRequest& request) const;

  // Whether AWS calls it public (GetBucketPolicyStatus, Block Public Access): some Allow is for
  // everyone and is not bound to fixed values of a key that tells where or who the caller is, such
  // as aws:SourceIp (an IPv4 network of /8 or smaller, IPv6 of /32) or aws:PrincipalArn. Statements
  // that deny do not count.
  bool IsPublic() const;

 private:
  explicit Policy(std::vector<Statement> statements);
  std::vector<Statement> statements_;
};

// Whether `pattern` describes the whole of `text`: `*` is any run of characters, `?` any one
// character (of UTF-8), everything else itself. No backtracking: a run of literal text is searched
// in linear time, one that has a `?` in it takes at worst its length times that of the text.
bool MatchesGlob(std::string_view pattern, std::string_view text);

}  // namespace ashlar::iam
