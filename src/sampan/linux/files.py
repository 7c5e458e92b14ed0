"""Small files, without Python's io layers: see signals.py for why."""

from __future__ import annotations

import os


def read(path: str) -> bytes:
    """A first read shorter than 64 KiB is taken for the whole file: a long one in /proc may come back cut.
    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, 65536)
        if len(data) < 65536:
            return data
        chunks = [data]
        while chunk := os.read(descriptor, 1 << 20):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


def write(path: str, data: bytes) -> None:
    """One write to a file that is there: one of the kernel's, most likely."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def replace(path: str, data: bytes) -> None:
    """Beside, then renamed: a reader sees the old one or the new one."""
    beside = path + ".new"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
    os.rename(beside, path)
