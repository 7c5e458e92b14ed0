"""The lowest layer of every container: mount points an image may lack.

Docker makes them in a layer per container above the image. Below all others one is enough for every
container: where the image has its own /etc/hosts, or its own mode on /etc, that wins. Either way they appear
in no diff and no commit.
"""

import os
from pathlib import Path

_DIRECTORIES = ("dev", "dev/pts", "dev/shm", "etc", "proc", "sys")
_FILES = (".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf")


def make_init_layer(path: Path) -> None:
    """Make what is missing of it."""
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.chmod(0o755)
    for name in _DIRECTORIES:
        (path / name).mkdir(exist_ok=True)
        (path / name).chmod(0o755)
    for name in _FILES:
        fd = os.open(path / name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o755)
        os.fchmod(fd, 0o755)
        os.close(fd)
    mtab = path / "etc" / "mtab"
    if not mtab.is_symlink():
        mtab.symlink_to("/proc/mounts")
