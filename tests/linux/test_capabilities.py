"""Which capabilities --cap-add, --cap-drop and --privileged leave."""

import os

import pytest

from sampan.errors import Invalid
from sampan.linux import capabilities as c

KNOWN = tuple(name for name in c.NAMES if name != "CAP_SYS_RESOURCE")


def without(*dropped: str) -> list[str]:
    return [name for name in c.DEFAULT if name not in dropped]


CASES = [
    # add, drop, privileged, result
    ([], [], False, list(c.DEFAULT)),
    (["net_admin", "CAP_SYS_PTRACE"], [], False, [*c.DEFAULT, "CAP_NET_ADMIN", "CAP_SYS_PTRACE"]),
    ([], ["mknod"], False, without("CAP_MKNOD")),
    (["ALL"], [], False, list(KNOWN)),
    (["all"], ["chown"], False, [name for name in KNOWN if name != "CAP_CHOWN"]),
    ([], ["ALL"], False, []),
    (["chown"], ["ALL"], False, ["CAP_CHOWN"]),
    (["CHOWN"], [], False, list(c.DEFAULT)),
    (["MKNOD"], ["MKNOD"], False, without("CAP_MKNOD")),
    ([], ["ALL"], True, list(KNOWN)),
]


@pytest.mark.parametrize(("add", "drop", "privileged", "expected"), CASES)
def test_tweaks_follow_dockers_rules(
    add: list[str], drop: list[str], privileged: bool, expected: list[str]
) -> None:
    assert c.tweak(add, drop, privileged, KNOWN) == expected


def test_unknown_and_unavailable_names_are_refused_in_dockers_words() -> None:
    with pytest.raises(Invalid, match=r'^invalid CapAdd: unknown capability: "CAP_NOPE"$'):
        c.tweak(["nope"], [], False, KNOWN)
    with pytest.raises(
        Invalid, match=r"^invalid CapDrop: capability not supported by your kernel or not avail"
    ):
        c.tweak([], ["SYS_RESOURCE"], False, KNOWN)


def test_masks_and_names_are_inverse() -> None:
    assert c.mask(["CAP_CHOWN", "CAP_SYS_ADMIN"]) == 1 | 1 << 21
    assert c.names(c.mask(c.DEFAULT)) == [name for name in c.NAMES if name in c.DEFAULT]
    # The mask real Docker's containers show in /proc/self/status.
    assert c.mask(c.DEFAULT) == 0xA80425FB


@pytest.mark.root
def test_sets_come_into_force() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        text = b""
        try:
            keep = c.mask(["CAP_CHOWN", "CAP_KILL"])
            c.drop_bounding(keep)
            c.capset(keep, keep, keep)
            c.raise_ambient(c.mask(["CAP_KILL"]))
            with open("/proc/self/status", "rb") as file:
                text = b"".join(line for line in file if line.startswith(b"Cap"))
        finally:
            os.write(writer, text)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        found = {line.split(":")[0]: int(line.split()[1], 16) for line in pipe}
    os.waitpid(child, 0)
    keep = c.mask(["CAP_CHOWN", "CAP_KILL"])
    assert found == {"CapInh": keep, "CapPrm": keep, "CapEff": keep, "CapBnd": keep, "CapAmb": 1 << 5}
