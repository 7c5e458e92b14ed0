"""Reading files that tell their content in pieces."""

from pathlib import Path

from sampan.linux import files


def test_a_file_of_the_kernels_is_read_to_its_end() -> None:
    """It gives a page at a time, however much is asked for."""
    found = files.read("/proc/self/maps")
    assert len(found) > 4096 and found.endswith(b"\n")
    assert b"[vsyscall]" in found or b"[stack]" in found, "what is mapped last"


def test_a_large_file_is_read_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    (tmp_path / "large").write_bytes(data)
    assert files.read(str(tmp_path / "large")) == data
