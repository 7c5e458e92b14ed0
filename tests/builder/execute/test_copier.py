"""What COPY, ADD, WORKDIR and heredocs add to a file system: each row as real Docker has it."""

import os
from pathlib import Path

import pytest

from sampan.builder.execute.files import Taken
from sampan.builder.execute.scan import Digests
from sampan.builder.execute.scan import scan as listed
from sampan.builder.plan.graph import Copy, MakeDirectory, WriteFile
from sampan.builder.sources.scan import scan
from sampan.builder.sources.select import select
from sampan.errors import Failed
from sampan.storage.layerfiles import Node
from sampan.storage.merged import Directory
from tests.builder.execute.layering import EPOCH, Files, Layers, listing, make, plain

BASE: Files = {
    "bin/busybox": "755 0:0 program",
    "bin/sh": "-> busybox",
    "etc": "750 0:8 directory",
    "etc/passwd": "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\n",
    "etc/group": "root:x:0:\ngrp:x:77:\n",
    "e": "500 5:6 directory",
    "e/sub": "700 5:6 directory",
    "e/old": "old",
    "lnk": "-> /e",
    "dangling": "-> nofile",
    "loop": "-> loop",
}
CONTEXT: Files = {"f": "f", "d/f": "df", "d/sub/g": "g", "d/l": "-> f"}


def copy(source: str, dest: str, **more: str) -> Copy:
    return Copy(input=0, sources=(source,), dest=dest, **more)  # type: ignore[arg-type]


# sentence, action, the new layer
LAYERS = [
    ("a file", copy("f", "/x"), {"x": "0644 0:0 f"}),
    ("a file into a directory to be", copy("f", "/x/"), {"x": "0755 0:0 directory", "x/f": "0644 0:0 f"}),
    (
        "parents are made, the owner's",
        copy("f", "/p/q/r", chown="3:4"),
        {"p": "0755 3:4 directory", "p/q": "0755 3:4 directory", "p/q/r": "0644 3:4 f"},
    ),
    (
        "a directory's content, not its mode",
        copy("d", "/n"),
        {
            "n": "0755 0:0 directory",
            "n/f": "0644 0:0 df",
            "n/l": "0777 0:0 -> f",
            "n/sub": "0711 0:0 directory",
            "n/sub/g": "0644 0:0 g",
        },
    ),
    (
        "a directory that is there keeps what it has, those in it do not",
        copy("d", "/e"),
        {
            "e": "0500 5:6 directory",
            "e/f": "0644 0:0 df",
            "e/l": "0777 0:0 -> f",
            "e/sub": "0711 0:0 directory",
            "e/sub/g": "0644 0:0 g",
        },
    ),
    ("through a link", copy("f", "/lnk/"), {"e": "0500 5:6 directory", "e/f": "0644 0:0 f"}),
    ("onto a link to a directory", copy("f", "/lnk"), {"e": "0500 5:6 directory", "e/f": "0644 0:0 f"}),
    ("onto a link that leads nowhere", copy("f", "/dangling"), {"nofile": "0644 0:0 f"}),
    ("onto a link to a file", copy("f", "/bin/sh"),
     {"bin": "0755 0:0 directory", "bin/busybox": "0644 0:0 f"}),
    ("a directory above keeps its mode", copy("f", "/etc/f"),
     {"etc": "0750 0:8 directory", "etc/f": "0644 0:0 f"}),
    ("an octal mode", copy("f", "/x", chmod="4755"), {"x": "4755 0:0 f"}),
    ("a symbolic mode", copy("f", "/x", chmod="u+x,g-r,o="), {"x": "0700 0:0 f"}),
    ("a number is its own group", copy("f", "/x", chown="5"), {"x": "0644 5:5 f"}),
    ("a name has its group", copy("f", "/x", chown="app"), {"x": "0644 1000:1001 f"}),
    ("a name with a group's name", copy("f", "/x", chown="app:grp"), {"x": "0644 1000:77 f"}),
    ("a group alone", copy("f", "/x", chown=":7"), {"x": "0644 0:7 f"}),
    ("a name nobody has", copy("f", "/x", chown="nosuch"), {"x": "0644 0:0 f"}),
    ("wildcards that match nothing make nothing", copy("z*", "/x/"), {}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "action", "expected"), LAYERS, ids=[row[0] for row in LAYERS])
def test_a_copy_makes_a_layer(sentence: str, action: Copy, expected: dict[str, str], tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    context = make(tmp_path / "context", CONTEXT)
    os.chmod(context / "d", 0o700)
    os.chmod(context / "d" / "sub", 0o711)
    assert layers.copy(layers.snapshot(BASE), context, action) == expected, sentence


# action, BuildKit's words
REFUSED = [
    (copy("f", "/bin/sh/"), "mkdir /bin/busybox: not a directory"),
    (copy("f", "/bin/sh/a/b"), "lstat /bin/busybox/a: not a directory"),
    (copy("d", "/etc/passwd"), "cannot copy to non-directory: /etc/passwd"),
    (copy("f", "/loop/"), "too many links"),
]


@pytest.mark.parametrize(("action", "words"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_cannot_be_is_refused(action: Copy, words: str, tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    context = make(tmp_path / "context", CONTEXT)
    with pytest.raises(Failed, match=words):
        layers.copy(layers.snapshot(BASE), context, action)


def test_a_file_does_not_replace_a_directory(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    context = make(tmp_path / "context", {"d/sub": "a file"})
    with pytest.raises(Failed, match="cannot replace to directory /e/sub with file"):
        layers.copy(layers.snapshot(BASE), context, copy("d", "/e"))


def test_a_directory_does_not_replace_a_link(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    context = make(tmp_path / "context", {"d/sub/g": "g"})
    with pytest.raises(Failed, match="cannot copy to non-directory: /x/sub"):
        layers.copy(layers.snapshot({"x/sub": "-> /tmp", "tmp": "directory"}), context, copy("d", "/x"))


def test_hard_links_stay(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    context = make(tmp_path / "context", {"d/a": "text"})
    os.link(context / "d" / "a", context / "d" / "b")
    assert plain(layers.copy(layers.snapshot(), context, copy("d", "/"))) == {"a": "text", "b": "= a"}


def test_times_are_clamped_and_kept(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    context = make(tmp_path / "context", {"new": "", "old": ""})
    os.utime(context / "old", (7, 7))
    action = Copy(input=0, sources=("new", "old"), dest="/x/")
    merged = layers.merged(layers.copied(layers.snapshot(), context, action))
    directory = merged.resolve(b"/x")
    assert isinstance(directory, Directory)
    times = {name: node.mtime_ns for name, node in merged.entries(directory) if isinstance(node, Node)}
    assert times == {b"new": EPOCH * 1_000_000_000, b"old": 7_000_000_000}


def test_equal_inputs_make_equal_bytes(tmp_path: Path) -> None:
    made = set()
    for number in (1, 2):
        directory = tmp_path / str(number)
        directory.mkdir()
        layers = Layers(directory)
        context = make(directory / "context", dict(sorted(CONTEXT.items(), reverse=number == 2)))
        tree = scan(context)
        action = copy("d", "/n")
        made.add(layers.step(layers.snapshot(BASE), [action], [Taken(tree, select(tree, action))]))
    assert len(made) == 1


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    context = make(tmp_path / "context", CONTEXT)
    tree, action = scan(context), copy("f", "/x")
    (context / "f").write_text("longer than it was")
    with pytest.raises(Failed, match="/f was changed while it was copied"):
        layers.step(layers.snapshot(BASE), [action], [Taken(tree, select(tree, action))])


@pytest.mark.parametrize("swapped", ["f", "d"])
def test_a_link_put_in_its_place_is_not_followed(swapped: str, tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    context = make(tmp_path / "context", CONTEXT)
    secret = make(tmp_path / "secret", {"f": "df", "sub/g": "g"})
    tree, action = scan(context), copy("f" if swapped == "f" else "d", "/x")
    (context / swapped).rename(tmp_path / "gone")
    (context / swapped).symlink_to(secret / "f" if swapped == "f" else secret)
    with pytest.raises(Failed, match="failed to copy files"):
        layers.step(layers.snapshot(BASE), [action], [Taken(tree, select(tree, action))])


def test_a_heredoc_is_a_file(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    actions = [
        WriteFile(dest="/x/", name="a", data=b"1"),
        WriteFile(dest="/e", name="b", data=b"2", chown="3:4"),
        WriteFile(dest="/c", name="ignored", data=b"3", chmod="750"),
    ]
    made = listing(layers.step(layers.snapshot(BASE), actions, [None] * 3))
    assert made == {
        "c": "0750 0:0 3",
        "e": "0500 5:6 directory",
        "e/b": "0644 3:4 2",
        "x": "0755 0:0 directory",
        "x/a": "0644 0:0 1",
    }


def test_workdir_makes_what_is_missing(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    actions = [MakeDirectory(path="/lnk/n/m", owner="7"), MakeDirectory(path="/etc")]
    made = listing(layers.step(layers.snapshot(BASE), actions, [None, None]))
    assert made == {
        "e": "0500 5:6 directory",
        "e/n": "0755 7:7 directory",
        "e/n/m": "0755 7:7 directory",
    }


def test_a_copy_from_a_stage_takes_what_is_seen_there(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    stage = layers.snapshot({"app/a": "4711 8:9 text", "app/l": "-> a"}, {"app/a": "x"})
    action = copy("app", "/n")
    tree = listed(layers.merged(stage), stage, action.sources, Digests())
    made = listing(layers.step(layers.snapshot(), [action], [Taken(tree, select(tree, action))]))
    assert made["n/l"] == "0777 0:0 -> a"
    assert plain(made)["n/a"] == "x"


def test_nothing_changed_is_an_empty_layer(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    made = layers.step(layers.snapshot(BASE), [MakeDirectory(path="/etc")], [None])
    assert made == bytes(1024)  # the one layer that all builders have for nothing
