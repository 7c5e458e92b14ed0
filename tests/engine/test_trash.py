"""Throwing trees away."""

import os
from pathlib import Path

import pytest

from sampan.engine import trash
from sampan.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "data", tmp_path / "exec")
    paths.trash.mkdir(parents=True)
    return paths


def tree(path: Path) -> Path:
    (path / "a" / "b").mkdir(parents=True)
    (path / "a" / "file").write_text("x")
    (path / "link").symlink_to("/")
    return path


def test_a_discarded_tree_is_gone_at_once_and_then_from_the_disk(paths: Paths) -> None:
    victim = tree(paths.data / "victim")
    trash.discard(paths, victim, paths.data / "never-was")
    assert not victim.exists()
    trash.wait_emptied()
    assert list(paths.trash.iterdir()) == []


def test_what_an_earlier_daemon_left_is_emptied(paths: Paths) -> None:
    tree(paths.trash / "old")
    (paths.trash / "file").write_text("x")
    (paths.trash / "dangling").symlink_to("/nowhere")
    trash.empty(paths)
    trash.wait_emptied()
    assert list(paths.trash.iterdir()) == []


def test_a_tree_elsewhere_is_removed_in_place(tmp_path: Path) -> None:
    victim = tree(tmp_path / "victim")
    trash.remove_later(victim)
    trash.wait_emptied()
    assert not victim.exists()


def nested(path: Path, depth: int) -> None:
    """Further than a path can say."""
    path.mkdir()
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("a", dir_fd=directory)
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=directory))
        below = os.open("a", os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(directory)


def test_a_tree_of_any_depth_goes(paths: Paths) -> None:
    nested(paths.data / "victim", 3000)
    trash.discard(paths, paths.data / "victim")
    trash.wait_emptied()
    assert list(paths.trash.iterdir()) == []
