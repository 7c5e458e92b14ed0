"""Kernel settings under /proc/sys/net, of the calling thread's network namespace. sysctl(5)"""

import os

ROOT = "/proc/sys/net"


def path(*names: str) -> str:
    """The file of a setting, such as ("ipv4", "conf", "eth0", "route_localnet"). Raises ValueError."""
    if any("/" in name or name in ("", ".", "..") for name in names):
        raise ValueError(f"not a sysctl name: {names}")
    return os.path.join(ROOT, *names)


def read(*names: str) -> str | None:
    """None when this kernel does not have the setting."""
    try:
        with open(path(*names)) as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def write(value: str, *names: str) -> bool:
    """False when this kernel does not have the setting, or keeps it read-only."""
    try:
        descriptor = os.open(path(*names), os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(descriptor, value.encode())
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
