"""The suite's own base image: busybox and just enough of /etc, the same bytes on every engine."""

import io
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import PurePosixPath

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
app:x:1000:1000:app:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
"""
GROUP = """\
root:x:0:
daemon:x:1:
staff:x:50:app
extra:x:2000:app
app:x:1000:
nogroup:x:65534:
"""
DIRECTORIES = {
    "bin": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "home/app": 0o755,
    "proc": 0o555,
    "root": 0o700,
    "sys": 0o555,
    "tmp": 0o1777,
    "usr/bin": 0o755,
    "usr/sbin": 0o755,
    "var/www": 0o755,
}


def busybox() -> str:
    path = shutil.which("busybox")
    assert path, "the tests need a static busybox: apt-get install busybox-static (make packages)"
    return path


def tar(more: Mapping[str, bytes] | None = None) -> bytes:
    """A root file system as `docker import` takes it; `more`: further executable files by absolute path."""
    program = busybox()
    listing = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        made: set[str] = set()
        for directory, mode in DIRECTORIES.items():
            parts = directory.split("/")
            for depth in range(1, len(parts) + 1):
                path = "/".join(parts[:depth])
                if path not in made:
                    made.add(path)
                    owner = 1000 if path == "home/app" else 0
                    add(
                        archive,
                        path,
                        kind=tarfile.DIRTYPE,
                        mode=mode if path == directory else 0o755,
                        owner=owner,
                    )
        with open(program, "rb") as stream:
            add(archive, "bin/busybox", stream.read(), mode=0o755)
        for applet in listing.split():
            if applet != "busybox":
                add(archive, f"bin/{applet}", kind=tarfile.SYMTYPE, link="busybox", mode=0o777)
        add(archive, "etc/passwd", PASSWD.encode())
        add(archive, "etc/group", GROUP.encode())
        add(archive, "etc/nsswitch.conf", b"hosts: files dns\n")
        add(archive, "var/www/index.html", b"it works\n")
        # Everybody may reach them, whatever the directories' modes above.
        for parent in sorted({str(above) for path in more or () for above in PurePosixPath(path).parents}):
            if parent != "/":
                add(archive, parent.lstrip("/"), kind=tarfile.DIRTYPE, mode=0o755)
        for path, data in (more or {}).items():
            add(archive, path.lstrip("/"), data, mode=0o755)
    return buffer.getvalue()


def add(
    archive: tarfile.TarFile,
    name: str,
    data: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o644,
    owner: int = 0,
    link: str = "",
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.uid, entry.gid, entry.linkname = kind, mode, owner, owner, link
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
