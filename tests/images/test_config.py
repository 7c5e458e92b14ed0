"""Config documents: what is taken from outside, and what we write."""

import json

import pytest

from sampan.errors import Invalid
from sampan.images.config import (
    EMPTY_DIFF_ID,
    committed,
    dump,
    empty_container_config,
    imported,
    parse,
)
from sampan.specs.oci import digest as digests
from sampan.specs.oci.chain import chain_ids

DIFF = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
BASE = imported(
    empty_container_config(),
    DIFF,
    created="2026-01-01T00:00:00Z",
    message="m",
    version="1",
    platform=("linux", "arm", "v7"),
)


def test_an_import_has_one_layer_and_one_step() -> None:
    assert BASE["rootfs"] == {"type": "layers", "diff_ids": [DIFF]}
    assert BASE.get("history") == [{"created": "2026-01-01T00:00:00Z", "comment": "m"}]
    assert json.loads(dump(BASE))["variant"] == "v7"


def test_equal_configs_have_equal_ids() -> None:
    again = imported(
        empty_container_config(),
        DIFF,
        created="2026-01-01T00:00:00Z",
        message="m",
        version="1",
        platform=("linux", "arm", "v7"),
    )
    assert digests.of(dump(BASE)) == digests.of(dump(again))


def test_a_commit_adds_a_layer_and_a_step_to_its_parent() -> None:
    child = committed(
        BASE,
        empty_container_config(),
        OTHER,
        created="now",
        created_by="sh -c x",
        author="me",
        comment="c",
        version="2",
    )
    assert child["rootfs"]["diff_ids"] == [DIFF, OTHER]
    assert child.get("history", [])[1] == {
        "created": "now",
        "author": "me",
        "created_by": "sh -c x",
        "comment": "c",
    }
    assert child["architecture"] == "arm" and dict(child)["variant"] == "v7" and "comment" not in child


def test_a_commit_of_nothing_is_only_a_step() -> None:
    child = committed(
        BASE,
        empty_container_config(),
        EMPTY_DIFF_ID,
        created="now",
        created_by="x",
        author="",
        comment="",
        version="",
    )
    assert child["rootfs"]["diff_ids"] == [DIFF]
    assert child.get("history", [])[-1] == {"created": "now", "created_by": "x", "empty_layer": True}


def test_what_is_unknown_survives() -> None:
    data = json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [DIFF]}, "new": {"a": 1}}
    ).encode()
    assert dict(parse(data))["new"] == {"a": 1}


BROKEN = [
    ("no JSON", b"{"),
    ("no object", b"[]"),
    ("no rootfs", b"{}"),
    ("diff IDs that are none", b'{"rootfs": {"diff_ids": ["../../etc"]}}'),
    ("diff IDs that are no list", b'{"rootfs": {"diff_ids": {"a": 1}}}'),
    ("a command that is no list", b'{"rootfs": {}, "config": {"Cmd": "sh"}}'),
    ("an environment of numbers", b'{"rootfs": {}, "config": {"Env": [1]}}'),
    ("labels that are no strings", b'{"rootfs": {}, "config": {"Labels": {"a": 1}}}'),
    ("history that is no list", b'{"rootfs": {}, "history": {"a": 1}}'),
    ("a step that is no object", b'{"rootfs": {}, "history": [1]}'),
    ("a date that is no text", b'{"rootfs": {}, "history": [{"created": 1}]}'),
]


@pytest.mark.parametrize("data", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_documents_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="invalid image"):
        parse(data)


def test_a_chain_id_names_a_layer_with_all_below() -> None:
    # From the OCI image specification: ChainID(L1|L2) = Digest(ChainID(L1) + " " + DiffID(L2)).
    assert chain_ids([]) == []
    first, second = chain_ids([DIFF, OTHER])
    assert first == DIFF
    assert second == digests.of(f"{DIFF} {OTHER}".encode())
