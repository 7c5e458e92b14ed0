"""How much a volume holds."""

import os
import subprocess
from pathlib import Path

from sampan.storage.volumes import size


def test_a_volume_is_measured_once_an_inode(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"x" * 100)
    os.link(tmp_path / "d" / "a", tmp_path / "b")
    (tmp_path / "outside").symlink_to("/")
    assert size(tmp_path) == 100 + len("/")


def test_what_is_gone_holds_nothing(tmp_path: Path) -> None:
    assert size(tmp_path / "gone") == 0


def test_directories_may_be_nested_deeper_than_calls(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(1500):
        os.mkdir("a", dir_fd=directory)
        below = os.open("a", os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
        os.close(directory)
        directory = below
    with open(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=directory), "wb") as file:
        file.write(b"12345")
    os.close(directory)
    try:
        assert size(tmp_path) == 5
    finally:  # pytest could not
        subprocess.run(["rm", "-rf", str(tmp_path / "a")], check=True)
