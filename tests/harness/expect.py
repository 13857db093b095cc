"""Assertions on S3 answers, for the raw client and for boto3."""

import contextlib

from botocore.exceptions import ClientError


def assert_status(response, *statuses):
    assert response.status in statuses, f"expected {statuses}, got {response}"
    return response


def assert_error(response, status, *codes, **fields):
    """The response is an S3 error document of this status and one of these codes, complete and
    consistent; the named fields have the given values (dashes in element names are written as
    double underscores). Returns all fields."""
    assert response.status == status, f"expected {status} {codes}, got {response}"
    assert (response.header("content-type") or "").split(";")[0] == "application/xml", str(response)
    error = response.error()
    assert error, f"no <Error> document: {response}"
    assert not codes or error.get("Code") in codes, f"expected {codes}, got {response}"
    assert error.get("Message"), f"no Message: {response}"
    assert error.get("RequestId"), f"no RequestId: {response}"
    assert error["RequestId"] == response.header("x-amz-request-id"), str(response)
    for name, value in fields.items():
        name = name.replace("__", "-")
        assert error.get(name) == value, (
            f"{name} is {error.get(name)!r}, expected {value!r}: {response}"
        )
    return error


class Caught:
    def __init__(self):
        self.error = {}
        self.status = None
        self.headers = {}


@contextlib.contextmanager
def s3_error(status, *codes, **fields):
    """The boto3 call inside must fail with this status and one of these codes (HEAD requests show
    the status as code)."""
    caught = Caught()
    try:
        yield caught
    except ClientError as failure:
        response = failure.response
        caught.error = response["Error"]
        caught.status = response["ResponseMetadata"]["HTTPStatusCode"]
        caught.headers = response["ResponseMetadata"]["HTTPHeaders"]
    else:
        raise AssertionError(f"expected {status} {codes}, but the call succeeded")
    assert caught.status == status, f"expected {status} {codes}, got {caught.status} {caught.error}"
    assert not codes or caught.error["Code"] in codes, f"expected {codes}, got {caught.error}"
    for name, value in fields.items():
        name = name.replace("__", "-")
        assert caught.error.get(name) == value, f"{name}: expected {value!r}, got {caught.error}"
