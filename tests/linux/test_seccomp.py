"""Profiles become filters that decide as the profile says, on every architecture it covers."""

import ctypes
import errno
import importlib.resources
import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.linux import capabilities, seccomp, syscall_table
from sampan.linux.classic_bpf import run
from sampan.linux.seccomp_profile import select

X86_64, X86, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
NR = {name: syscall_table.numbers(name) for name in ("x86_64", "x86", "x32", "aarch64", "arm")}


def builtin() -> dict[str, Any]:
    text = importlib.resources.files("sampan.specs").joinpath("seccomp_default.json").read_text()
    profile: dict[str, Any] = json.loads(text)
    return profile


def default_filter(*added: str, machine: str = "x86_64") -> bytes:
    return seccomp.compile(builtin(), [*capabilities.DEFAULT, *added], machine, "6.1")


CLONE_NEWUSER = 0x10000000

DEFAULT_PROFILE = [
    # call, arguments, verdict without CAP_SYS_ADMIN, verdict with it
    ("read", (), ALLOW, ALLOW),
    ("clone3", (), ENOSYS, ALLOW),
    ("clone", (0x11,), ALLOW, ALLOW),
    ("clone", (CLONE_NEWUSER | 0x11,), EPERM, ALLOW),
    ("unshare", (CLONE_NEWUSER,), EPERM, ALLOW),
    ("mount", (), EPERM, ALLOW),
    ("keyctl", (), EPERM, EPERM),
    ("socket", (2,), ALLOW, ALLOW),
    ("socket", (40,), EPERM, EPERM),
    ("personality", (0xFFFFFFFF,), ALLOW, ALLOW),
    ("personality", (0x1FFFFFFFF,), EPERM, EPERM),
    ("personality", (5,), EPERM, EPERM),
    ("io_uring_setup", (), EPERM, EPERM),
    ("mseal", (), ENOSYS, ENOSYS),
]


@pytest.mark.parametrize(("name", "args", "without", "with_admin"), DEFAULT_PROFILE)
def test_default_profile_decides_as_dockers(
    name: str, args: tuple[int, ...], without: int, with_admin: int
) -> None:
    assert run(default_filter(), NR["x86_64"][name], X86_64, args) == without
    assert run(default_filter("CAP_SYS_ADMIN"), NR["x86_64"][name], X86_64, args) == with_admin


def test_each_architecture_uses_its_own_numbers() -> None:
    x86, arm = default_filter(), default_filter(machine="aarch64")
    assert run(x86, NR["x86"]["keyctl"], X86) == EPERM
    assert run(x86, NR["x86"]["getuid32"], X86) == ALLOW
    assert run(x86, NR["x86_64"]["getpid"] | 0x40000000, X86_64) == ALLOW
    assert run(x86, NR["x86_64"]["keyctl"] | 0x40000000, X86_64) == EPERM
    assert run(arm, NR["aarch64"]["openat"], AARCH64) == ALLOW
    assert run(arm, NR["arm"]["open"], ARM) == ALLOW
    assert run(arm, NR["arm"]["cacheflush"], ARM) == ALLOW
    assert run(arm, NR["x86_64"]["read"], X86_64) == KILL


def test_x32_calls_are_killed_when_the_profile_does_not_name_x32() -> None:
    program = seccomp.compile({"defaultAction": "SCMP_ACT_ALLOW"}, (), "x86_64", "6.1")
    assert run(program, 39 | 0x40000000, X86_64) == KILL
    assert run(program, 0xFFFFFFFF, X86_64) == ALLOW
    assert run(program, 39, X86) == KILL


def test_calls_newer_than_the_profile_do_not_exist() -> None:
    program = default_filter()
    assert run(program, NR["x86_64"]["futex_requeue"], X86_64) == ALLOW
    assert run(program, NR["x86_64"]["futex_requeue"] + 1, X86_64) == ENOSYS
    assert run(program, 100_000, X86_64) == ENOSYS
    lenient = seccomp.compile({"defaultAction": "SCMP_ACT_LOG"}, (), "x86_64", "6.1")
    assert run(lenient, 100_000, X86_64) == 0x7FFC0000


def test_socketcall_is_no_way_around_a_rule_for_socket() -> None:
    rule = {"names": ["socket"], "action": "SCMP_ACT_ERRNO"}
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "syscalls": [rule]}
    program = seccomp.compile(profile, (), "x86_64", "6.1")
    assert run(program, NR["x86"]["socketcall"], X86, (1,)) == EPERM
    assert run(program, NR["x86"]["socketcall"], X86, (2,)) == ALLOW


def test_rules_for_other_machines_kernels_and_capabilities_do_not_count() -> None:
    def kept(**conditions: Any) -> bool:
        rule = {"names": ["read"], "action": "SCMP_ACT_ALLOW", **conditions}
        return bool(select({"syscalls": [rule]}, ["CAP_CHOWN"], "x86_64", "5.10.3-x")["syscalls"])

    assert kept()
    assert kept(includes={"arches": ["amd64"], "caps": ["CAP_CHOWN"], "minKernel": "5.10"})
    assert not kept(includes={"arches": ["arm64"]})
    assert not kept(includes={"caps": ["CAP_CHOWN", "CAP_BPF"]})
    assert not kept(includes={"minKernel": "5.11"})
    assert not kept(excludes={"arches": ["amd64"]})
    assert not kept(excludes={"caps": ["CAP_BPF", "CAP_CHOWN"]})
    assert kept(excludes={"caps": ["CAP_BPF"], "minKernel": "6.0"})


WRONG = [
    ({"defaultAction": "SCMP_ACT_FOO"}, "string SCMP_ACT_FOO is not a valid action for seccomp"),
    ({"defaultAction": "SCMP_ACT_NOTIFY"}, "needs a listener"),
    ({"architectures": ["x"], "archMap": [{}]}, "use either 'architectures' or 'archMap'"),
    ({"syscalls": [{"name": "a", "names": ["b"]}]}, "use either 'name' or 'names'"),
    ({"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"op": "X"}]}]}, "string X"),
    (
        {
            "syscalls": [
                {"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}
            ]
        },
        "index 6",
    ),
    ({"syscalls": [{"names": ["read"], "includes": {"minKernel": "x"}}]}, "invalid kernel version"),
]


@pytest.mark.parametrize(("profile", "message"), WRONG)
def test_a_profile_in_error_is_refused(profile: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        seccomp.compile({"defaultAction": "SCMP_ACT_ALLOW", **profile}, (), "x86_64", "6.1")


# A filter against a direct reading of the profile, on random profiles and calls

VALUES = st.one_of(st.integers(0, 3), st.sampled_from([1 << 31, 1 << 32, (1 << 32) + 1, (1 << 64) - 1]))
CONDITION = st.fixed_dictionaries(
    {
        "index": st.integers(0, 1),
        "op": st.sampled_from(["SCMP_CMP_" + op for op in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")]),
        "value": VALUES,
        "valueTwo": VALUES,
    }
)
RULE = st.fixed_dictionaries(
    {
        "names": st.lists(
            st.sampled_from(["read", "open", "getpid", "mseal", "keyctl", "nonsense"]), max_size=4
        ),
        "action": st.sampled_from(["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_TRAP", "SCMP_ACT_LOG"]),
        "args": st.lists(CONDITION, max_size=2),
    },
    optional={"errnoRet": st.integers(0, 100)},
)
PROFILE = st.fixed_dictionaries(
    {
        "defaultAction": st.sampled_from(["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"]),
        "syscalls": st.lists(RULE, max_size=6),
    }
)


def verdict(profile: dict[str, Any], nr: int, args: list[int]) -> int:
    default = action_value(profile["defaultAction"], None)
    named = list(profile["syscalls"])
    newest = max((NR["x86_64"].get(name, 0) for rule in named for name in rule["names"]), default=0)
    if newest and nr > newest and default != ALLOW:
        return ENOSYS
    conditional: list[tuple[list[dict[str, Any]], int]] = []
    for rule in named:
        value = action_value(rule["action"], rule.get("errnoRet"))
        if value == default or nr not in {NR["x86_64"].get(name) for name in rule["names"]}:
            continue
        if not rule["args"]:
            return last_unconditional(profile, nr, default)
        same = len({arg["index"] for arg in rule["args"]}) < len(rule["args"])
        conditional += [([arg], value) for arg in rule["args"]] if same else [(rule["args"], value)]
    if any(not rule["args"] for rule in named if nr in {NR["x86_64"].get(n) for n in rule["names"]}):
        unconditional = last_unconditional(profile, nr, default)
        if unconditional != default:
            return unconditional
    for conditions, value in conditional:
        if all(holds(condition, args) for condition in conditions):
            return value
    return default


def last_unconditional(profile: dict[str, Any], nr: int, default: int) -> int:
    found = default
    for rule in profile["syscalls"]:
        value = action_value(rule["action"], rule.get("errnoRet"))
        if not rule["args"] and value != default and nr in {NR["x86_64"].get(name) for name in rule["names"]}:
            found = value
    return found


def action_value(name: str, error: int | None) -> int:
    plain = {"ALLOW": ALLOW, "TRAP": 0x30000, "LOG": 0x7FFC0000, "KILL_PROCESS": KILL}
    short = name.removeprefix("SCMP_ACT_")
    return plain[short] if short in plain else 0x50000 | (errno.EPERM if error is None else error)


def holds(condition: dict[str, Any], args: list[int]) -> bool:
    value, given = condition["value"], args[condition["index"]]
    match condition["op"].removeprefix("SCMP_CMP_"):
        case "NE":
            return bool(given != value)
        case "LT":
            return bool(given < value)
        case "LE":
            return bool(given <= value)
        case "EQ":
            return bool(given == value)
        case "GE":
            return bool(given >= value)
        case "GT":
            return bool(given > value)
    return bool(given & value == condition["valueTwo"] & value)


@settings(max_examples=300, deadline=None)
@given(
    PROFILE, st.lists(VALUES, min_size=2, max_size=2), st.sampled_from([0, 2, 39, 40, 250, 462, 463, 9999])
)
def test_a_filter_decides_as_its_profile_reads(profile: dict[str, Any], args: list[int], nr: int) -> None:
    program = seccomp.compile(profile, (), "x86_64", "6.1")
    assert run(program, nr, X86_64, tuple(args)) == verdict(profile, nr, args)


@pytest.mark.root
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86_64")
def test_the_kernel_takes_the_default_filter_and_obeys_it() -> None:
    program = seccomp.compile(builtin(), capabilities.DEFAULT)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"failed"
        try:
            seccomp.install(program)
            libc = ctypes.CDLL(None, use_errno=True)
            failures = []
            for name, argument in (("unshare", CLONE_NEWUSER), ("clone3", 0), ("getpid", 0)):
                result = libc.syscall(NR["x86_64"][name], argument, 0)
                failures.append(ctypes.get_errno() if result < 0 else 0)
            answer = json.dumps(failures).encode()
        finally:
            os.write(writer, answer)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert json.loads(pipe.read()) == [errno.EPERM, errno.ENOSYS, 0]
    os.waitpid(child, 0)


def test_tables_agree_with_numbers_everybody_knows() -> None:
    assert NR["x86_64"]["read"] == 0 and NR["x86_64"]["execve"] == 59
    assert NR["x86"]["exit"] == 1 and NR["aarch64"]["openat"] == 56 and NR["arm"]["cacheflush"] == 0xF0002
    assert {table["clone3"] for table in NR.values()} == {435}
    assert {table["mseal"] for table in NR.values()} == {462}
