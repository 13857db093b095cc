"""The checker itself: it must catch each kind of loss, or the fault tests prove nothing."""

import dataclasses

import pytest

from journal import Journal, Mismatch, check_key, check_listing


class Answer:
    def __init__(self, status, body=b"", etag=None, code=None):
        self.status, self.body, self.code, self.etag = status, body, code, etag

    def header(self, name):
        return f'"{self.etag}"' if name == "etag" else None


class Shelf:
    """Stands for the client: shows what the test put into it."""

    def __init__(self):
        self.shown = {}

    def get(self, _bucket, key):
        content = self.shown.get(key)
        if content is None:
            return Answer(404, code="NoSuchKey")
        return Answer(200, content.bytes(), content.etag())

    def list_all(self, _bucket):
        return {key: (content.size, content.etag()) for key, content in self.shown.items() if content is not None}


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def journal():
    return Journal()


def put(journal, key, size=100, acknowledge=True):
    content = journal.new_content([size])
    change = journal.begin(key, content, "put")
    if acknowledge:
        journal.acknowledge(change)
    return content


def accepts(shelf, journal, key, content):
    shelf.shown = {key: content}
    check_listing(shelf, "b", journal)
    check_key(shelf, "b", journal, key)


def rejects(shelf, journal, key, content):
    shelf.shown = {key: content}
    with pytest.raises(Mismatch):
        check_key(shelf, "b", journal, key)
    with pytest.raises(Mismatch):
        check_listing(shelf, "b", journal)


def test_acknowledged_object_must_be_there(shelf, journal):
    content = put(journal, "k")
    rejects(shelf, journal, "k", None)
    accepts(shelf, journal, "k", content)


def test_acknowledged_overwrite_replaces(shelf, journal):
    old, new = put(journal, "k"), put(journal, "k", 200)
    rejects(shelf, journal, "k", old)
    accepts(shelf, journal, "k", new)


def test_deleted_object_must_not_come_back(shelf, journal):
    old = put(journal, "k")
    journal.acknowledge(journal.begin("k", None, "delete"))
    rejects(shelf, journal, "k", old)
    accepts(shelf, journal, "k", None)


def test_unknown_outcome_is_old_or_new_and_then_stays(shelf, journal):
    old = put(journal, "k")
    new = put(journal, "k", 300, acknowledge=False)
    accepts(shelf, journal, "k", new)
    rejects(shelf, journal, "k", old)  # it was seen as new
    newer = put(journal, "k", 400, acknowledge=False)
    accepts(shelf, journal, "k", new)
    rejects(shelf, journal, "k", newer)  # it was seen not to have happened


def test_half_an_object_is_found(shelf, journal):
    content = put(journal, "k", 5000)
    rejects(shelf, journal, "k", dataclasses.replace(content, sizes=(4999,)))
    unknown = put(journal, "k", 6000, acknowledge=False)
    rejects(shelf, journal, "k", dataclasses.replace(unknown, sizes=(3000,)))


def test_bytes_of_another_object_are_found(shelf, journal):
    put(journal, "k")
    other = put(journal, "other")
    rejects(shelf, journal, "k", other)


def test_concurrent_acknowledged_changes_may_end_either_way(shelf, journal):
    first, second = journal.new_content([10]), journal.new_content([10])
    one, two = journal.begin("k", first, "put"), journal.begin("k", second, "put")
    journal.acknowledge(two)
    journal.acknowledge(one)
    assert {change.content for change in journal.permitted("k")} == {first, second}
    rejects(shelf, journal, "k", None)
    accepts(shelf, journal, "k", first)


def test_refused_change_must_have_no_effect(shelf, journal):
    old = put(journal, "k")
    content = journal.new_content([10])
    journal.refuse(journal.begin("k", content, "put"))
    rejects(shelf, journal, "k", content)
    accepts(shelf, journal, "k", old)


def test_stranger_in_the_listing(shelf, journal):
    content = put(journal, "k")
    shelf.shown = {"k": content, "x": content}
    with pytest.raises(Mismatch):
        check_listing(shelf, "b", journal)
