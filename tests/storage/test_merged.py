"""A stack of layers is seen as overlayfs would show it."""

from pathlib import Path

import pytest

from sampan.errors import Failed
from sampan.storage.layerfiles import Node
from sampan.storage.merged import Directory
from tests.builder.execute.layering import Files, Layers, plain, whole

# sentence, layers from the bottom, what is seen
STACKS: list[tuple[str, list[Files], dict[str, str]]] = [
    (
        "directories of one name are one",
        [{"a/x": "1", "a/y": "1"}, {"a/y": "2", "a/z": "2"}],
        {"a": "directory", "a/x": "1", "a/y": "2", "a/z": "2"},
    ),
    ("a whiteout hides what is below", [{"a": "1", "b": "1"}, {"a": "whiteout"}], {"b": "1"}),
    (
        "what was hidden can be there again",
        [{"a": "1"}, {"a": "whiteout"}, {"a": "3"}],
        {"a": "3"},
    ),
    (
        "an opaque directory hides what it had",
        [{"a/x": "1"}, {"a": "directory", "a/": "opaque", "a/y": "2"}],
        {"a": "directory", "a/y": "2"},
    ),
    (
        "a file in a directory's place ends it",
        [{"a/x": "1"}, {"a": "2"}, {"b": "3"}],
        {"a": "2", "b": "3"},
    ),
    (
        "a directory over a file does not show a directory below that",
        [{"a/x": "1"}, {"a": "2"}, {"a/y": "3"}],
        {"a": "directory", "a/y": "3"},
    ),
    ("a whiteout below a directory ends it", [{"a/x": "1"}, {"a": "whiteout"}, {"a/y": "3"}],
     {"a": "directory", "a/y": "3"}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "stack", "expected"), STACKS, ids=[row[0] for row in STACKS])
def test_layers_are_merged(
    sentence: str, stack: list[Files], expected: dict[str, str], tmp_path: Path
) -> None:
    layers = Layers(tmp_path)
    assert plain(whole(layers.merged(layers.snapshot(*stack)))) == expected, sentence


def test_metadata_is_the_top_most_directorys(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    snapshot = layers.snapshot({"a": "700 1:2 directory"}, {"a": "711 3:4 directory"})
    assert whole(layers.merged(snapshot))["a"] == "0711 3:4 directory"


LINKS = [
    ("/a/f", "1"),
    ("/absolute/f", "1"),
    ("/b/relative", "1"),
    ("/b/out", "1"),
    ("/b/../a/./f", "1"),
    ("/../../a/f", "1"),
    ("/a/nothing", None),
    ("/a/f/more", None),
]


@pytest.mark.parametrize(("path", "expected"), LINKS)
def test_links_are_followed_inside(path: str, expected: str | None, tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    snapshot = layers.snapshot(
        {"a/f": "1"},
        {"absolute": "-> /a", "b/relative": "-> ../a/f", "b/out": "-> ../../../../a/f"},
    )
    found = layers.merged(snapshot).resolve(path.encode())
    text = b"".join(found.chunks()).decode() if isinstance(found, Node) else None
    assert text == expected


def test_links_in_a_circle_are_given_up(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    with pytest.raises(Failed, match="too many links"):
        layers.merged(layers.snapshot({"a": "-> b", "b": "-> a"})).resolve(b"/a")


def test_a_layer_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    one, two = layers.add({"a": "1"}), layers.add({"a": "2"})
    merged = layers.stack.merged((one, two, one))
    assert isinstance(merged.root, Directory)
    assert [plain(whole(merged)), len(merged.root.parts)] == [{"a": "1"}, 2]
