"""fs.FileMode and st_mode."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.golang import filemode

KINDS = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFBLK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK)


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        (stat.S_IFREG | 0o644, 0o644),
        (stat.S_IFDIR | 0o755, 0x80000000 | 0o755),
        (stat.S_IFLNK | 0o777, 0x8000000 | 0o777),
        (stat.S_IFCHR | 0o600, 0x4200000 | 0o600),
        (stat.S_IFREG | stat.S_ISUID | 0o755, 0x800000 | 0o755),
        (stat.S_IFDIR | stat.S_ISVTX | 0o777, 0x80100000 | 0o777),
    ],
)
def test_the_bits_are_gos(mode: int, found: int) -> None:
    assert filemode.from_unix(mode) == found


@given(st.sampled_from(KINDS), st.integers(0, 0o7777))
def test_a_mode_comes_back(kind: int, bits: int) -> None:
    assert filemode.to_unix(filemode.from_unix(kind | bits)) == kind | bits


@pytest.mark.parametrize("mode", [filemode.IRREGULAR, filemode.DIR | filemode.SYMLINK, filemode.CHAR_DEVICE])
def test_kinds_that_are_none_here(mode: int) -> None:
    with pytest.raises(ValueError):
        filemode.to_unix(mode)
