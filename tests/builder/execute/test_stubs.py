"""Mount points do not stay in a step's layer; what the step put there does."""

import os
from pathlib import Path

from sampan.builder.execute import stubs
from tests.builder.execute.layering import Layers, make


def test_what_may_turn_up_is_told_deepest_first(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    merged = layers.merged(layers.snapshot({"a/b": "x", "l": "-> /a"}))
    found = stubs.missing(merged, ["/a/b", "/l/c/d", "/e"])
    assert found == [b"/a/c/d", b"/a/c", b"/e"]


def test_only_what_is_still_empty_is_removed(tmp_path: Path) -> None:
    upper = make(
        tmp_path / "upper", {"a/b/c": "directory", "d": "", "e": "text", "f/g": "directory", "f/h": "x"}
    )
    before = os.stat(upper).st_mtime_ns
    stubs.remove_stubs(upper, [b"/a/b/c", b"/a/b", b"/a", b"/d", b"/e", b"/f/g", b"/f", b"/gone"])
    assert sorted(path.relative_to(upper).as_posix() for path in upper.rglob("*")) == ["e", "f", "f/h"]
    assert os.stat(upper).st_mtime_ns == before


def test_no_link_is_followed_out_of_the_layer(tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", {"empty": ""})
    upper = make(tmp_path / "upper", {"l": f"-> {outside}"})
    stubs.remove_stubs(upper, [b"/l/empty", b"/../outside/empty"])
    assert (outside / "empty").exists()


def test_targets_are_made_as_what_they_are(tmp_path: Path) -> None:
    points = tmp_path / "points"
    points.mkdir()
    stubs.make_targets(
        points, ["/run/secrets/x", "/cache", "/f/below", "/f", "/../up"], ["/run/secrets/x", "/f"]
    )
    found = {path.relative_to(points).as_posix(): path.is_dir() for path in points.rglob("*")}
    assert found == {
        "run": True,
        "run/secrets": True,
        "run/secrets/x": False,
        "cache": True,
        "f": False,
        "up": True,
    }
