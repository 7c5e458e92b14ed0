"""What can be done with the program that one was started from; printed as one JSON line."""

import json
import os

from attacks import tried

fd = os.open("/proc/self/exe", os.O_RDONLY)
found = os.fstat(fd)


def mark() -> None:
    os.setxattr(fd, b"user.sampan-attack", b"1")
    os.removexattr(fd, b"user.sampan-attack")


print(
    json.dumps(
        {
            "link": os.readlink("/proc/self/exe"),
            "identity": [found.st_dev, found.st_ino],
            "links": found.st_nlink,
            "chmod": tried(os.fchmod, fd, found.st_mode & 0o7777),
            "chown": tried(os.fchown, fd, found.st_uid, found.st_gid),
            "xattr": tried(mark),
            "write": tried(os.open, "/proc/self/exe", os.O_WRONLY),
            "write-by-descriptor": tried(os.open, f"/proc/self/fd/{fd}", os.O_WRONLY),
            "link-into-the-container": tried(
                lambda: os.link(f"/proc/self/fd/{fd}", "/taken", follow_symlinks=True)
            ),
        }
    ),
    flush=True,
)
