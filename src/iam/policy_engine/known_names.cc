#include "iam/policy_engine/known_names.h"

#include <algorithm>
#include <array>

namespace ashlar::iam {
namespace {

using enum ActionTarget;

constexpr auto kS3Actions = std::to_array<KnownAction>({
    {"s3:abortmultipartupload", kObject},
    {"s3:bypassgovernanceretention", kObject},
    {"s3:createbucket", kBucket},
    {"s3:deletebucket", kBucket},
    {"s3:deletebucketpolicy", kBucket},
    {"s3:deletebucketwebsite", kBucket},
    {"s3:deleteobject", kObject},
    {"s3:deleteobjecttagging", kObject},
    {"s3:deleteobjectversion", kObject},
    {"s3:deleteobjectversiontagging", kObject},
    {"s3:getaccelerateconfiguration", kBucket},
    {"s3:getaccountpublicaccessblock", kAccount},
    {"s3:getanalyticsconfiguration", kBucket},
    {"s3:getbucketacl", kBucket},
    {"s3:getbucketcors", kBucket},
    {"s3:getbucketlocation", kBucket},
    {"s3:getbucketlogging", kBucket},
    {"s3:getbucketnotification", kBucket},
    {"s3:getbucketobjectlockconfiguration", kBucket},
    {"s3:getbucketownershipcontrols", kBucket},
    {"s3:getbucketpolicy", kBucket},
    {"s3:getbucketpolicystatus", kBucket},
    {"s3:getbucketpublicaccessblock", kBucket},
    {"s3:getbucketrequestpayment", kBucket},
    {"s3:getbuckettagging", kBucket},
    {"s3:getbucketversioning", kBucket},
    {"s3:getbucketwebsite", kBucket},
    {"s3:getencryptionconfiguration", kBucket},
    {"s3:getintelligenttieringconfiguration", kBucket},
    {"s3:getinventoryconfiguration", kBucket},
    {"s3:getlifecycleconfiguration", kBucket},
    {"s3:getmetricsconfiguration", kBucket},
    {"s3:getobject", kObject},
    {"s3:getobjectacl", kObject},
    {"s3:getobjectattributes", kObject},
    {"s3:getobjectlegalhold", kObject},
    {"s3:getobjectretention", kObject},
    {"s3:getobjecttagging", kObject},
    {"s3:getobjecttorrent", kObject},
    {"s3:getobjectversion", kObject},
    {"s3:getobjectversionacl", kObject},
    {"s3:getobjectversionattributes", kObject},
    {"s3:getobjectversionforreplication", kObject},
    {"s3:getobjectversiontagging", kObject},
    {"s3:getobjectversiontorrent", kObject},
    {"s3:getreplicationconfiguration", kBucket},
    {"s3:initiatereplication", kObject},
    {"s3:listallmybuckets", kAccount},
    {"s3:listbucket", kBucket},
    {"s3:listbucketmultipartuploads", kBucket},
    {"s3:listbucketversions", kBucket},
    {"s3:listmultipartuploadparts", kObject},
    {"s3:objectowneroverridetobucketowner", kObject},
    {"s3:putaccelerateconfiguration", kBucket},
    {"s3:putaccountpublicaccessblock", kAccount},
    {"s3:putanalyticsconfiguration", kBucket},
    {"s3:putbucketacl", kBucket},
    {"s3:putbucketcors", kBucket},
    {"s3:putbucketlogging", kBucket},
    {"s3:putbucketnotification", kBucket},
    {"s3:putbucketobjectlockconfiguration", kBucket},
    {"s3:putbucketownershipcontrols", kBucket},
    {"s3:putbucketpolicy", kBucket},
    {"s3:putbucketpublicaccessblock", kBucket},
    {"s3:putbucketrequestpayment", kBucket},
    {"s3:putbuckettagging", kBucket},
    {"s3:putbucketversioning", kBucket},
    {"s3:putbucketwebsite", kBucket},
    {"s3:putencryptionconfiguration", kBucket},
    {"s3:putintelligenttieringconfiguration", kBucket},
    {"s3:putinventoryconfiguration", kBucket},
    {"s3:putlifecycleconfiguration", kBucket},
    {"s3:putmetricsconfiguration", kBucket},
    {"s3:putobject", kObject},
    {"s3:putobjectacl", kObject},
    {"s3:putobjectlegalhold", kObject},
    {"s3:putobjectretention", kObject},
    {"s3:putobjecttagging", kObject},
    {"s3:putobjectversionacl", kObject},
    {"s3:putobjectversiontagging", kObject},
    {"s3:putreplicationconfiguration", kBucket},
    {"s3:replicatedelete", kObject},
    {"s3:replicateobject", kObject},
    {"s3:replicatetags", kObject},
    {"s3:restoreobject", kObject},
});

// Sorted.
constexpr auto kConditionKeys = std::to_array<std::string_view>({
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:currenttime",
    "aws:epochtime",
    "aws:federatedprovider",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:principaltype",
    "aws:referer",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:tagkeys",
    "aws:tokenissuetime",
    "aws:useragent",
    "aws:userid",
    "aws:username",
    "aws:viaawsservice",
    "aws:vpcsourceip",
    "s3:accesspointnetworkorigin",
    "s3:authtype",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:delimiter",
    "s3:if-match",
    "s3:if-none-match",
    "s3:locationconstraint",
    "s3:max-keys",
    "s3:object-lock-legal-hold",
    "s3:object-lock-mode",
    "s3:object-lock-retain-until-date",
    "s3:prefix",
    "s3:requestobjecttagkeys",
    "s3:resourceaccount",
    "s3:signatureage",
    "s3:signatureversion",
    "s3:tlsversion",
    "s3:versionid",
    "s3:x-amz-acl",
    "s3:x-amz-content-sha256",
    "s3:x-amz-copy-source",
    "s3:x-amz-grant-full-control",
    "s3:x-amz-grant-read",
    "s3:x-amz-grant-read-acp",
    "s3:x-amz-grant-write",
    "s3:x-amz-grant-write-acp",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-object-ownership",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
    "s3:x-amz-storage-class",
    "s3:x-amz-website-redirect-location",
});
static_assert(std::ranges::is_sorted(kConditionKeys));

// Keys that are followed by the key of a tag.
constexpr auto kTagKeys = std::to_array<std::string_view>({
    "aws:principaltag/",
    "aws:requesttag/",
    "s3:existingobjecttag/",
    "s3:requestobjecttag/",
});

constexpr auto kTrustedKeys = std::to_array<std::string_view>({
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
});

}  // namespace

std::span<const KnownAction> KnownS3Actions() { return kS3Actions; }

bool IsKnownService(std::string_view service) {
  return service == "s3" || service == "iam" || service == "sts";
}

bool IsKnownConditionKey(std::string_view name) {
  return std::ranges::binary_search(kConditionKeys, name) ||
         std::ranges::any_of(kTagKeys, [&](std::string_view prefix) {
           return name.size() > prefix.size() && name.starts_with(prefix);
         });
}

bool IsTrustedKey(std::string_view name) {
  return std::ranges::find(kTrustedKeys, name) != kTrustedKeys.end();
}

}  // namespace ashlar::iam
