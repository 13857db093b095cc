"""Other accounts and users of the store under test, made through the admin API and IAM."""

import json
import secrets
import urllib.request

import boto3
from botocore.config import Config

from harness.raw_http import RawClient
from harness.server import s3_client


class Caller:
    """Somebody with keys: an account, or a user in one."""

    def __init__(self, server, access_key, secret_key, account_id, canonical_id, name):
        self.server, self.access_key, self.secret_key = server, access_key, secret_key
        self.account_id, self.canonical_id, self.name = account_id, canonical_id, name

    @property
    def s3(self):
        return s3_client(self.server.endpoint, self.access_key, self.secret_key, ca_file=self.server.ca_file)

    @property
    def raw(self):
        context = self.server.certificate.client_context() if self.server.certificate else None
        return RawClient(self.server.host, self.server.port, self.access_key, self.secret_key, context)

    @property
    def iam(self):
        return iam_client(self.server, self.access_key, self.secret_key)

    @property
    def arn(self):
        return f"arn:aws:iam::{self.account_id}:root"


def iam_client(server, access_key, secret_key):
    return boto3.client(
        "iam",
        endpoint_url=server.endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
        verify=server.ca_file or True,
        config=Config(retries={"total_max_attempts": 1}),
    )


def admin_post(server, path, body):
    token = (server.data_dir / "admin-token").read_text().strip()
    request = urllib.request.Request(
        f"{server.admin_endpoint}/admin/v1/{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.loads(response.read())


def new_account(server, prefix="account"):
    """An account of its own: it may do everything with its own buckets, nothing with others'."""
    name = f"{prefix}-{secrets.token_hex(4)}"
    answer = admin_post(server, "users/add", {"name": name})
    caller = Caller(server, answer["access_key"], answer["secret_key"], None, None, name)
    caller.account_id = answer["user"]["account_id"]
    caller.canonical_id = answer["user"]["canonical_id"]
    return caller


def new_user(account, policy=None, prefix="user"):
    """A user in the account of `account` (a Caller with IAM rights), with this policy (a dict) or none."""
    name = f"{prefix}-{secrets.token_hex(4)}"
    account.iam.create_user(UserName=name)
    key = account.iam.create_access_key(UserName=name)["AccessKey"]
    if policy is not None:
        account.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    user = Caller(
        account.server, key["AccessKeyId"], key["SecretAccessKey"], account.account_id, account.canonical_id, name
    )
    return user


def allow(actions, resources="*", **more):
    """A user policy of one statement."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources, **more}],
    }
