"""--chmod as chmod(1) has it."""

import stat

import pytest

from sampan.builder.execute.modes import changed
from sampan.errors import Invalid

FILE, DIRECTORY = stat.S_IFREG, stat.S_IFDIR

MODES = [
    (FILE | 0o644, "755", FILE | 0o755),
    (FILE | 0o644, "04755", FILE | 0o4755),
    (FILE | 0o644, "u+x", FILE | 0o744),
    (FILE | 0o644, "+x", FILE | 0o755),
    (FILE | 0o644, "a-r", FILE | 0o200),
    (FILE | 0o644, "u=rwx,go=rx", FILE | 0o755),
    (FILE | 0o644, "g=u", FILE | 0o664),
    (FILE | 0o4755, "o=", FILE | 0o4750),
    (FILE | 0o644, "u+s", FILE | 0o4644),
    (FILE | 0o644, "g+s,+t", FILE | 0o3644),
    (FILE | 0o644, "+X", FILE | 0o644),
    (FILE | 0o744, "+X", FILE | 0o755),
    (DIRECTORY | 0o700, "go+X", DIRECTORY | 0o711),
    (FILE | 0o644, "u+x-r", FILE | 0o344),
    (stat.S_IFLNK | 0o777, "600", stat.S_IFLNK | 0o777),
    (FILE | 0o644, "", FILE | 0o644),
]


@pytest.mark.parametrize(("mode", "chmod", "expected"), MODES)
def test_modes(mode: int, chmod: str, expected: int) -> None:
    assert changed(mode, chmod) == expected


@pytest.mark.parametrize("chmod", ["x", "u", "+q", "u+x,", "u+x,z", "888", "u&x"])
def test_nonsense_is_refused(chmod: str) -> None:
    with pytest.raises(Invalid, match="invalid chmod parameter"):
        changed(FILE | 0o644, chmod)
