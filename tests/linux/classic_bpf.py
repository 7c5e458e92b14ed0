"""An interpreter for classic BPF as seccomp(2) runs it: what a compiled filter decides about a call."""

import struct


def run(program: bytes, nr: int, arch: int, args: tuple[int, ...] = ()) -> int:
    """The SECCOMP_RET value. Fails on a jump out of the program or an unknown instruction."""
    data = struct.pack("<IIQ6Q", nr & 0xFFFFFFFF, arch, 0, *(*args, *[0] * (6 - len(args))))
    instructions = list(struct.iter_unpack("<HBBI", program))
    accumulator = 0
    place = 0
    while True:
        code, jt, jf, k = instructions[place]
        place += 1
        match code:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, k)[0]
            case 0x05:
                place += k
            case 0x15:
                place += jt if accumulator == k else jf
            case 0x25:
                place += jt if accumulator > k else jf
            case 0x35:
                place += jt if accumulator >= k else jf
            case 0x54:
                accumulator &= k
            case 0x06:
                return int(k)
            case _:
                raise AssertionError(f"unexpected instruction {code:#x}")
