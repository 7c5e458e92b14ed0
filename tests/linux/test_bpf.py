"""Device rules become programs that decide as the rules read; the kernel takes and obeys them."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.linux import bpf

UNIFIED = next(
    (p for p in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup") if os.path.exists(p + "/cgroup.procs")), ""
)


def decide(program: bytes, kind: str, access: str, major: int, minor: int) -> int:
    """Run a device program on one request; only the instructions the assembler emits."""
    context = struct.pack("<III", sum(bpf._ACCESS[a] for a in access) << 16 | bpf._TYPE[kind], major, minor)
    registers = [0] * 11
    instructions = list(struct.iter_unpack("<BBhi", program))
    place = 0
    while True:
        code, operands, offset, immediate = instructions[place]
        target, source = operands & 15, operands >> 4
        place += 1
        match code:
            case bpf.LDX_W:
                # Register 1 is the context until a rule with partial access reuses it.
                registers[target] = struct.unpack_from("<I", context, offset)[0]
            case bpf.MOV32_REG:
                registers[target] = registers[source]
            case bpf.MOV64_IMM:
                registers[target] = immediate
            case bpf.AND32_IMM:
                registers[target] &= immediate
            case bpf.RSH32_IMM:
                registers[target] >>= immediate
            case bpf.JNE_IMM:
                place += offset if registers[target] != immediate else 0
            case bpf.JNE_REG:
                place += offset if registers[target] != registers[source] else 0
            case 0x15:
                place += offset if registers[target] == immediate else 0
            case bpf.EXIT:
                return registers[0]
            case _:
                raise AssertionError(f"unexpected instruction {code:#x}")


ACCESS = st.lists(st.sampled_from("rwm"), min_size=1, max_size=3, unique=True).map("".join)
RULE = st.fixed_dictionaries(
    {"allow": st.booleans(), "access": ACCESS, "type": st.sampled_from(["a", "b", "c"])},
    optional={"major": st.integers(-1, 2), "minor": st.integers(-1, 2)},
)


def expected(rules: list[dict[str, Any]], kind: str, access: str, major: int, minor: int) -> bool:
    """The last rule that matches wins; a denial hits when one access kind is denied."""
    for rule in reversed(rules):
        wanted = set(rule["access"])
        same = rule["type"] in ("a", kind)
        same &= rule.get("major", -1) in (-1, major) and rule.get("minor", -1) in (-1, minor)
        covers = set(access) <= wanted if rule["allow"] else bool(set(access) & wanted)
        if same and covers:
            return bool(rule["allow"])
    return False


@settings(deadline=None)
@given(
    st.lists(RULE, max_size=6),
    st.sampled_from("bc"),
    ACCESS,
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_programs_decide_as_rules_read(
    rules: list[dict[str, Any]], kind: str, access: str, major: int, minor: int
) -> None:
    program = bpf.device_program(rules)
    assert bool(decide(program, kind, access, major, minor)) is expected(rules, kind, access, major, minor)


@pytest.fixture
def cgroup() -> Iterator[Path]:
    path = Path(UNIFIED) / f"sampan-test-{os.getpid()}-bpf"
    path.mkdir()
    try:
        yield path
    finally:
        path.rmdir()


def readable(cgroup: Path, device: str) -> bool:
    child = os.fork()
    if child == 0:
        code = 2
        try:
            (cgroup / "cgroup.procs").write_text("0")
            try:
                os.close(os.open(device, os.O_RDONLY))
                code = 0
            except PermissionError:
                code = 1
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return {0: True, 1: False}[os.waitstatus_to_exitcode(status)]


@pytest.mark.root
@pytest.mark.skipif(not UNIFIED, reason="no cgroup2 tree is mounted")
def test_the_kernel_obeys_and_an_update_replaces(cgroup: Path) -> None:
    deny_all = {"allow": False, "access": "rwm"}
    null = {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"}
    zero = {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "r"}
    directory = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        bpf.restrict_devices(directory, [deny_all, null])
        assert readable(cgroup, "/dev/null") and not readable(cgroup, "/dev/zero")
        bpf.restrict_devices(directory, [deny_all, zero])
        assert readable(cgroup, "/dev/zero") and not readable(cgroup, "/dev/null")
        attached = bpf.attached(directory)
        for fd in attached:
            os.close(fd)
        assert len(attached) == 1
    finally:
        os.close(directory)
