// The handlers of the route table, one for each operation that is built. A handler answers by the
// exchange, or returns the error to answer with; each lies in the file of its name.
#pragma once

#include "api_gateway/routing/route.h"

namespace ashlar::api_gateway::operations {

Task<Answer> ListBuckets(S3Context& context);

Task<Answer> CreateBucket(S3Context& context);
Task<Answer> HeadBucket(S3Context& context);
Task<Answer> DeleteBucket(S3Context& context);
Task<Answer> GetBucketLocation(S3Context& context);
Task<Answer> GetBucketVersioning(S3Context& context);
Task<Answer> GetBucketAcl(S3Context& context);
Task<Answer> PutBucketAcl(S3Context& context);
Task<Answer> GetBucketPolicy(S3Context& context);
Task<Answer> PutBucketPolicy(S3Context& context);
Task<Answer> DeleteBucketPolicy(S3Context& context);
Task<Answer> GetBucketPolicyStatus(S3Context& context);
Task<Answer> GetPublicAccessBlock(S3Context& context);
Task<Answer> PutPublicAccessBlock(S3Context& context);
Task<Answer> DeletePublicAccessBlock(S3Context& context);
Task<Answer> GetBucketOwnershipControls(S3Context& context);
Task<Answer> PutBucketOwnershipControls(S3Context& context);
Task<Answer> DeleteBucketOwnershipControls(S3Context& context);
Task<Answer> PutBucketVersioning(S3Context& context);
Task<Answer> GetObjectLockConfiguration(S3Context& context);
Task<Answer> PutObjectLockConfiguration(S3Context& context);
Task<Answer> GetBucketTagging(S3Context& context);
Task<Answer> PutBucketTagging(S3Context& context);
Task<Answer> DeleteBucketTagging(S3Context& context);
Task<Answer> GetBucketCors(S3Context& context);
Task<Answer> PutBucketCors(S3Context& context);
Task<Answer> DeleteBucketCors(S3Context& context);
Task<Answer> GetBucketLifecycleConfiguration(S3Context& context);
Task<Answer> PutBucketLifecycleConfiguration(S3Context& context);
Task<Answer> DeleteBucketLifecycle(S3Context& context);
// The preflight of a browser (bucket_cors.cc).
Task<Answer> Options(S3Context& context);
// What was never set on a bucket (unset_configurations.cc): encryption, website ...
Task<Answer> GetUnsetOfBucket(S3Context& context);
Task<Answer> DeleteUnsetOfBucket(S3Context& context);
// Gets or deletes what is set by id: inventories, metrics ...
Task<Answer> FindUnsetById(S3Context& context);
// What has one value (put_fixed_settings.cc).
Task<Answer> PutBucketRequestPayment(S3Context& context);
Task<Answer> PutBucketAccelerateConfiguration(S3Context& context);
Task<Answer> PutBucketLogging(S3Context& context);
Task<Answer> PutBucketNotificationConfiguration(S3Context& context);

Task<Answer> PutObject(S3Context& context);
Task<Answer> PostObject(S3Context& context);
Task<Answer> GetObject(S3Context& context);
Task<Answer> HeadObject(S3Context& context);
Task<Answer> GetObjectAcl(S3Context& context);
Task<Answer> PutObjectAcl(S3Context& context);
Task<Answer> GetObjectAttributes(S3Context& context);
Task<Answer> GetObjectTagging(S3Context& context);
Task<Answer> PutObjectTagging(S3Context& context);
Task<Answer> DeleteObjectTagging(S3Context& context);
Task<Answer> GetObjectRetention(S3Context& context);
Task<Answer> PutObjectRetention(S3Context& context);
Task<Answer> GetObjectLegalHold(S3Context& context);
Task<Answer> PutObjectLegalHold(S3Context& context);
Task<Answer> DeleteObject(S3Context& context);
Task<Answer> DeleteObjects(S3Context& context);
Task<Answer> CopyObject(S3Context& context);

Task<Answer> ListObjects(S3Context& context);
Task<Answer> ListObjectsV2(S3Context& context);
Task<Answer> ListObjectVersions(S3Context& context);

Task<Answer> CreateMultipartUpload(S3Context& context);
Task<Answer> UploadPart(S3Context& context);
Task<Answer> UploadPartCopy(S3Context& context);
Task<Answer> CompleteMultipartUpload(S3Context& context);
Task<Answer> AbortMultipartUpload(S3Context& context);
Task<Answer> ListParts(S3Context& context);
Task<Answer> ListMultipartUploads(S3Context& context);

}  // namespace ashlar::api_gateway::operations
