// The AWS SDK for JavaScript v3 as a client: client.mjs SCENARIO runs one scenario against the
// server that the environment names, and fails with what it expected.
//
// S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY, S3_BUCKET (exists, empty), SDK_FOLDER (where npm
// installed the packages). What a scenario prints on its last line, as JSON, is for the test.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { Readable } from "node:stream";

const require = createRequire(`${process.env.SDK_FOLDER}/`);
const sdk = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const MIB = 1 << 20;
const Bucket = process.env.S3_BUCKET;
const accessKeyId = process.env.S3_ACCESS_KEY;
const clientWith = (options) =>
  new sdk.S3Client({
    endpoint: process.env.S3_ENDPOINT,
    region: "us-east-1",
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey: process.env.S3_SECRET_KEY },
    ...options,
  });
const s3 = clientWith({});
const patience = (client) => ({ client, minDelay: 1, maxWaitTime: 10 });

// send("PutObject", {...}) in the scenario's bucket.
const send = (operation, input = {}) => s3.send(new sdk[`${operation}Command`]({ Bucket, ...input }));
const bytes = async (answer) => Buffer.from(await answer.Body.transformToByteArray());
const textOf = async (Key, options) => `${await bytes(await send("GetObject", { Key, ...options }))}`;
const md5 = (data) => createHash("md5").update(data).digest("hex");

// A stream of unknown length, as a client pipes it.
function* pieces(data, size = 100_000) {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}
const stream = (data) => Readable.from(pieces(data));

// The headers that the SDK sends with the next requests, by operation.
function recordHeaders(client) {
  const sent = {};
  client.middlewareStack.add(
    (next, context) => (args) => {
      sent[context.commandName] = args.request.headers;
      return next(args);
    },
    { step: "finalizeRequest", priority: "low" },
  );
  return sent;
}

async function refused(promise, name, status) {
  const error = await promise.then(
    () => assert.fail(`expected ${name}, but the call succeeded`),
    (failure) => failure,
  );
  assert.equal(error.name, name, String(error.stack));
  assert.equal(error.$metadata.httpStatusCode, status);
  assert.ok(error.$metadata.requestId, "no request id");
  return error;
}

const scenarios = {
  async life_of_an_object() {
    const own = `${Bucket}-own`;
    await send("CreateBucket", { Bucket: own });
    assert.ok((await s3.send(new sdk.ListBucketsCommand({}))).Buckets.some((b) => b.Name === own));
    await sdk.waitUntilBucketExists(patience(s3), { Bucket: own });
    const body = randomBytes(70_000);
    const put = await send("PutObject", { Bucket: own, Key: "folder/a b+c", Body: body, ContentType: "a/b" });
    assert.equal(put.ETag, `"${md5(body)}"`);
    assert.ok(put.ChecksumCRC32, "the default checksum of the SDK");
    const got = await send("GetObject", { Bucket: own, Key: "folder/a b+c", ChecksumMode: "ENABLED" });
    assert.ok(body.equals(await bytes(got)));
    assert.equal(got.ContentType, "a/b");
    assert.equal(got.ChecksumCRC32, put.ChecksumCRC32);
    const head = await send("HeadObject", { Bucket: own, Key: "folder/a b+c" });
    assert.equal(head.ContentLength, body.length);
    assert.ok(Math.abs(head.LastModified - Date.now()) < 60_000);
    await refused(send("DeleteBucket", { Bucket: own }), "BucketNotEmpty", 409);
    await send("DeleteObject", { Bucket: own, Key: "folder/a b+c" });
    await sdk.waitUntilObjectNotExists(patience(s3), { Bucket: own, Key: "folder/a b+c" });
    await send("DeleteBucket", { Bucket: own });
    await refused(send("HeadBucket", { Bucket: own }), "NotFound", 404);
  },

  async listing_by_the_paginator() {
    const keys = Array.from({ length: 23 }, (_, n) => `dir${n % 3}/${n}`);
    keys.push("é ü", "日本/語", "a+b&c", "😀");
    await Promise.all(keys.map((Key) => send("PutObject", { Key, Body: Key })));
    const listed = [];
    let pages = 0;
    for await (const page of sdk.paginateListObjectsV2({ client: s3, pageSize: 5 }, { Bucket })) {
      pages += 1;
      listed.push(...(page.Contents ?? []).map((item) => item.Key));
    }
    assert.equal(pages, 6);
    assert.deepEqual(listed, [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    const folders = await send("ListObjectsV2", { Delimiter: "/" });
    const prefixes = folders.CommonPrefixes.map((item) => item.Prefix);
    assert.deepEqual(prefixes, ["dir0/", "dir1/", "dir2/", "日本/"]);
    const inside = await send("ListObjectsV2", { Delimiter: "/", Prefix: "日本/" });
    assert.deepEqual(inside.Contents.map((item) => item.Key), ["日本/語"]);
    assert.equal(await textOf("日本/語"), "日本/語");
  },

  async delete_objects() {
    const keys = ["a", "b c", "é", "x&y<z>"];
    await Promise.all(keys.map((Key) => send("PutObject", { Key, Body: "" })));
    const Objects = [...keys, "absent"].map((Key) => ({ Key }));
    const answer = await send("DeleteObjects", { Delete: { Objects } });
    assert.deepEqual(answer.Deleted.map((item) => item.Key).sort(), [...keys, "absent"].sort());
    assert.equal(answer.Errors, undefined);
    assert.equal((await send("ListObjectsV2")).KeyCount, 0);
    const quiet = await send("DeleteObjects", { Delete: { Objects, Quiet: true } });
    assert.equal(quiet.Deleted, undefined);
  },

  // Body of unknown length, three parts at once, default checksums.
  async upload_of_a_stream() {
    const body = randomBytes(12 * MIB + 345);
    const sent = recordHeaders(s3);
    const progress = [];
    const upload = new Upload({
      client: s3,
      params: {
        Bucket,
        Key: "big",
        Body: stream(body),
        ContentType: "video/mp4",
        Metadata: { made: "by stream" },
      },
      partSize: 5 * MIB,
      queueSize: 3,
    });
    upload.on("httpUploadProgress", (event) => progress.push(event.loaded));
    const done = await upload.done();
    assert.match(done.ETag, /^"[0-9a-f]{32}-3"$/);
    assert.ok(done.Location.endsWith(`/${Bucket}/big`), done.Location);
    assert.equal(Math.max(...progress), body.length);
    const got = await send("GetObject", { Key: "big", ChecksumMode: "ENABLED" });
    assert.ok(body.equals(await bytes(got)));
    assert.equal(got.ContentType, "video/mp4");
    assert.equal(got.Metadata.made, "by stream");
    const second = await send("GetObject", { Key: "big", PartNumber: 2 });
    assert.ok(body.subarray(5 * MIB, 10 * MIB).equals(await bytes(second)));
    assert.equal(second.PartsCount, 3);
    return { created: sent.CreateMultipartUploadCommand["x-amz-checksum-algorithm"], size: body.length };
  },

  async small_upload_is_one_put() {
    const params = { Bucket, Key: "small", Body: stream(Buffer.from("small")) };
    const done = await new Upload({ client: s3, params }).done();
    assert.equal(done.ETag, `"${md5("small")}"`);
    assert.equal(await textOf("small"), "small");
  },

  async aborted_upload_leaves_nothing() {
    const endless = Readable.from((function* () { for (;;) yield randomBytes(MIB); })());
    const params = { Bucket, Key: "endless", Body: endless };
    const upload = new Upload({ client: s3, params, partSize: 5 * MIB });
    let aborted = null;
    upload.on("httpUploadProgress", ({ part }) => { if (part === 2) aborted ??= upload.abort(); });
    await assert.rejects(upload.done(), { name: "AbortError" });
    await aborted;
    // The SDK takes its parts away after it has told of the abort.
    const deadline = Date.now() + 20_000;
    while ((await send("ListMultipartUploads")).Uploads) {
      assert.ok(Date.now() < deadline, "the upload is still there");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await refused(send("HeadObject", { Key: "endless" }), "NotFound", 404);
  },

  // A stream in one PutObject: aws-chunked with the checksum in the trailer.
  async put_of_a_stream_with_a_trailer() {
    const body = randomBytes(3 * MIB + 7);
    const sent = recordHeaders(s3);
    const put = await send("PutObject", { Key: "trailer", Body: stream(body), ContentLength: body.length });
    const headers = sent.PutObjectCommand;
    assert.equal(headers["x-amz-trailer"], "x-amz-checksum-crc32");
    assert.equal(headers["x-amz-content-sha256"], "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert.equal(put.ETag, `"${md5(body)}"`);
    assert.ok(put.ChecksumCRC32);
    const got = await send("GetObject", { Key: "trailer", ChecksumMode: "ENABLED" });
    assert.equal(got.ContentEncoding, undefined);
    assert.ok(body.equals(await bytes(got)));
  },

  async every_checksum() {
    const told = {};
    for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "SHA1", "SHA256"]) {
      const field = `Checksum${ChecksumAlgorithm}`;
      const put = await send("PutObject", { Key: field, Body: "checked", ChecksumAlgorithm });
      const head = await send("HeadObject", { Key: field, ChecksumMode: "ENABLED" });
      assert.equal(head[field], put[field]);
      assert.equal(await textOf(field, { ChecksumMode: "ENABLED" }), "checked");
      told[ChecksumAlgorithm] = head[field];
    }
    assert.equal(told.SHA256, createHash("sha256").update("checked").digest("base64"));
    const wrong = send("PutObject", { Key: "wrong", Body: "checked", ChecksumCRC32: "AAAAAA==" });
    await refused(wrong, "BadDigest", 400);
    return told;
  },

  async presigned_urls() {
    // By default this SDK signs the checksum of the empty body into a URL for PUT.
    const signer = clientWith({ requestChecksumCalculation: "WHEN_REQUIRED" });
    const sign = (operation, input, options) =>
      getSignedUrl(signer, new sdk[`${operation}Command`]({ Bucket, ...input }), { expiresIn: 60, ...options });
    const put = await sign("PutObject", { Key: "dir/é +", ContentType: "text/plain" });
    const headers = { "content-type": "text/plain" };
    const answer = await fetch(put, { method: "PUT", body: "presigned", headers });
    assert.equal(answer.status, 200, await answer.text());
    const ResponseContentDisposition = 'attachment; filename="a"';
    const url = await sign("GetObject", { Key: "dir/é +", ResponseContentDisposition });
    const got = await fetch(url);
    assert.equal(await got.text(), "presigned");
    assert.equal(got.headers.get("content-disposition"), ResponseContentDisposition);
    const other = await fetch(url.replace("dir/", "dir2/"));
    assert.equal(other.status, 403);
    assert.match(await other.text(), /<Code>SignatureDoesNotMatch</);
    const signingDate = new Date(Date.now() - 120_000);
    const late = await sign("GetObject", { Key: "dir/é +" }, { signingDate });
    const expired = await fetch(late);
    assert.equal(expired.status, 403);
    assert.match(await expired.text(), /<Message>Request has expired</);
  },

  async versions() {
    await send("PutBucketVersioning", { VersioningConfiguration: { Status: "Enabled" } });
    const first = await send("PutObject", { Key: "v", Body: "one" });
    const second = await send("PutObject", { Key: "v", Body: "two" });
    assert.notEqual(first.VersionId, second.VersionId);
    const marker = await send("DeleteObject", { Key: "v" });
    assert.equal(marker.DeleteMarker, true);
    const gone = await refused(send("GetObject", { Key: "v" }), "NoSuchKey", 404);
    assert.equal(gone.$response.headers["x-amz-delete-marker"], "true");
    const old = await send("GetObject", { Key: "v", VersionId: first.VersionId });
    assert.equal((await bytes(old)).toString(), "one");
    const listed = await send("ListObjectVersions");
    assert.deepEqual(listed.Versions.map((item) => item.VersionId), [second.VersionId, first.VersionId]);
    assert.deepEqual(listed.Versions.map((item) => item.IsLatest), [false, false]);
    assert.equal(listed.DeleteMarkers[0].VersionId, marker.VersionId);
    await send("DeleteObject", { Key: "v", VersionId: marker.VersionId });
    assert.equal((await bytes(await send("GetObject", { Key: "v" }))).toString(), "two");
  },

  async tags() {
    const TagSet = [{ Key: "größe", Value: "1 + 2" }, { Key: "project", Value: "" }];
    await send("PutObject", { Key: "t", Body: "x", Tagging: "at=put&b=" });
    assert.equal((await send("GetObjectTagging", { Key: "t" })).TagSet.length, 2);
    await send("PutObjectTagging", { Key: "t", Tagging: { TagSet } });
    assert.deepEqual((await send("GetObjectTagging", { Key: "t" })).TagSet, TagSet);
    assert.equal((await send("GetObject", { Key: "t" })).TagCount, 2);
    await send("DeleteObjectTagging", { Key: "t" });
    assert.deepEqual((await send("GetObjectTagging", { Key: "t" })).TagSet, []);
    await send("PutBucketTagging", { Tagging: { TagSet } });
    assert.deepEqual((await send("GetBucketTagging")).TagSet, TagSet);
    await send("DeleteBucketTagging");
    await refused(send("GetBucketTagging"), "NoSuchTagSet", 404);
  },

  // HTTP headers hold no Unicode: clients encode by RFC 2047, and must find again what they sent.
  async metadata_with_unicode() {
    const text = "größe 日本語 😀";
    const encoded = `=?UTF-8?B?${Buffer.from(text).toString("base64")}?=`;
    const Metadata = { encoded, percent: encodeURIComponent(text), empty: "", spaces: "a  b" };
    const ContentDisposition = `attachment; filename*=UTF-8''${encodeURIComponent(text)}`;
    await send("PutObject", { Key: text, Body: text, Metadata, ContentDisposition });
    const head = await send("HeadObject", { Key: text });
    assert.equal(head.Metadata.encoded, encoded);
    assert.equal(decodeURIComponent(head.Metadata.percent), text);
    assert.equal(head.Metadata.empty ?? "", "");
    assert.equal(head.ContentDisposition, ContentDisposition);
    const CopySource = `${Bucket}/${encodeURIComponent(text)}`;
    await send("CopyObject", { Key: "copy", CopySource });
    assert.equal((await send("HeadObject", { Key: "copy" })).Metadata.encoded, encoded);
    await send("CopyObject", { Key: "copy", CopySource, MetadataDirective: "REPLACE", Metadata: { b: "2" } });
    assert.deepEqual((await send("HeadObject", { Key: "copy" })).Metadata, { b: "2" });
  },

  // What another client stored: the test names the object, and how its metadata must be read.
  async metadata_of_another_client() {
    const head = await send("HeadObject", { Key: "other" });
    const [, base64] = /^=\?UTF-8\?B\?(.*)\?=$/i.exec(head.Metadata.a);
    assert.equal(Buffer.from(base64, "base64").toString(), "größe 日本語");
  },

  async errors() {
    const missing = await refused(send("GetObject", { Key: "absent" }), "NoSuchKey", 404);
    assert.ok(missing instanceof sdk.NoSuchKey);
    assert.ok(missing instanceof sdk.S3ServiceException);
    assert.equal(missing.$fault, "client");
    assert.equal(missing.message, "The specified key does not exist.");
    assert.equal(missing.Key, "absent");
    assert.ok(missing.$metadata.extendedRequestId);
    const noBucket = await refused(send("ListObjectsV2", { Bucket: `${Bucket}-absent` }), "NoSuchBucket", 404);
    assert.ok(noBucket instanceof sdk.NoSuchBucket);
    assert.equal(noBucket.BucketName, `${Bucket}-absent`);
    assert.ok((await refused(send("HeadObject", { Key: "absent" }), "NotFound", 404)) instanceof sdk.NotFound);
    const noUpload = send("UploadPart", { Key: "k", UploadId: "none", PartNumber: 1, Body: "x" });
    await refused(noUpload, "NoSuchUpload", 404);
    await refused(send("GetBucketLifecycleConfiguration"), "NoSuchLifecycleConfiguration", 404);
    await refused(send("PutObject", { Key: "k".repeat(1025), Body: "" }), "KeyTooLongError", 400);
    await refused(send("CreateBucket", { Bucket: "No_Bucket" }), "InvalidBucketName", 400);
    await send("PutObject", { Key: "k", Body: "12345" });
    await refused(send("GetObject", { Key: "k", Range: "bytes=9-" }), "InvalidRange", 416);
    const stranger = clientWith({ credentials: { accessKeyId, secretAccessKey: "wrong" } });
    await refused(stranger.send(new sdk.ListBucketsCommand({})), "SignatureDoesNotMatch", 403);
  },

  async conditions() {
    const { ETag } = await send("PutObject", { Key: "c", Body: "1", IfNoneMatch: "*" });
    await refused(send("PutObject", { Key: "c", Body: "2", IfNoneMatch: "*" }), "PreconditionFailed", 412);
    await refused(send("PutObject", { Key: "c", Body: "2", IfMatch: '"0"' }), "PreconditionFailed", 412);
    await refused(send("PutObject", { Key: "absent", Body: "2", IfMatch: ETag }), "NoSuchKey", 404);
    await send("PutObject", { Key: "c", Body: "2", IfMatch: ETag });
    assert.equal((await bytes(await send("GetObject", { Key: "c" }))).toString(), "2");
    const now = (await send("HeadObject", { Key: "c" })).ETag;
    const fresh = await send("GetObject", { Key: "c", IfNoneMatch: now }).catch((error) => error);
    assert.equal(fresh.$metadata.httpStatusCode, 304);
    await refused(send("GetObject", { Key: "c", IfMatch: ETag }), "PreconditionFailed", 412);
    const race = (_, n) => send("PutObject", { Key: "race", Body: `${n}`, IfNoneMatch: "*" });
    const racers = Array.from({ length: 8 }, race);
    const settled = await Promise.allSettled(racers);
    assert.equal(settled.filter((one) => one.status === "fulfilled").length, 1);
    for (const { reason } of settled.filter((one) => one.status === "rejected")) {
      assert.ok(["PreconditionFailed", "ConditionalRequestConflict"].includes(reason.name), reason.name);
    }
  },

  async ranges_and_streams() {
    const body = randomBytes(2 * MIB);
    await send("PutObject", { Key: "r", Body: body });
    const part = await send("GetObject", { Key: "r", Range: "bytes=1000-1999" });
    assert.equal(part.$metadata.httpStatusCode, 206);
    assert.equal(part.ContentRange, `bytes 1000-1999/${body.length}`);
    assert.ok(body.subarray(1000, 2000).equals(await bytes(part)));
    const hash = createHash("md5");
    for await (const piece of (await send("GetObject", { Key: "r" })).Body) hash.update(piece);
    assert.equal(hash.digest("hex"), md5(body));
    // A reader that goes away in the middle; the next request of the client must be served.
    const left = (await send("GetObject", { Key: "r" })).Body;
    await new Promise((resolve) => left.once("data", resolve));
    left.destroy();
    assert.equal((await send("HeadObject", { Key: "r" })).ContentLength, body.length);
  },

  async parts_copied_by_hand() {
    const body = randomBytes(11 * MIB);
    await send("PutObject", { Key: "source", Body: body });
    const { UploadId } = await send("CreateMultipartUpload", { Key: "target", ChecksumAlgorithm: "CRC32" });
    const Parts = [];
    for (const [n, range] of [`bytes=0-${6 * MIB - 1}`, `bytes=${6 * MIB}-${body.length - 1}`].entries()) {
      const { CopyPartResult: copied } = await send("UploadPartCopy", {
        Key: "target", UploadId, PartNumber: n + 1, CopySource: `${Bucket}/source`, CopySourceRange: range,
      });
      Parts.push({ PartNumber: n + 1, ETag: copied.ETag, ChecksumCRC32: copied.ChecksumCRC32 });
    }
    const listed = [];
    for (let page = { IsTruncated: true }; page.IsTruncated; ) {
      const PartNumberMarker = page.NextPartNumberMarker;
      page = await send("ListParts", { Key: "target", UploadId, MaxParts: 1, PartNumberMarker });
      listed.push(...page.Parts.map((item) => item.ETag));
    }
    assert.deepEqual(listed, Parts.map((item) => item.ETag));
    const done = await send("CompleteMultipartUpload", { Key: "target", UploadId, MultipartUpload: { Parts } });
    assert.match(done.ETag, /-2"$/);
    assert.ok(body.equals(await bytes(await send("GetObject", { Key: "target", ChecksumMode: "ENABLED" }))));
  },
};

const [, , name] = process.argv;
if (name === "--list") {
  console.log(JSON.stringify(Object.keys(scenarios)));
} else {
  const told = await scenarios[name]();
  console.log(JSON.stringify(told ?? null));
  s3.destroy();
}
