"""Lifecycle rules of buckets: checked as by AWS, kept, and given back (L:TestS3BucketLifecycle).
Nothing carries them out yet."""

import datetime

import pytest
from harness.expect import assert_error, assert_status, s3_error

WHOLE = {
    "ID": "wholebucket",
    "Filter": {"Prefix": ""},
    "Status": "Enabled",
    "Expiration": {"Days": 7},
}


def rule(**changes):
    """WHOLE with changes; None takes an element away."""
    return {name: value for name, value in {**WHOLE, **changes}.items() if value is not None}


def put(s3, bucket, *rules, **options):
    return s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}, **options
    )


def get(s3, bucket):
    return s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def midnight(year):
    return datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc)


# --- life of a configuration


def test_rules_are_set_replaced_and_deleted(s3, bucket):
    """L:test_delete_bucket_lifecycle_configuration."""
    with s3_error(404, "NoSuchLifecycleConfiguration", BucketName=bucket) as caught:
        get(s3, bucket)
    assert caught.error["Message"] == "The lifecycle configuration does not exist"
    assert s3.delete_bucket_lifecycle(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    put(s3, bucket, rule())
    assert get(s3, bucket)["Rules"] == [WHOLE]
    put(s3, bucket, rule(ID="other", Status="Disabled"))
    assert get(s3, bucket)["Rules"] == [rule(ID="other", Status="Disabled")]
    assert s3.delete_bucket_lifecycle(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with s3_error(404, "NoSuchLifecycleConfiguration"):
        get(s3, bucket)


def test_rules_go_with_their_bucket(s3, bucket):
    """L:test_delete_lifecycle_configuration_on_bucket_deletion."""
    put(s3, bucket, rule())
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    with s3_error(404, "NoSuchLifecycleConfiguration"):
        get(s3, bucket)


def test_lifecycle_of_a_missing_bucket(s3):
    """L:test_bucket_availability."""
    name = "no-such-bucket-here"
    for call in (s3.get_bucket_lifecycle_configuration, s3.delete_bucket_lifecycle):
        with s3_error(404, "NoSuchBucket", BucketName=name):
            call(Bucket=name)
    with s3_error(404, "NoSuchBucket", BucketName=name):
        put(s3, name, rule())


TAG = {"Key": "testlifecycle", "Value": "positive"}


@pytest.mark.parametrize(
    "changes",
    [
        {"Filter": {}},
        {"Filter": {"Tag": TAG}},
        {"Filter": {"ObjectSizeGreaterThan": 20}},
        {"Filter": {"ObjectSizeLessThan": 10}},
        {"Filter": {"And": {"Tags": [TAG, {"Key": "two", "Value": ""}]}}},
        {
            "Filter": {
                "And": {
                    "Prefix": "logs/",
                    "Tags": [TAG],
                    "ObjectSizeGreaterThan": 500,
                    "ObjectSizeLessThan": 64_000_000_000,
                }
            }
        },
        {"Filter": None, "Prefix": "older/form"},
        {"Expiration": {"Date": midnight(2030)}},
        {"Expiration": {"ExpiredObjectDeleteMarker": True}, "Filter": {}},
        {
            "Expiration": {"Days": 365},
            "Transitions": [
                {"Days": 30, "StorageClass": "STANDARD_IA"},
                {"Days": 90, "StorageClass": "GLACIER_IR"},
                {"Days": 180, "StorageClass": "DEEP_ARCHIVE"},
            ],
        },
        {"Expiration": None, "Transitions": [{"Date": midnight(2031), "StorageClass": "GLACIER"}]},
        {
            "Expiration": None,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 9, "NewerNoncurrentVersions": 3},
            "NoncurrentVersionTransitions": [
                {"NoncurrentDays": 5, "StorageClass": "GLACIER", "NewerNoncurrentVersions": 2}
            ],
        },
        {"Expiration": None, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_every_form_of_a_rule_is_given_back(s3, bucket, changes):
    """L:test_bucket_lifecycle_configuration_date, _object_size_rules, _tag_rules."""
    put(s3, bucket, rule(**changes))
    assert get(s3, bucket)["Rules"] == [rule(**changes)]


def test_rules_keep_their_order(s3, bucket):
    """L:test_bucket_lifecycle_multiple_rules."""
    rules = [
        rule(ID=name, Filter={"Prefix": prefix})
        for name, prefix in (("rule_one", "testobject"), ("rule_two", "test"), ("a", "t"))
    ]
    put(s3, bucket, *rules)
    assert get(s3, bucket)["Rules"] == rules


def test_a_rule_without_an_id_is_given_one(s3, bucket):
    """T:test_lifecycle_set_noid."""
    put(s3, bucket, rule(ID=None), rule(ID=None))
    one, other = (kept["ID"] for kept in get(s3, bucket)["Rules"])
    assert one and other and one != other


def test_a_thousand_rules(s3, bucket):
    """The limit that AWS documents."""
    rules = [rule(ID=str(number)) for number in range(1000)]
    put(s3, bucket, *rules)
    assert len(get(s3, bucket)["Rules"]) == 1000
    with s3_error(400, "MalformedXML"):
        put(s3, bucket, *rules, rule())


# --- what is refused


@pytest.mark.parametrize(
    "changes",
    [
        {"Filter": None},
        {"Filter": None, "ID": None},
        {"Expiration": None, "NoncurrentVersionExpiration": {}},
        {"Filter": {"And": {"Prefix": "test"}, "Prefix": ""}},
        {
            "Filter": {
                "And": {"Prefix": "a", "ObjectSizeGreaterThan": 1},
                "ObjectSizeGreaterThan": 500,
            }
        },
        {"Expiration": {"ExpiredObjectDeleteMarker": True, "Days": 1}},
        {"Prefix": "both"},
        {"Status": "enabled"},
        {"Expiration": {}},
        {"Transitions": [{"Days": 1, "StorageClass": "STANDARD"}]},
    ],
)
def test_rules_of_another_form_are_malformed(s3, bucket, changes):
    """L:test_put_bucket_lifecycle_conf_exc: what was set before stays."""
    put(s3, bucket, rule())
    with s3_error(400, "MalformedXML"):
        put(s3, bucket, rule(ID="new"), rule(**changes))
    assert get(s3, bucket)["Rules"] == [WHOLE]


def test_dates_are_midnights(s3, bucket):
    """L:test_put_bucket_lifecycle_conf_exc wrong-data-no-midnight."""
    date = midnight(2030) + datetime.timedelta(hours=2)
    with s3_error(
        400,
        "InvalidArgument",
        ArgumentName="Date",
        ArgumentValue="2030-01-01T02:00:00.000Z",
    ) as caught:
        put(s3, bucket, rule(Expiration={"Date": date}))
    assert caught.error["Message"] == "'Date' must be at midnight GMT"


def test_tags_of_a_filter_differ(s3, bucket):
    """L:test_put_bucket_lifecycle_conf_exc duplicate-tag-keys."""
    with s3_error(400, "InvalidRequest") as caught:
        put(s3, bucket, rule(Filter={"And": {"Tags": [TAG, TAG]}}))
    assert caught.error["Message"] == "Duplicate Tag Keys are not allowed."


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (
            {"ID": "a" * 256},
            "InvalidArgument",
            "ID length should not exceed allowed limit of 255",
        ),
        (
            {"Expiration": {"Days": 0}},
            "InvalidArgument",
            "'Days' for Expiration action must be a positive integer",
        ),
        (
            {"Expiration": None},
            "InvalidRequest",
            "At least one action needs to be specified in a rule.",
        ),
        (
            {"Transitions": [{"Days": 3, "StorageClass": "STANDARD_IA"}]},
            "InvalidArgument",
            "'Days' in Transition action must be greater than or equal to 30 for storageClass "
            "'STANDARD_IA'",
        ),
        (
            {"Transitions": [{"Days": 8, "StorageClass": "GLACIER"}]},
            "InvalidArgument",
            "'Days' in the Expiration action for prefix '' must be greater than 'Days' in the "
            "Transition action",
        ),
        (
            {"Filter": {"Tag": TAG}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
            "InvalidRequest",
            "ExpiredObjectDeleteMarker cannot be specified with Tags.",
        ),
        (
            {"Filter": {"Tag": TAG}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
            "InvalidRequest",
            "AbortIncompleteMultipartUpload cannot be specified with Tags.",
        ),
    ],
)
def test_values_that_are_not_allowed(s3, bucket, changes, code, message):
    """T:test_lifecycle_id_too_long, test_lifecycle_expiration_days0 and AWS's documented rules."""
    with s3_error(400, code) as caught:
        put(s3, bucket, rule(**changes))
    assert caught.error["Message"] == message
    with s3_error(404, "NoSuchLifecycleConfiguration"):
        get(s3, bucket)


def test_ids_differ(s3, bucket):
    """T:test_lifecycle_same_id."""
    with s3_error(400, "InvalidArgument") as caught:
        put(s3, bucket, rule(), rule(Filter={"Prefix": "other"}))
    assert caught.error["Message"] == (
        "Rule ID must be unique. Found same ID for more than one rule"
    )


@pytest.mark.parametrize("body", [b"", b"<LifecycleConfiguration/>", b"<Rule/>", b"<Lifecycle"])
def test_documents_that_are_malformed(raw, bucket, body):
    """Never a silent 200, and never a CreateBucket."""
    response = raw.call("PUT", f"/{bucket}", [("lifecycle", None)], body=body)
    assert_error(response, 400, "MalformedXML")


# --- the smallest object that moves


@pytest.mark.parametrize("size", ["varies_by_storage_class", "all_storage_classes_128K", None])
def test_the_minimum_size_is_kept_with_the_rules(s3, bucket, size):
    """L:test_s3_transition_default_minimum_object_size: each PUT says it anew."""
    put(s3, bucket, rule(), TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    options = {"TransitionDefaultMinimumObjectSize": size} if size else {}
    name = "TransitionDefaultMinimumObjectSize"
    shown = size or "all_storage_classes_128K"
    assert put(s3, bucket, rule(), **options)[name] == shown
    assert get(s3, bucket)[name] == shown


def test_another_minimum_size_is_refused(s3, bucket):
    """L:test_s3_transition_default_minimum_object_size bad-value."""
    with s3_error(400, "InvalidRequest") as caught:
        put(s3, bucket, rule(), TransitionDefaultMinimumObjectSize="value")
    assert caught.error["Message"] == "Invalid TransitionDefaultMinimumObjectSize found: value"
    with s3_error(404, "NoSuchLifecycleConfiguration"):
        get(s3, bucket)


def test_the_minimum_size_goes_with_the_rules(s3, bucket):
    """What was deleted does not come back with new rules."""
    put(s3, bucket, rule(), TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    s3.delete_bucket_lifecycle(Bucket=bucket)
    put(s3, bucket, rule())
    assert get(s3, bucket)["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"


def test_nothing_is_promised_of_objects(raw, s3, bucket):
    """No x-amz-expiration while nothing expires."""
    put(s3, bucket, rule(Expiration={"Days": 1}))
    for method in ("PUT", "GET", "HEAD"):
        response = assert_status(raw.call(method, f"/{bucket}/k", body=b""), 200)
        assert response.header("x-amz-expiration") is None
