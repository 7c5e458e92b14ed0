"""Options of an OCI mount -> what the mount calls take. OCI runtime-spec config.md "Linux mount options"."""

from __future__ import annotations

from sampan.linux import mount as m

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# option -> (attributes on, attributes off). atime settings are one field, not bits; mount_setattr(2).
_ATTRIBUTES = {
    "ro": (m.MOUNT_ATTR_RDONLY, 0),
    "rw": (0, m.MOUNT_ATTR_RDONLY),
    "nosuid": (m.MOUNT_ATTR_NOSUID, 0),
    "suid": (0, m.MOUNT_ATTR_NOSUID),
    "nodev": (m.MOUNT_ATTR_NODEV, 0),
    "dev": (0, m.MOUNT_ATTR_NODEV),
    "noexec": (m.MOUNT_ATTR_NOEXEC, 0),
    "exec": (0, m.MOUNT_ATTR_NOEXEC),
    "nodiratime": (m.MOUNT_ATTR_NODIRATIME, 0),
    "diratime": (0, m.MOUNT_ATTR_NODIRATIME),
    "noatime": (m.MOUNT_ATTR_NOATIME, m.MOUNT_ATTR__ATIME),
    "atime": (0, m.MOUNT_ATTR__ATIME),
    "relatime": (m.MOUNT_ATTR_RELATIME, m.MOUNT_ATTR__ATIME),
    "norelatime": (0, m.MOUNT_ATTR__ATIME),
    "strictatime": (m.MOUNT_ATTR_STRICTATIME, m.MOUNT_ATTR__ATIME),
    "nostrictatime": (0, m.MOUNT_ATTR__ATIME),
    "nosymfollow": (m.MOUNT_ATTR_NOSYMFOLLOW, 0),
    "symfollow": (0, m.MOUNT_ATTR_NOSYMFOLLOW),
}

_PROPAGATION = {
    "private": m.MS_PRIVATE,
    "rprivate": m.MS_PRIVATE | m.MS_REC,
    "slave": m.MS_SLAVE,
    "rslave": m.MS_SLAVE | m.MS_REC,
    "shared": m.MS_SHARED,
    "rshared": m.MS_SHARED | m.MS_REC,
    "unbindable": m.MS_UNBINDABLE,
    "runbindable": m.MS_UNBINDABLE | m.MS_REC,
}

# Accepted and without effect here: defaults, and SELinux labels, which the engine has dealt with.
_NOTHING = frozenset(
    ["defaults", "async", "nomand", "noiversion", "loud", "newinstance", "z", "Z", "nocopy", "copy"]
)


class Options:
    """`on`/`off`: mount attributes; `rec_*`: the same on every mount below; `data`: filesystem parameters."""

    __slots__ = (
        "bind",
        "copy_up",
        "data",
        "idmap",
        "off",
        "on",
        "propagation",
        "rec_off",
        "rec_on",
        "recursive",
    )

    def __init__(self, options: list[str]) -> None:
        self.on = self.off = self.rec_on = self.rec_off = 0
        self.bind = self.recursive = self.copy_up = self.idmap = False
        self.propagation: list[int] = []
        self.data: list[tuple[str, str | None]] = []
        for option in options:
            self._take(option)

    def _take(self, option: str) -> None:
        if option in _ATTRIBUTES:
            on, off = _ATTRIBUTES[option]
            self.on, self.off = (self.on & ~off) | on, (self.off & ~on) | off
        elif option in ("bind", "rbind"):
            self.bind, self.recursive = True, option == "rbind"
        elif option in _PROPAGATION:
            self.propagation.append(_PROPAGATION[option])
        elif option.startswith("r") and option[1:] in _ATTRIBUTES:
            on, off = _ATTRIBUTES[option[1:]]
            self.rec_on, self.rec_off = (self.rec_on & ~off) | on, (self.rec_off & ~on) | off
        elif option in ("idmap", "ridmap"):
            self.idmap = True
        elif option == "tmpcopyup":
            self.copy_up = True
        elif option not in _NOTHING:
            key, equals, value = option.partition("=")
            self.data.append((key, value if equals else None))


def is_bind(mount: dict[str, Any]) -> bool:
    return mount.get("type") == "bind" or any(o in ("bind", "rbind") for o in mount.get("options") or ())
