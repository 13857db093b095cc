"""Small things that tests of several topics need."""

import itertools
import threading
import uuid

from botocore.exceptions import ClientError

_bucket_numbers = itertools.count(1)


def new_bucket_name(prefix="t"):
    return f"{prefix}-{next(_bucket_numbers)}-{uuid.uuid4().hex[:10]}"


def empty_and_delete_bucket(client, name):
    """Remove a bucket with all its versions; a bucket that is gone already is fine. Governance
    retention is lifted; what a test locked for good stays behind with its bucket."""
    try:
        locked = {"BypassGovernanceRetention": True}
        try:
            client.get_object_lock_configuration(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ObjectLockConfigurationNotFoundError":
                raise
            locked = {}
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
            entries = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            names = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in entries]
            if names:
                delete = {"Objects": names, "Quiet": True}
                client.delete_objects(Bucket=name, Delete=delete, **locked)
        client.delete_bucket(Bucket=name)
    except ClientError as error:
        gone = error.response["Error"]["Code"] == "NoSuchBucket"
        held = locked and error.response["Error"]["Code"] == "BucketNotEmpty"
        if not gone and not held:
            raise


def run_parallel(actions, threads=8):
    """Run callables on a few threads; results in order, an exception is returned in place of its
    result."""
    actions = list(actions)
    results = [None] * len(actions)
    numbers = iter(range(len(actions)))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                results[number] = actions[number]()
            except Exception as error:  # noqa: BLE001 - handed to the caller
                results[number] = error

    workers = [threading.Thread(target=work) for _ in range(min(threads, len(actions)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


class Upload:
    """A multipart upload: begin it, add parts, complete or abort it.

    Upload(s3, "bucket", "key", ContentType=...).part(1, b"..").part(2, b"..").complete()
    """

    def __init__(self, s3, bucket, key="k", **options):
        self.s3 = s3
        self.created = s3.create_multipart_upload(Bucket=bucket, Key=key, **options)
        self.where = {"Bucket": bucket, "Key": key, "UploadId": self.created["UploadId"]}
        self.parts = {}
        self.answers = {}

    @property
    def id(self):
        return self.where["UploadId"]

    def part(self, number, body, **options):
        answer = self.s3.upload_part(**self.where, PartNumber=number, Body=body, **options)
        return self._remember(number, answer)

    def _remember(self, number, answer):
        self.answers[number] = answer
        self.parts[number] = {
            "PartNumber": number,
            "ETag": answer["ETag"],
            **{
                name: value
                for name, value in answer.items()
                if name.startswith("Checksum") and name != "ChecksumType"
            },
        }
        return self

    def part_list(self, checksums=False):
        keep = None if checksums else {"PartNumber", "ETag"}
        return [
            {
                name: value
                for name, value in self.parts[number].items()
                if keep is None or name in keep
            }
            for number in sorted(self.parts)
        ]

    def complete(self, parts=None, checksums=False, **options):
        parts = self.part_list(checksums) if parts is None else parts
        return self.s3.complete_multipart_upload(
            **self.where, MultipartUpload={"Parts": parts}, **options
        )

    def abort(self):
        return self.s3.abort_multipart_upload(**self.where)
