"""Small files, without Python's io layers: see signals.py for why."""

from __future__ import annotations

import os


def read(path: str) -> bytes:
    """All of a file, in as many reads as it takes: one of /proc gives a page of itself at a time.

    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        chunks = []
        while chunk := os.read(descriptor, 1 << 16):
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
