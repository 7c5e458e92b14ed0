"""The busybox image: one static program from Debian's or Ubuntu's busybox-static, laid out as Docker's."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from sampan.engine.bootstrap.apt import Download, run
from sampan.errors import Failed
from sampan.images.deb import data_tar
from sampan.images.tarread import DIRECTORY, REGULAR, SYMLINK, Entry, TarReader
from sampan.images.tarwrite import END, header, padding

PASSWD = b"""\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
sync:x:4:100:sync:/bin:/bin/sync
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
"""
GROUP = b"""\
root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
lp:x:7:
mail:x:8:
kmem:x:9:
wheel:x:10:root
cdrom:x:11:
dialout:x:18:
floppy:x:19:
video:x:28:
audio:x:29:
tape:x:32:
www-data:x:33:
operator:x:37:
utmp:x:43:
plugdev:x:46:
staff:x:50:
lock:x:54:
netdev:x:82:
users:x:100:
nobody:x:65534:
"""
SHADOW = b"""\
root:*:10933:0:99999:7:::
daemon:*:10933:0:99999:7:::
bin:*:10933:0:99999:7:::
sys:*:10933:0:99999:7:::
sync:*:10933:0:99999:7:::
mail:*:10933:0:99999:7:::
www-data:*:10933:0:99999:7:::
operator:*:10933:0:99999:7:::
nobody:*:10933:0:99999:7:::
"""
NSSWITCH = b"""\
passwd:     files
group:      files
hosts:      files dns
"""
# What the Debian build adds to PATH only through /etc/profile; a shell in the container needs no more.
DIRECTORIES = {
    "bin": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "etc/network": 0o755,
    "etc/network/if-down.d": 0o755,
    "etc/network/if-post-down.d": 0o755,
    "etc/network/if-pre-up.d": 0o755,
    "etc/network/if-up.d": 0o755,
    "home": 0o755,
    "lib": 0o755,
    "root": 0o700,
    "tmp": 0o1777,
    "usr": 0o755,
    "usr/bin": 0o755,
    "usr/sbin": 0o755,
    "var": 0o755,
    "var/spool": 0o755,
    "var/spool/mail": 0o755,
    "var/www": 0o755,
}
OWNERS = {"home": (65534, 65534), "var/spool/mail": (8, 8), "var/www": (33, 33)}
FILES = {
    "etc/group": (GROUP, 0o644),
    "etc/nsswitch.conf": (NSSWITCH, 0o644),
    "etc/passwd": (PASSWD, 0o644),
    "etc/shadow": (SHADOW, 0o640),
}


def program(package: bytes) -> bytes:
    """The busybox executable of a busybox-static package. Raises Invalid, or Failed when it is not there."""
    reader = TarReader(data_tar(package))
    for entry in reader:
        if entry.name.lstrip(b"./") in (b"bin/busybox", b"usr/bin/busybox") and entry.type == REGULAR:
            return b"".join(reader.data())
    raise Failed("busybox-static has no bin/busybox")


async def applets(binary: bytes, directory: Path) -> list[str]:
    """The names the program answers to, by asking it."""
    path = directory / "busybox"

    def write() -> None:
        path.write_bytes(binary)
        path.chmod(0o700)

    await asyncio.to_thread(write)
    names = (await run([str(path), "--list"], directory)).split()
    if "sh" not in names or any("/" in name for name in names):
        raise Failed("busybox --list gave no usable list of applets")
    return sorted(set(names) - {"busybox"})


def image_tar(binary: bytes, names: list[str], time: int) -> Iterator[bytes]:
    """The image's layer, the same bytes for the same package. `time` is what every file is dated."""
    entries: dict[str, tuple[Entry, bytes]] = {}

    def add(name: str, type: bytes, mode: int, data: bytes = b"", link: bytes = b"") -> None:
        entry = Entry(os.fsencode(name) + (b"/" if type == DIRECTORY else b""), type)
        entry.mode, entry.size, entry.linkname = mode, len(data), link
        entry.uid, entry.gid = OWNERS.get(name, (0, 0))
        entry.mtime_ns = time * 1_000_000_000
        entries[name] = (entry, data)

    for name, mode in DIRECTORIES.items():
        add(name, DIRECTORY, mode)
    for name, (data, mode) in FILES.items():
        add(name, REGULAR, mode, data)
    add("bin/busybox", REGULAR, 0o755, binary)
    for name in names:
        add(f"bin/{name}", SYMLINK, 0o777, link=b"busybox")
    # Scripts start with #!/usr/bin/env wherever they come from.
    add("usr/bin/env", SYMLINK, 0o777, link=b"../../bin/env")
    add("lib64", SYMLINK, 0o777, link=b"lib")
    for name in sorted(entries):
        entry, data = entries[name]
        yield header(entry) + data + padding(len(data))
    yield END


def describe(download: Download) -> str:
    return f"busybox-static {download.version}"
