"""Users on a real server: `ashlar admin user`, what outlives a kill and the loss of the metadata, and what lies on the
disk: no secret, but for the key file that opens them."""

import concurrent.futures
import contextlib
import json
import shutil
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.server import ServerError, s3_client
from offline_tools import rebuild, wait_for_journal
from test_admin import admin, admin_text, ask, run_admin, token_of

VERBS = ("add", "disable", "enable", "rotate", "remove")
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def server(new_server):
    server = new_server(env={"ASHLAR_JOURNAL_PERIOD": "200"})
    yield server.start()


def add(server, name, *words):
    return admin(server, "user", "add", name, *words)


def s3_of(server, keys):
    return s3_client(server.endpoint, keys["access_key"], keys["secret_key"])


def iam_of(server, keys):
    return boto3.session.Session().client(
        "iam",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["access_key"],
        aws_secret_access_key=keys["secret_key"],
        config=Config(retries={"total_max_attempts": 1}),
    )


@contextlib.contextmanager
def refused(*codes):
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] in codes, caught.value


def users_of(server):
    return {(user["name"], user["account"]): user for user in admin(server, "user", "list")["users"]}


def test_an_account_works_with_its_own_buckets_alone(server):
    alice, carol = add(server, "alice"), add(server, "carol")
    assert alice["user"]["kind"] == "account" and len(alice["secret_key"]) == 40
    s3 = s3_of(server, alice)
    s3.create_bucket(Bucket="of-alice")
    s3.put_object(Bucket="of-alice", Key="k", Body=b"hers")
    assert s3.get_object(Bucket="of-alice", Key="k")["Body"].read() == b"hers"
    with refused("AccessDenied"):
        s3_of(server, carol).get_object(Bucket="of-alice", Key="k")
    assert server.client().get_object(Bucket="of-alice", Key="k")["Body"].read() == b"hers"


def test_a_user_has_no_rights_until_a_policy_gives_some(server, tmp_path):
    alice = add(server, "alice")
    s3_of(server, alice).create_bucket(Bucket="of-alice")
    s3_of(server, alice).put_object(Bucket="of-alice", Key="k", Body=b"x")
    bob = add(server, "bob", "--account", "alice")
    assert bob["user"]["arn"].endswith(":user/bob")
    s3 = s3_of(server, bob)
    calls = {
        "list": lambda: s3.list_objects_v2(Bucket="of-alice"),
        "get": lambda: s3.get_object(Bucket="of-alice", Key="k"),
        "put": lambda: s3.put_object(Bucket="of-alice", Key="new", Body=b"y"),
        "delete": lambda: s3.delete_object(Bucket="of-alice", Key="new"),
    }

    def may():
        allowed = set()
        for name, call in calls.items():
            with contextlib.suppress(ClientError):
                call()
                allowed.add(name)
        return allowed

    bob_words = ("user", "policy", "bob", "--account", "alice")
    own = tmp_path / "policy.json"
    may_list = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    own.write_text(json.dumps({"Version": "2012-10-17", "Statement": may_list}))
    assert may() == set()
    for policy, expected in (
        ("readwrite", {"list", "get", "put", "delete"}),
        ("readonly", {"list", "get"}),
        ("writeonly", {"put"}),
        (str(own), {"list"}),
    ):
        admin(server, *bob_words, "--set", policy)
        assert may() == expected, policy
    assert own.read_text() in admin_text(server, *bob_words)
    assert list(users_of(server)["bob", "alice"]["policies"]) == ["ashlar-admin"]
    admin(server, *bob_words, "--remove")
    assert may() == set()
    own.write_text("{}")
    for wrong in (str(own), str(tmp_path / "absent"), "readwrit"):
        done = run_admin(server, *bob_words, "--set", wrong)
        assert done.returncode == 2 and done.stderr.startswith("ashlar: "), done
    assert may() == set()


def test_disable_enable_rotate_remove(server):
    alice = add(server, "alice")
    bob = add(server, "bob", "--account", "alice")
    admin(server, "user", "policy", "bob", "--account", "alice", "--set", "readwrite")
    of_alice, of_bob = s3_of(server, alice), s3_of(server, bob)
    of_alice.create_bucket(Bucket="bucket-b")

    def works(s3):
        try:
            s3.list_objects_v2(Bucket="bucket-b")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "InvalidAccessKeyId", error
            return False
        return True

    assert works(of_alice) and works(of_bob)
    assert admin(server, "user", "disable", "bob", "--account", "alice")["user"]["enabled"] is False
    assert works(of_alice) and not works(of_bob)
    admin(server, "user", "enable", "bob", "--account", "alice")
    assert works(of_bob)
    admin(server, "user", "disable", "alice")  # and with the account whoever is in it
    assert not works(of_alice) and not works(of_bob)
    admin(server, "user", "enable", "alice")
    rotated = admin(server, "user", "rotate", "bob", "--account", "alice")
    assert not works(of_bob) and works(s3_of(server, rotated))
    assert [key["id"] for key in users_of(server)["bob", "alice"]["keys"]] == [rotated["access_key"]]

    done = run_admin(server, "user", "remove", "alice")
    assert done.returncode == 2 and "owns the bucket bucket-b" in done.stderr
    of_alice.delete_bucket(Bucket="bucket-b")
    done = run_admin(server, "user", "remove", "alice")
    assert done.returncode == 2 and "still has users" in done.stderr
    admin(server, "user", "remove", "bob", "--account", "alice")
    admin(server, "user", "remove", "alice")
    assert set(users_of(server)) == {("root", "root")}
    again = add(server, "alice")  # another account: none of the old keys, another id
    assert again["user"]["account_id"] != alice["user"]["account_id"]
    assert not works(of_alice)


@pytest.mark.parametrize("first", ["create", "remove"])
def test_an_account_that_makes_a_bucket_is_not_removed_beside_it(new_server, first):
    """Each commit waits after its decisions. A bucket whose commit waits is not seen by the first look for buckets, but
    by the one after the account was disabled, which is enabled again; one that comes while the account is being
    disabled is refused."""
    server = new_server(env={"ASHLAR_JOURNAL_PERIOD": "3600000"}).start()
    s3 = s3_of(server, add(server, "alice"))
    server.stop()
    server.extra_env["ASHLAR_FAILPOINTS"] = "metadata.before_commit=delay:2500"
    server.start()
    with concurrent.futures.ThreadPoolExecutor() as pool:

        def start(what):
            if what == "create":
                return pool.submit(s3.create_bucket, Bucket="bucket-a")
            return pool.submit(run_admin, server, "user", "remove", "alice")

        one = start(first)
        time.sleep(1)  # until the commit of the first one waits
        started = {first: one}
        second = "remove" if first == "create" else "create"
        started[second] = start(second)
        removed = started["remove"].result()
        if first == "create":
            started["create"].result()
            assert removed.returncode == 2 and "owns the bucket bucket-a" in removed.stderr
            assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["bucket-a"]
        else:
            with refused("InvalidAccessKeyId"):
                started["create"].result()
            assert removed.returncode == 0, removed
            assert server.client().list_buckets()["Buckets"] == []


def test_what_the_command_refuses(server):
    add(server, "alice")
    for words, message in (
        (("add", "alice"), "there is an account named alice"),
        (("add", "a/b"), "a user name has"),
        (("add", "x", "--account", "nobody"), "there is no account nobody"),
        (("disable", "bob"), "there is no account bob"),
        (("disable", "bob", "--account", "alice"), "there is no user bob in the account alice"),
        (("rotate", "bob", "--account", "alice"), "there is no user bob"),
        (("policy", "alice", "--set", "readonly"), "an account may do everything with its own buckets"),
        *(((verb, "root"), "root is the operator of the store") for verb in VERBS),
        (("policy", "root", "--set", "readonly"), "root is the operator of the store"),
    ):
        done = run_admin(server, "user", *words)
        assert done.returncode == 2 and message in done.stderr, (words, done)
    assert server.client().list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert set(users_of(server)) == {("root", "root"), ("alice", "alice")}


def test_what_people_read(server):
    text = admin_text(server, "user", "add", "alice")
    assert text.startswith("account alice\n  access key  ") and "The secret key is not shown again." in text
    text = admin_text(server, "user", "add", "bob", "--account", "alice")
    assert text.startswith("user bob in account alice\n")
    head, *rows = admin_text(server, "user", "list").splitlines()
    assert head.split() == ["NAME", "ACCOUNT", "STATE", "KEYS", "POLICIES"]
    assert sorted(row.split()[0] for row in rows) == ["alice", "bob", "root"]
    assert admin_text(server, "user", "disable", "bob", "--account", "alice") == "user bob in account alice: disabled\n"
    assert "no rights" in admin_text(server, "user", "policy", "bob", "--account", "alice")
    assert "everything with its own buckets" in admin_text(server, "user", "policy", "alice")


def test_the_api_itself(server):
    """Every address asks for the token; a body is a small JSON object of known fields."""
    for action in (*VERBS, "policy"):
        assert ask(server, f"/admin/v1/users/{action}", "POST")[0] == 401
    assert ask(server, "/admin/v1/users")[0] == 401
    rights = {"Authorization": "Bearer " + token_of(server)}

    def post(action, body):
        import http.client

        connection = http.client.HTTPConnection(server.host, server.admin_port, timeout=20)
        connection.request("POST", f"/admin/v1/users/{action}", body=body, headers=rights)
        answer = connection.getresponse()
        shown = json.loads(answer.read())
        connection.close()
        return answer.status, shown, answer

    for body in ("", "[]", "{", "{}", '{"name": 1}', '{"name": "x", "extra": "y"}', '{"name": ""}', "x" * 70000):
        assert post("add", body)[0] == 400, body
    assert post("nonsense", '{"name": "x"}')[0] == 404
    status, shown, answer = post("add", '{"name": "x"}')
    assert status == 200 and answer.getheader("Cache-Control") == "no-store"
    assert shown["secret_key"] not in str(ask(server, "/admin/v1/users", **rights))
    assert post("add", '{"name": "x"}')[0] == 409


def test_accounts_do_not_reach_into_one_another(server):
    """CVE-2022-24842 of MinIO: no request of one account is about a user of another."""
    alice, carol = add(server, "alice"), add(server, "carol")
    add(server, "bob", "--account", "alice")
    of_carol = iam_of(server, carol)
    assert of_carol.list_users()["Users"] == []
    for call in (of_carol.get_user, of_carol.create_access_key, of_carol.list_access_keys, of_carol.delete_user):
        for name in ("bob", "alice"):
            with refused("NoSuchEntity"):
                call(UserName=name)
    with refused("NoSuchEntity"):
        of_carol.delete_access_key(AccessKeyId=alice["access_key"])
    with refused("NoSuchEntity"):
        of_carol.update_access_key(AccessKeyId=alice["access_key"], Status="Inactive")
    # The same name in another account is another user.
    of_carol.create_user(UserName="bob")
    assert of_carol.list_access_keys(UserName="bob")["AccessKeyMetadata"] == []
    of_carol.delete_user(UserName="bob")
    assert len(users_of(server)["bob", "alice"]["keys"]) == 1
    # An account makes keys of its own, for a change without a gap.
    second = of_carol.create_access_key()["AccessKey"]
    of_second = iam_of(server, {"access_key": second["AccessKeyId"], "secret_key": second["SecretAccessKey"]})
    of_second.delete_access_key(AccessKeyId=carol["access_key"])
    with refused("InvalidClientTokenId"):
        of_carol.list_users()
    of_second.list_users()


def test_users_outlive_a_kill_and_the_loss_of_the_metadata(server):
    alice = add(server, "alice")
    s3_of(server, alice).create_bucket(Bucket="of-alice")
    s3_of(server, alice).put_object(Bucket="of-alice", Key="k", Body=b"hers")
    bob = add(server, "bob", "--account", "alice")
    admin(server, "user", "policy", "bob", "--account", "alice", "--set", "readonly")
    off = add(server, "off")
    admin(server, "user", "disable", "off")
    last = add(server, "last")
    server.kill()  # nothing was answered that is not there
    server.start()
    before = users_of(server)
    assert ("last", "last") in before

    def check():
        assert s3_of(server, alice).get_object(Bucket="of-alice", Key="k")["Body"].read() == b"hers"
        assert s3_of(server, bob).get_object(Bucket="of-alice", Key="k")["Body"].read() == b"hers"
        with refused("AccessDenied"):
            s3_of(server, bob).put_object(Bucket="of-alice", Key="k", Body=b"his")
        with refused("AccessDenied"):
            s3_of(server, last).get_object(Bucket="of-alice", Key="k")
        with refused("InvalidAccessKeyId"):
            s3_of(server, off).list_buckets()

    check()
    wait_for_journal(server)
    server.stop()
    rebuild(server)
    server.start()
    assert users_of(server) == before
    check()


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_secrets_at_rest_are_sealed(server):
    made = [add(server, "alice"), add(server, "bob", "--account", "alice")]
    made.append(admin(server, "user", "rotate", "bob", "--account", "alice"))
    key = iam_of(server, made[0]).create_access_key(UserName="bob")["AccessKey"]
    made.append({"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]})
    wait_for_journal(server)
    server.stop()
    server.start()  # what was in memory has reached its tables
    wait_for_journal(server)
    server.stop()
    sealing_key = (server.data_dir / "iam-key").read_text().strip()
    assert (server.data_dir / "iam-key").stat().st_mode & 0o777 == 0o600
    found_ids = 0
    for path in [*files_below(server.data_dir), server.log_path]:
        data = path.read_bytes()
        found_ids += made[0]["access_key"].encode() in data
        for keys in made:
            assert keys["secret_key"].encode() not in data, path
        if path.name != "iam-key":
            assert sealing_key.encode() not in data and bytes.fromhex(sealing_key) not in data, path
    assert found_ids > 0  # the search finds what is there


def test_without_the_sealing_key_the_start_is_refused(server):
    alice = add(server, "alice")
    server.stop()
    key_file = server.data_dir / "iam-key"
    kept = server.data_dir.with_name("kept-iam-key")
    shutil.move(key_file, kept)
    with pytest.raises(ServerError) as failed:
        server.start()
    assert "iam-key is missing: it opens the secrets of the store's users. Restore it" in str(failed.value)
    assert not key_file.exists()  # none was made in its place
    key_file.write_text("00" * 32 + "\n")
    with pytest.raises(ServerError) as failed:
        server.start()
    assert "cannot be opened" in str(failed.value)
    key_file.write_text("nonsense\n")
    with pytest.raises(ServerError) as failed:
        server.start()
    assert "holds no key" in str(failed.value)
    shutil.move(kept, key_file)
    server.start()
    s3_of(server, alice).list_buckets()
