"""A snapshot's files are listed as select() needs them: as much as is asked for, and where links lead."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from sampan.builder.execute.scan import Digests, scan
from sampan.builder.plan.graph import Copy
from sampan.builder.sources.select import select
from tests.builder.execute.layering import Files, Layers

FILES: Files = {
    "app/bin/a": "a",
    "app/bin/b": "b",
    "app/lib": "-> /usr/lib",
    "usr/lib/x.so": "-> x.so.1",
    "usr/lib/x.so.1": "x",
    "usr/lib/deep/y": "y",
    "big/file": "big",
}

# paths, what they list (without the directories on the way)
LISTED = [
    ((), set(FILES)),
    (("app/bin",), {"app/bin/a", "app/bin/b"}),
    (("/app/bin/a",), {"app/bin/a"}),
    (("app/lib/x.so.1",), {"app/lib", "usr/lib/x.so.1"}),
    (("app/lib/x.so",), {"app/lib", "usr/lib/x.so", "usr/lib/x.so.1"}),
    (("app/*/a",), {"app/bin/a", "app/lib"}),
    (("usr/lib/*.so",), {"usr/lib/x.so", "usr/lib/x.so.1"}),
    (("nothing", "big/../big/file"), {"big/file"}),
    (("usr/**/y",), {"usr/lib/deep/y", "usr/lib/x.so", "usr/lib/x.so.1"}),
]


@pytest.mark.parametrize(("paths", "expected"), LISTED)
def test_only_what_is_asked_for_is_listed(paths: Sequence[str], expected: set[str], tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    snapshot = layers.snapshot(FILES)
    tree = scan(layers.merged(snapshot), snapshot, paths, Digests())
    assert {name for name in tree.entries if name in FILES} == expected
    assert list(tree.entries) == sorted(tree.entries)


def test_digests_are_of_the_bytes(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    snapshot = layers.snapshot(FILES)
    tree = scan(layers.merged(snapshot), snapshot, ("big",), Digests())
    assert tree.entries["big/file"].digest == hashlib.sha256(b"big").hexdigest()


@pytest.mark.parametrize("source", ["app/bin", "app/lib/x.so", "usr/lib/*", "a*/bin/?", "usr/lib/deep/"])
def test_what_is_selected_is_the_same_as_from_everything(source: str, tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    snapshot = layers.snapshot(FILES)
    copy = Copy(input=0, sources=(source,), dest="/x/")
    merged = layers.merged(snapshot)
    some = select(scan(merged, snapshot, copy.sources, Digests()), copy)
    everything = select(scan(merged, snapshot, (), Digests()), copy)
    assert some == everything
