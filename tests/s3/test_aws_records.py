"""Replays what AWS S3 was recorded to answer (aws_records.py): one test a situation, all of whose
steps must be answered as AWS did, in status, error code, message and the fields that are facts of
the situation."""

import itertools

import aws_copies
import aws_objects
import aws_records
import aws_uploads
import pytest
from aws_records import ABSENT, ANY, Of
from botocore.exceptions import ClientError

pytestmark = pytest.mark.http_only

SITUATIONS_MIN = 60
GROUPS = [
    aws_objects.LIVES,
    aws_records.OBJECTS,
    aws_records.BUCKETS,
    aws_records.VERSIONS,
    aws_records.DELETES,
    aws_copies.COPIES,
    aws_uploads.MULTIPART,
    aws_copies.TAGGING,
    aws_copies.LOCKS,
    aws_uploads.LISTS,
]
SITUATIONS = list(itertools.chain.from_iterable(group.items() for group in GROUPS))


class Replay:
    def __init__(self, s3, bucket):
        self.s3, self.answers = s3, {}
        self.names = {"<bucket>": bucket, "<BUCKET>": bucket.upper(), "<absent>": f"{bucket}-absent"}
        self.names |= {"<region>": s3.meta.region_name, "<endpoint>": s3.meta.endpoint_url}

    def fill(self, value):
        """The value with names and earlier answers put in."""
        if isinstance(value, Of):
            found = self.answers[value.step]
            for part in value.path:
                found = found[part]
            return found
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, str):
            for name, real in self.names.items():
                value = value.replace(name, real)
        return value

    def run(self, step):
        params = self.fill(step.params)
        if step.operation != "list_buckets":
            params.setdefault("Bucket", self.names["<bucket>"])
        try:
            answer = getattr(self.s3, step.operation)(**params)
        except ClientError as error:
            assert step.code is not None, f"{step.operation} {params}: {error.response}"
            answer = error.response
            told = answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]
            assert told == (step.status, step.code), f"{step.operation} {params}: {answer}"
            check(answer["Error"], self.fill(step.expected), f"{step.operation} Error")
            return
        assert step.code is None, f"{step.operation} {params} did not fail with {step.code}: {answer}"
        if "Body" in answer:
            answer["Body"] = answer["Body"].read()
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == (step.status or 200), answer
        check(answer, self.fill(step.expected), step.operation)
        if step.name:
            self.answers[step.name] = answer


def check(found, expected, where):
    if expected is ANY:
        assert found not in (None, ""), where
    elif isinstance(expected, dict):
        for key, value in expected.items():
            if value is ABSENT:
                assert key not in found, f"{where}.{key} is {found[key]!r}"
            else:
                assert key in found, f"{where} has no {key}: {found}"
                check(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), f"{where}: {found}"
        for number, (one, wanted) in enumerate(zip(found, expected)):
            check(one, wanted, f"{where}[{number}]")
    else:
        assert found == expected, f"{where}: {found!r}, expected {expected!r}"


def test_as_many_situations_as_promised():
    """Issue 4, proof. A name that is here twice would hide a situation."""
    names = [name for name, _ in SITUATIONS]
    assert len(names) == len(set(names)) >= SITUATIONS_MIN


@pytest.mark.parametrize("name", [name for name, _ in SITUATIONS])
def test_recorded_situation(s3, bucket_factory, name):
    steps = dict(SITUATIONS)[name]
    bucket = bucket_factory("rec")
    if steps and steps[0] is aws_copies.LOCKED_BUCKET:
        s3.delete_bucket(Bucket=bucket)
        s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        steps = steps[1:]
    replay = Replay(s3, bucket)
    for step in steps:
        replay.run(step)
