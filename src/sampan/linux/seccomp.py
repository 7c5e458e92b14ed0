"""From a seccomp profile (OCI linux.seccomp, or Docker's form with includes and excludes) to classic BPF.

seccomp(2); Documentation/userspace-api/seccomp_filter.rst; include/uapi/linux/filter.h. What a profile means
is as runc and libseccomp have it: names a machine does not know are skipped, a rule without arguments beats
those with, the architecture is looked at first, and calls newer than all the profile names fail with ENOSYS,
so that C libraries fall back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from sampan.errors import Invalid
from sampan.linux import classic_bpf, clone
from sampan.linux.classic_bpf import AND, JA, JEQ, JGE, JGT, LD_ABS, RET
from sampan.linux.seccomp_profile import native_machine, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

LENGTH_MAX = 4096

RET_KILL_PROCESS = 0x80000000
RET_KILL_THREAD = 0x00000000
RET_TRAP = 0x00030000
RET_ERRNO = 0x00050000
RET_TRACE = 0x7FF00000
RET_LOG = 0x7FFC0000
RET_ALLOW = 0x7FFF0000

# Offsets in struct seccomp_data {int nr; __u32 arch; __u64 ip; __u64 args[6]}, little-endian machines only
NR, ARCH, ARGS = 0, 4, 16

X32_BIT = 0x40000000

# name in a profile -> (AUDIT_ARCH value, table, is 64-bit)
ARCHITECTURES = {
    "SCMP_ARCH_X86_64": (0xC000003E, "x86_64", True),
    "SCMP_ARCH_X86": (0x40000003, "x86", False),
    "SCMP_ARCH_X32": (0xC000003E, "x32", False),
    "SCMP_ARCH_AARCH64": (0xC00000B7, "aarch64", True),
    "SCMP_ARCH_ARM": (0x40000028, "arm", False),
}
_ACTIONS = {
    "SCMP_ACT_KILL": RET_KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": RET_KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": RET_KILL_PROCESS,
    "SCMP_ACT_TRAP": RET_TRAP,
    "SCMP_ACT_ERRNO": RET_ERRNO,
    "SCMP_ACT_TRACE": RET_TRACE,
    "SCMP_ACT_LOG": RET_LOG,
    "SCMP_ACT_ALLOW": RET_ALLOW,
}
_OPERATORS = frozenset("SCMP_CMP_" + name for name in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"))
_LENIENT = (RET_ALLOW, RET_LOG, RET_TRACE)

# An instruction: code, k, and where to go: a label, or None for the next one
_Line = tuple[int, int, "str | None", "str | None"]
# A call's decisions in order: (conditions, return value); no conditions means always
_Rules = list[tuple[list["dict[str, Any]"], int]]


# Compiling


def compile(
    profile: dict[str, Any], capabilities: Iterable[str] = (), machine: str = "", kernel: str = ""
) -> bytes:
    """struct sock_filter[] for a container with these capabilities. Raises Invalid for a profile in error."""
    uname = os.uname()
    plain = select(profile, capabilities, machine or uname.machine, kernel or uname.release)
    default = _action(plain.get("defaultAction"), plain.get("defaultErrnoRet"))
    names = list(dict.fromkeys([native_machine(machine or uname.machine)[0], *plain["architectures"]]))
    known = [name for name in names if name in ARCHITECTURES]
    code: list[bytes] = [_instruction(LD_ABS, ARCH)]
    for audit in dict.fromkeys(ARCHITECTURES[name][0] for name in known):
        # x32 shares x86_64's AUDIT_ARCH and is told by a bit in the number.
        group = [name for name in known if ARCHITECTURES[name][0] == audit]
        body = _audit_body(group, plain["syscalls"], default)
        code += [_instruction(JEQ, audit, 1, 0), _instruction(JA, len(body)), *body]
    code.append(_instruction(RET, RET_KILL_PROCESS))
    if len(code) > LENGTH_MAX:
        raise Invalid(f"the seccomp profile is too large: {len(code)} instructions, {LENGTH_MAX} are allowed")
    return b"".join(code)


def _audit_body(group: list[str], rules: list[dict[str, Any]], default: int) -> list[bytes]:
    """Instructions that decide by number, for the one or two architectures with this AUDIT_ARCH."""
    code = [_instruction(LD_ABS, NR)]
    if "SCMP_ARCH_X86_64" not in group:
        for name in group:
            bit = X32_BIT if name == "SCMP_ARCH_X32" else 0
            code += _decide(name, rules, default, bit)
        return code
    native = _decide("SCMP_ARCH_X86_64", rules, default, 0)
    if "SCMP_ARCH_X32" in group:
        x32 = _decide("SCMP_ARCH_X32", rules, default, X32_BIT)
    else:
        # -1 is what a tracer writes to skip a call; it is not x32's.
        x32 = [
            _instruction(JEQ, 0xFFFFFFFF, 0, 1),
            _instruction(RET, RET_ALLOW),
            _instruction(RET, RET_KILL_PROCESS),
        ]
    return [*code, _instruction(JGE, X32_BIT, 0, 1), _instruction(JA, len(native)), *native, *x32]


def _decide(architecture: str, rules: list[dict[str, Any]], default: int, bit: int) -> list[bytes]:
    from sampan.linux import syscall_table

    _, table, wide = ARCHITECTURES[architecture]
    numbers = syscall_table.numbers(table)
    calls = _by_number(rules, numbers, default, multiplexed=table == "x86")
    newest = _newest(rules, numbers)
    absent = RET_ERRNO | errno.ENOSYS if newest and default not in _LENIENT else default

    def gap(start: int) -> tuple[int, list[bytes]]:
        return start | bit, [_instruction(RET, default if start <= newest else absent)]

    leaves = [gap(0)]
    for number in sorted({*calls, newest}):
        if leaves[-1][0] == number | bit:
            leaves.pop()
        leaf = _leaf(calls[number], default, wide) if number in calls else [_instruction(RET, default)]
        leaves += [(number | bit, leaf), gap(number + 1)]
    # What is below the first range's number falls into it: x32's has the bit, like all that come here.
    return _tree(_merge(leaves))


def _newest(rules: list[dict[str, Any]], numbers: dict[str, int]) -> int:
    """The highest call number the profile names: what is above it its author could not have thought of."""
    # Private ARM calls (0xf0000 and up) do not count.
    found = [numbers[name] for rule in rules for name in rule["names"] if name in numbers]
    return max((number for number in found if number < 0xF0000), default=0)


def _by_number(
    rules: list[dict[str, Any]], numbers: dict[str, int], default: int, multiplexed: bool
) -> dict[int, _Rules]:
    calls: dict[int, _Rules] = {}
    for rule in rules:
        action = _action(rule.get("action"), rule.get("errnoRet"))
        if action == default:
            continue
        alternatives = _alternatives(rule.get("args") or ())
        for name in rule["names"]:
            number = numbers.get(name)
            if number is not None:
                for conditions in alternatives:
                    _add(calls.setdefault(number, []), conditions, action)
            if multiplexed and not rule.get("args") and name in _MULTIPLEXED:
                entry, selector = _MULTIPLEXED[name]
                condition = {"index": 0, "op": "SCMP_CMP_EQ", "value": selector}
                _add(calls.setdefault(numbers[entry], []), [condition], action)
    return calls


def _alternatives(arguments: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Conditions hold together, unless two are about one argument: then each is a rule of its own (runc)."""
    conditions = [_condition(argument) for argument in arguments]
    indices = [condition["index"] for condition in conditions]
    if len(set(indices)) < len(indices):
        return [[condition] for condition in conditions]
    return [conditions]


def _condition(argument: dict[str, Any]) -> dict[str, Any]:
    index, operator = argument.get("index", 0), argument.get("op")
    if operator not in _OPERATORS:
        raise Invalid(f"string {operator} is not a valid operator for seccomp")
    if not isinstance(index, int) or not 0 <= index <= 5:
        raise Invalid(f"seccomp: argument index {index} is not in range 0-5")
    return argument


def _add(existing: _Rules, conditions: list[dict[str, Any]], action: int) -> None:
    if not conditions:
        existing[:] = [([], action)]
    elif not existing or existing[0][0]:
        existing.append((conditions, action))


def _action(name: str | None, error: int | None) -> int:
    if name == "SCMP_ACT_NOTIFY":
        raise Invalid("seccomp: SCMP_ACT_NOTIFY needs a listener, which is not supported")
    value = _ACTIONS.get(name or "")
    if value is None:
        raise Invalid(f"string {name} is not a valid action for seccomp")
    if value in (RET_ERRNO, RET_TRACE):
        return value | ((errno.EPERM if error is None else error) & 0xFFFF)
    return value


# Code


def _instruction(code: int, k: int, jt: int = 0, jf: int = 0) -> bytes:
    return struct.pack("<HBBI", code, jt, jf, k & 0xFFFFFFFF)


def _merge(leaves: list[tuple[int, list[bytes]]]) -> list[tuple[int, list[bytes]]]:
    """Neighbouring ranges that decide alike become one."""
    merged = leaves[:1]
    for start, code in leaves[1:]:
        if merged[-1][1] != code:
            merged.append((start, code))
    return merged


def _tree(leaves: list[tuple[int, list[bytes]]]) -> list[bytes]:
    """Binary search over ranges, each beginning at its number; the number is in the accumulator."""
    if len(leaves) == 1:
        return leaves[0][1]
    middle = len(leaves) // 2
    low, high = _tree(leaves[:middle]), _tree(leaves[middle:])
    pivot = leaves[middle][0]
    if len(low) <= 255:
        return [_instruction(JGE, pivot, len(low), 0), *low, *high]
    # A conditional jump reaches 255 instructions; JA reaches all.
    return [_instruction(JGE, pivot, 0, 1), _instruction(JA, len(low)), *low, *high]


def _leaf(rules: _Rules, default: int, wide: bool) -> list[bytes]:
    lines: list[tuple[str | None, _Line]] = []
    for position, (conditions, action) in enumerate(rules):
        following = f"rule{position + 1}"
        start: str | None = f"rule{position}"
        for step, condition in enumerate(conditions):
            passed = f"{position}.{step + 1}"
            test = _test(condition, passed, following, wide)
            lines += [(start, test[0]), *((None, line) for line in test[1:])]
            start = passed
        lines.append((start, (RET, action, None, None)))
        if not conditions:
            return _assemble(lines)
    lines.append((f"rule{len(rules)}", (RET, default, None, None)))
    return _assemble(lines)


def _test(condition: dict[str, Any], passed: str, failed: str, wide: bool) -> list[_Line]:
    """Compare a 64-bit argument in two halves; on 32-bit architectures only the low half counts."""
    operator = condition["op"].removeprefix("SCMP_CMP_")
    value = int(condition.get("value") or 0) & 0xFFFFFFFFFFFFFFFF
    mask = 0xFFFFFFFFFFFFFFFF
    if operator == "MASKED_EQ":
        mask, value = value, int(condition.get("valueTwo") or 0) & value
    offset = ARGS + 8 * condition.get("index", 0)
    if operator in ("LT", "LE", "NE"):
        # The opposite test with its outcomes exchanged.
        operator = {"LT": "GE", "LE": "GT", "NE": "EQ"}[operator]
        passed, failed = failed, passed
    code = {"EQ": JEQ, "MASKED_EQ": JEQ, "GE": JGE, "GT": JGT}[operator]
    lines: list[_Line] = []
    if wide:
        lines += _load(offset + 4, mask >> 32)
        if code != JEQ:
            lines.append((JGT, value >> 32, passed, None))
        lines.append((JEQ, value >> 32, None, failed))
    lines += _load(offset, mask & 0xFFFFFFFF)
    lines.append((code, value & 0xFFFFFFFF, passed, failed))
    return lines


def _load(offset: int, mask: int) -> list[_Line]:
    load: list[_Line] = [(LD_ABS, offset, None, None)]
    return load if mask == 0xFFFFFFFF else [*load, (AND, mask, None, None)]


def _assemble(lines: list[tuple[str | None, _Line]]) -> list[bytes]:
    places = {label: place for place, (label, _) in enumerate(lines) if label is not None}
    code = []
    for place, (_, (operation, k, yes, no)) in enumerate(lines):
        jumps = [0 if label is None else places[label] - place - 1 for label in (yes, no)]
        if max(jumps) > 255:
            raise Invalid("a seccomp rule has too many arguments")
        code.append(_instruction(operation, k, *jumps))
    return code


# 32-bit x86 reaches these through one entry too. linux/net.h, linux/ipc.h
_SOCKETCALLS = """
socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown
setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg
"""
_IPC = {
    "semop": 1,
    "semget": 2,
    "semctl": 3,
    "semtimedop": 4,
    "msgsnd": 11,
    "msgrcv": 12,
    "msgget": 13,
    "msgctl": 14,
    "shmat": 21,
    "shmdt": 22,
    "shmget": 23,
    "shmctl": 24,
}
_MULTIPLEXED = {
    **{name: ("socketcall", number) for number, name in enumerate(_SOCKETCALLS.split(), 1)},
    **{name: ("ipc", number) for name, number in _IPC.items()},
}


# Installing

PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER = 1
# Without this a filter turns on speculative store bypass mitigation, which costs every program. seccomp(2)
SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4
_SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}


def install(program: bytes, flags: int = SECCOMP_FILTER_FLAG_SPEC_ALLOW) -> None:
    """Confine the calling thread for good; needs CAP_SYS_ADMIN or no_new_privs. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog {unsigned short len; struct sock_filter *filter}
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    number = _SYS_SECCOMP[os.uname().machine]
    if libc.syscall(number, SECCOMP_SET_MODE_FILTER, flags, fprog) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"seccomp: {os.strerror(code)}")


def allows_sibling(program: bytes) -> bool:
    """Whether a process confined by it may still call clone.fork_sibling."""
    machine = os.uname().machine
    audit = ARCHITECTURES[native_machine(machine)[0]][0]
    return classic_bpf.run(program, clone.NUMBER[machine], audit, clone.SIBLING) == RET_ALLOW
