"""The device controller of cgroup v2: a BPF_PROG_TYPE_CGROUP_DEVICE program per cgroup. bpf(2).

The program sees struct bpf_cgroup_dev_ctx {u32 access_type; u32 major; u32 minor}, where access_type is
(access << 16) | type, and returns 1 to allow.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

BPF_PROG_LOAD = 5
BPF_PROG_ATTACH = 8
BPF_PROG_DETACH = 9
BPF_PROG_GET_FD_BY_ID = 13
BPF_PROG_QUERY = 16
BPF_PROG_TYPE_CGROUP_DEVICE = 15
BPF_CGROUP_DEVICE = 6
BPF_F_ALLOW_MULTI = 2

# Opcodes: class | source or size | operation. include/uapi/linux/bpf.h
LDX_W = 0x61
MOV32_REG = 0xBC
MOV64_IMM = 0xB7
AND32_IMM = 0x54
RSH32_IMM = 0x74
JNE_IMM = 0x55
JNE_REG = 0x5D
EXIT = 0x95

BPF_DEVCG_DEV_BLOCK = 1
BPF_DEVCG_DEV_CHAR = 2
BPF_DEVCG_ACC_MKNOD = 1
BPF_DEVCG_ACC_READ = 2
BPF_DEVCG_ACC_WRITE = 4

_ACCESS = {"m": BPF_DEVCG_ACC_MKNOD, "r": BPF_DEVCG_ACC_READ, "w": BPF_DEVCG_ACC_WRITE}
_TYPE = {"b": BPF_DEVCG_DEV_BLOCK, "c": BPF_DEVCG_DEV_CHAR}
_ALL_ACCESS = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE

# SYS_bpf by machine; other machines use asm-generic's number.
_SYS_BPF = {"x86_64": 321, "i686": 357, "armv7l": 386, "s390x": 351, "ppc64le": 361}
_SYS_BPF_GENERIC = 280

_libc = ctypes.CDLL(None, use_errno=True)


def _insn(code: int, dst: int = 0, src: int = 0, offset: int = 0, imm: int = 0) -> bytes:
    return struct.pack("<BBhi", code, src << 4 | dst, offset, imm)


def device_program(rules: Iterable[dict[str, Any]]) -> bytes:
    """struct bpf_insn[] for OCI linux.resources.devices: the last rule that matches decides, none denies."""
    kept, default = _relevant(rules)
    # r2 = type, r3 = access, r4 = major, r5 = minor
    code = [
        _insn(LDX_W, 2, 1, 0),
        _insn(AND32_IMM, 2, imm=0xFFFF),
        _insn(LDX_W, 3, 1, 0),
        _insn(RSH32_IMM, 3, imm=16),
        _insn(LDX_W, 4, 1, 4),
        _insn(LDX_W, 5, 1, 8),
    ]
    for rule in kept:
        code += _rule(rule)
    code += [_insn(MOV64_IMM, 0, imm=int(default)), _insn(EXIT)]
    return b"".join(code)


def _relevant(rules: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
    """Rules in order of precedence, and the verdict when none matches.

    Everything before the last rule for all devices is void. v1 allows a request for several kinds of access
    only if all are allowed, so a deny rule that shares one of them with the request hits too.
    """
    kept: list[dict[str, Any]] = []
    default = False
    for rule in rules:
        if (rule.get("type") or "a") == "a" and _access(rule) == _ALL_ACCESS and _wild(rule):
            kept, default = [], bool(rule["allow"])
        else:
            kept.append(rule)
    kept.reverse()
    return kept, default


def _wild(rule: dict[str, Any]) -> bool:
    return all(rule.get(key) is None or rule[key] < 0 for key in ("major", "minor"))


def _access(rule: dict[str, Any]) -> int:
    return sum(_ACCESS[letter] for letter in set(rule.get("access") or "rwm"))


def _rule(rule: dict[str, Any]) -> list[bytes]:
    """Return the verdict if the request matches, else fall through behind these instructions."""
    tests: list[tuple[bytes, ...]] = []
    kind = rule.get("type") or "a"
    if kind != "a":
        tests.append((_insn(JNE_IMM, 2, imm=_TYPE[kind]),))
    access = _access(rule)
    if access != _ALL_ACCESS:
        # Asked for nothing outside the rule: (access & rule) == access.
        tests.append(
            (_insn(MOV32_REG, 1, 3), _insn(AND32_IMM, 1, imm=access), _insn(JNE_REG, 1, 3))
            if rule["allow"]
            # Asked for something inside the rule: (access & rule) != 0, spelt as a jump over the exit.
            else (_insn(MOV32_REG, 1, 3), _insn(AND32_IMM, 1, imm=access), _insn(0x15, 1, imm=0))
        )
    for register, key in ((4, "major"), (5, "minor")):
        value = rule.get(key)
        if value is not None and value >= 0:
            tests.append((_insn(JNE_IMM, register, imm=value),))
    body = [_insn(MOV64_IMM, 0, imm=int(bool(rule["allow"]))), _insn(EXIT)]
    code: list[bytes] = [instruction for test in tests for instruction in test] + body
    return [_aim(instruction, len(code) - index - 1) for index, instruction in enumerate(code)]


def _aim(instruction: bytes, distance: int) -> bytes:
    """Point a conditional jump behind its rule."""
    if instruction[0] not in (JNE_IMM, JNE_REG, 0x15):
        return instruction
    return instruction[:2] + struct.pack("<h", distance) + instruction[4:]


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, 128)
    number = _SYS_BPF.get(os.uname().machine, _SYS_BPF_GENERIC)
    result: int = _libc.syscall(number, command, buffer, ctypes.c_uint(len(buffer)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if command == BPF_PROG_QUERY:
        # prog_cnt is written back behind the pointer to the ids.
        result = int(struct.unpack_from("<I", buffer.raw, 24)[0])
    return result


def load(program: bytes) -> int:
    """Load a device program; returns its descriptor. Raises OSError with the verifier's verdict."""
    code = ctypes.create_string_buffer(program, len(program))
    licence = ctypes.create_string_buffer(b"Apache-2.0")
    fields = (
        BPF_PROG_TYPE_CGROUP_DEVICE,
        len(program) // 8,
        ctypes.addressof(code),
        ctypes.addressof(licence),
    )
    # struct bpf_attr: prog_type, insn_cnt, insns, license, log_level, log_size, log_buf, kern_version, flags
    return _bpf(BPF_PROG_LOAD, struct.pack("<IIQQIIQII", *fields, 0, 0, 0, 0, 0))


def attached(cgroup: int) -> list[int]:
    """Descriptors of the device programs attached to a cgroup directory."""
    ids = (ctypes.c_uint32 * 64)()
    # struct bpf_attr: target_fd, attach_type, query_flags, attach_flags, prog_ids, prog_cnt
    fields = (cgroup, BPF_CGROUP_DEVICE, 0, 0, ctypes.addressof(ids), len(ids))
    count = _bpf(BPF_PROG_QUERY, struct.pack("<IIIIQI", *fields))
    return [_bpf(BPF_PROG_GET_FD_BY_ID, struct.pack("<I", ids[index])) for index in range(count)]


def restrict_devices(cgroup: int, rules: Iterable[dict[str, Any]]) -> None:
    """Enforce `rules` on a cgroup directory, in place of rules set earlier. Raises OSError.

    The new program is attached before the old ones go: with several, all must allow, so access is never wider
    than either.
    """
    old: list[int] = []
    program = load(device_program(rules))
    try:
        try:
            old = attached(cgroup)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EPERM):
                raise
        # struct bpf_attr: target_fd, attach_bpf_fd, attach_type, attach_flags
        _bpf(BPF_PROG_ATTACH, struct.pack("<IIII", cgroup, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI))
        for fd in old:
            _bpf(BPF_PROG_DETACH, struct.pack("<IIII", cgroup, fd, BPF_CGROUP_DEVICE, 0))
    finally:
        for fd in [program, *old]:
            os.close(fd)
