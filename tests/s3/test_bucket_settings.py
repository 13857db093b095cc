"""Settings of a bucket that have one value here: what was never set reads as on a fresh bucket of
AWS, asking for what holds anyway is done, and anything else is refused (notes 6 and 7)."""

import pytest
from harness.expect import assert_error, assert_status, s3_error

BY_ID = {
    "analytics": ("ListBucketAnalyticsConfigurationResult", "analytics"),
    "intelligent-tiering": (
        "ListBucketIntelligentTieringConfigurationsOutput",
        "intelligent_tiering",
    ),
    "inventory": ("ListInventoryConfigurationsResult", "inventory"),
    "metrics": ("ListMetricsConfigurationsResult", "metrics"),
}
NEVER_SET = {
    "encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "replication": "ReplicationConfigurationNotFoundError",
    "website": "NoSuchWebsiteConfiguration",
}
EMPTY = {
    "notification": "NotificationConfiguration",
    "logging": "BucketLoggingStatus",
    "accelerate": "AccelerateConfiguration",
}



# --- what was never set


@pytest.mark.parametrize("name", NEVER_SET)
def test_what_was_never_set_is_not_found_and_may_be_deleted(raw, bucket, name):
    """L:test_crud_website_configuration, test_replication_config: DELETE is 204 all the same."""
    path, query = f"/{bucket}", [(name, None)]
    assert_error(raw.call("GET", path, query), 404, NEVER_SET[name], BucketName=bucket)
    assert_status(raw.call("DELETE", path, query), 204)
    assert_status(raw.call("DELETE", path, query), 204)
    assert_error(raw.call("GET", path, query), 404, NEVER_SET[name])
    assert_status(raw.call("HEAD", path), 200)


@pytest.mark.parametrize("name", NEVER_SET)
def test_setting_it_is_refused(raw, bucket, name):
    """Note 6: never a silent 200."""
    assert_error(
        raw.call("PUT", f"/{bucket}", [(name, None)], body=b"<x/>"), 501, "NotImplemented"
    )
    assert_error(raw.call("GET", f"/{bucket}", [(name, None)]), 404, NEVER_SET[name])


@pytest.mark.parametrize("name", EMPTY)
def test_what_was_never_set_is_an_empty_document(raw, bucket, name):
    """Terraform and SDKs read these."""
    response = assert_status(raw.call("GET", f"/{bucket}", [(name, None)]), 200)
    assert response.xml().tag == EMPTY[name] and not len(response.xml())


@pytest.mark.parametrize("name", ["notification", "logging", "accelerate", "requestPayment"])
def test_s3_has_no_delete_of_these(raw, bucket, name):
    """Never a DeleteBucket."""
    assert_error(raw.call("DELETE", f"/{bucket}", [(name, None)]), 405, "MethodNotAllowed")
    assert_status(raw.call("HEAD", f"/{bucket}"), 200)


@pytest.mark.parametrize("name", [*NEVER_SET, *EMPTY, *BY_ID, "requestPayment"])
def test_settings_of_a_missing_bucket(raw, name):
    """L:test_bucket_availability, test_s3_request_payer_exceptions."""
    path = "/no-such-bucket-here"
    assert_error(raw.call("GET", path, [(name, None)]), 404, "NoSuchBucket", BucketName=path[1:])
    if name in NEVER_SET:
        assert_error(raw.call("DELETE", path, [(name, None)]), 404, "NoSuchBucket")


# --- configurations by id


@pytest.mark.parametrize("name", BY_ID)
def test_a_list_of_configurations_is_empty(raw, s3, bucket, name):
    """L:test_s3_inventory_report_crud: IsTruncated is there, no configuration is."""
    root, snake = BY_ID[name]
    response = assert_status(raw.call("GET", f"/{bucket}", [(name, None)]), 200)
    assert response.xml().tag == root
    assert [(child.tag, child.text) for child in response.xml()] == [("IsTruncated", "false")]
    answer = getattr(s3, f"list_bucket_{snake}_configurations")(Bucket=bucket)
    assert answer["IsTruncated"] is False
    assert not [key for key in answer if key.endswith("ConfigurationList")]


@pytest.mark.parametrize("name", BY_ID)
def test_a_configuration_that_is_not_there(raw, bucket, name):
    """L:test_get_bucket_metrics_configuration_not_exist, test_s3_analytics_configurations."""
    for method in ("GET", "DELETE"):
        response = raw.call(method, f"/{bucket}", [("id", "one"), (name, None)])
        error = assert_error(response, 404, "NoSuchConfiguration")
        assert error["Message"] == "The specified configuration does not exist."
    assert_status(raw.call("HEAD", f"/{bucket}"), 200)


@pytest.mark.parametrize("name", BY_ID)
def test_setting_a_configuration_is_refused(raw, bucket, name):
    """Note 6: never a silent 200."""
    query = [("id", "one"), (name, None)]
    assert_error(raw.call("PUT", f"/{bucket}", query, body=b"<x/>"), 501, "NotImplemented")
    assert_error(raw.call("GET", f"/{bucket}", query), 404, "NoSuchConfiguration")


@pytest.mark.parametrize("name", BY_ID)
def test_a_delete_without_an_id_deletes_nothing(raw, bucket, name):
    """Never a DeleteBucket (the bucket is empty here, so that would work)."""
    assert_error(raw.call("DELETE", f"/{bucket}", [(name, None)]), 400, "InvalidArgument")
    assert_status(raw.call("HEAD", f"/{bucket}"), 200)


# --- one value


def test_the_owner_pays(s3, bucket):
    """Saying so is done; that somebody else should pay is refused."""
    owner = {"Payer": "BucketOwner"}
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration=owner)
    with s3_error(501, "NotImplemented"):
        s3.put_bucket_request_payment(
            Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"}
        )
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    with s3_error(400, "MalformedXML"):  # L:test_s3_request_payer_exceptions
        s3.put_bucket_request_payment(
            Bucket=bucket, RequestPaymentConfiguration={"Payer": "Random"}
        )


def test_nothing_is_logged(s3, bucket):
    """L:test_put_bucket_logging: an empty status turns it off, which it is."""
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    target = {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "log"}}
    with s3_error(501, "NotImplemented"):
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=target)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


@pytest.mark.parametrize(
    "wanted",
    [
        {"EventBridgeConfiguration": {}},
        {
            "QueueConfigurations": [
                {"QueueArn": "arn:aws:sqs:us-east-1:1:q", "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    ],
)
def test_nobody_is_notified(s3, bucket, wanted):
    """An empty configuration is done, any other one refused."""
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    with s3_error(501, "NotImplemented"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    answer = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert set(answer) == {"ResponseMetadata"}


def test_acceleration_may_be_suspended(s3, bucket):
    """L:test_bucket_acceleration_configuration_crud."""
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    with s3_error(501, "NotImplemented"):
        s3.put_bucket_accelerate_configuration(
            Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"}
        )
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.put_bucket_accelerate_configuration(
        Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"}
    )
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Suspended"


@pytest.mark.parametrize("status", ["enabled", "Random"])
def test_acceleration_has_two_states(s3, bucket, status):
    """L:test_bucket_acceleration_configuration_exc."""
    with s3_error(400, "MalformedXML"):
        s3.put_bucket_accelerate_configuration(
            Bucket=bucket, AccelerateConfiguration={"Status": status}
        )


def test_acceleration_needs_a_name_without_dots(s3, bucket_factory):
    """L:test_bucket_acceleration_configuration_exc."""
    bucket = bucket_factory("with.dots")
    with s3_error(400, "InvalidRequest") as caught:
        s3.put_bucket_accelerate_configuration(
            Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"}
        )
    assert caught.error["Message"] == (
        "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
    )


@pytest.mark.parametrize("name", ["notification", "logging", "accelerate", "requestPayment"])
@pytest.mark.parametrize("body", [b"", b"<x/>"])
def test_documents_that_are_malformed(raw, bucket, name, body):
    """Never a silent 200, and never a CreateBucket."""
    response = raw.call("PUT", f"/{bucket}", [(name, None)], body=body)
    assert_error(response, 400, "MalformedXML")
