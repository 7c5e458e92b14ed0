"""An interpreter for classic BPF as seccomp(2) runs it: what a compiled filter decides about a call."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# struct sock_filter.code, of what a compiled filter consists of; include/uapi/linux/filter.h
LD_ABS = 0x20
JA = 0x05
JEQ = 0x15
JGT = 0x25
JGE = 0x35
AND = 0x54
RET = 0x06

_SIZE = 8


def run(program: bytes, nr: int, arch: int, args: Sequence[int] = ()) -> int:
    """The SECCOMP_RET value. Raises ValueError for an unknown instruction, struct.error for a jump out."""
    data = struct.pack("<IIQ6Q", nr & 0xFFFFFFFF, arch, 0, *args, *[0] * (6 - len(args)))
    accumulator = place = 0
    while True:
        code, jt, jf, k = struct.unpack_from("<HBBI", program, place * _SIZE)
        place += 1
        if code == RET:
            return int(k)
        if code == LD_ABS:
            accumulator = struct.unpack_from("<I", data, k)[0]
        elif code == AND:
            accumulator &= k
        elif code == JA:
            place += k
        else:
            place += jt if _holds(code, accumulator, k) else jf


def _holds(code: int, accumulator: int, k: int) -> bool:
    if code == JEQ:
        return accumulator == k
    if code == JGT:
        return accumulator > k
    if code == JGE:
        return accumulator >= k
    raise ValueError(f"unexpected instruction {code:#x}")
