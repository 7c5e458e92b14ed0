"""The root and the bind sources of a container, opened on the host's side as mounts attached nowhere.

This is done with the host's rights, before any user namespace is entered: Docker's layers hold trusted.*
xattrs and whiteout devices, and a bind source may be readable by root only. `mounts.assemble` attaches it
all.
"""

from __future__ import annotations

import errno
import os

from sampan.linux import erofs
from sampan.linux import mount as m
from sampan.linux import namespaces as ns
from sampan.linux.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2
from sampan.runtime.failures import during_init, reason
from sampan.runtime.mountoptions import Options, is_bind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from sampan.runtime.protocol import Rootfs

    Lower = str | int  # a directory's path, or an unattached mount
    Option = tuple[str, str | int | None]

# Extended layer features stay off: their xattrs would make an upper directory unfit for a tar diff.
_PLAIN: list[Option] = [("index", "off"), ("metacopy", "off"), ("redirect_dir", "off")]


def mount_root(rootfs: Rootfs, layers: Mapping[int, int] | None = None) -> int:
    """The root as an unattached mount; `layers`: mounts to copy, by their position in "lower"."""
    if rootfs["type"] == "bind":
        return m.clone(rootfs["source"], recursive=True)
    return mount_layers(rootfs, open_lowers(rootfs["lower"], layers, exclusive="upper" not in rootfs))


def open_lowers(
    lower: Sequence[str], layers: Mapping[int, int] | None = None, *, exclusive: bool = True
) -> list[Lower]:
    """Layers in their erofs form become mounts; directories stay paths. Raises StartFailure.

    `exclusive`: to be changed, so copies of `layers`. Closing one that is attached nowhere waits for RCU
    (1 ms), and overlayfs makes copies itself.
    """
    opened: list[Lower] = []
    for position, text in enumerate(lower):
        parsed = erofs.parse_lower(text)
        try:
            if parsed is None:
                opened.append(text)
            elif layers and position in layers:
                opened.append(m.clone("", at=layers[position]) if exclusive else os.dup(layers[position]))
            else:
                opened.append(erofs.mount(*parsed))
        except OSError as error:
            raise during_init(f"mounting the layer {erofs.directory(text)}: {reason(error)}") from None
    return opened


def mount_layers(rootfs: Rootfs, lowers: Sequence[Lower]) -> int:
    """An overlay over what `open_lowers` opened, which is closed, as an unattached mount."""
    try:
        return _mount_layers(rootfs, lowers)
    finally:
        for lower in lowers:
            if isinstance(lower, int):
                os.close(lower)


def _mount_layers(rootfs: Rootfs, lowers: Sequence[Lower]) -> int:
    upper = rootfs.get("upper")
    if upper is None and len(lowers) == 1:
        root = os.dup(lowers[0]) if isinstance(lowers[0], int) else m.clone(lowers[0])
        m.set_attributes(root, m.MOUNT_ATTR_RDONLY)  # overlayfs wants at least two layers
        return root
    options = list(_PLAIN)
    if upper is not None:
        options += [("upperdir", upper), ("workdir", rootfs["work"])]
        if rootfs.get("volatile"):
            options.append(("volatile", None))
    attributes = m.MOUNT_ATTR_RDONLY if upper is None else 0
    if not any(isinstance(lower, int) for lower in lowers):
        return _overlay([str(lower) for lower in lowers], options, attributes)
    # Several file systems below: this gives all files one st_dev, for find -xdev and du -x.
    options.append(("xino", "on"))
    try:
        return m.create(
            "overlay", [*(("lowerdir+", lower) for lower in lowers), *options], attributes, "overlay"
        )
    except OSError as error:
        if error.errno != errno.EINVAL or _release() >= (6, 15):
            raise during_init(f"mounting the root filesystem: {reason(error)}") from None
    return overlay_attached(rootfs["lower"], lowers, options, attributes)


def overlay_attached(
    names: Sequence[str], lowers: Sequence[Lower], options: list[Option], attributes: int
) -> int:
    """Before 6.15 a layer had to be a place in the mount namespace: a private one that nobody else sees."""

    def mount() -> int:
        ns.unshare(ns.CLONE_NEWNS)
        m.set_propagation("/", m.MS_PRIVATE | m.MS_REC)
        for name, lower in zip(names, lowers, strict=True):
            if isinstance(lower, int):
                target = os.open(erofs.directory(name), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
                m.attach(lower, target)
                os.close(target)
        return _overlay([erofs.directory(name) for name in names], options, attributes)

    return _and_come_back(mount)


def _overlay(lower: Sequence[str], options: list[Option], attributes: int) -> int:
    try:
        return m.create(
            "overlay", [*(("lowerdir+", path) for path in lower), *options], attributes, "overlay"
        )
    except OSError as error:
        if error.errno != errno.EINVAL or _release() >= (6, 5):
            raise during_init(f"mounting the root filesystem: {reason(error)}") from None
    return _overlay_before_6_5(lower, options, attributes)


def _release() -> tuple[int, int]:
    release = os.uname().release.split(".")
    return int(release[0]), int(release[1])


def _overlay_before_6_5(lower: Sequence[str], options: list[Option], attributes: int) -> int:
    """fsconfig(2) took values of 255 bytes at most there: name the layers by descriptor, and use mount(2)."""
    opened = [os.open(path, os.O_PATH | os.O_CLOEXEC) for path in lower]
    data = ["lowerdir=" + ":".join(f"/proc/self/fd/{fd}" for fd in opened)]
    for key, value in options:
        data.append(key if value is None else f"{key}={_escape(str(value))}")
    try:
        m.mount("overlay", "/", "overlay", m.MS_RDONLY if attributes else 0, ",".join(data))
        # The new mount covers the old root only for who looks it up anew.
        root = m.clone("/..")
        m.unmount("/..")
        return root
    except OSError as error:
        raise during_init(f"mounting the root filesystem: {reason(error)}") from None
    finally:
        for fd in opened:
            os.close(fd)


def _escape(path: str) -> str:
    for special in ("\\", ",", ":"):
        path = path.replace(special, "\\" + special)
    return path


def open_binds(
    mounts: Sequence[dict[str, Any]], userns: int = -1, made: Mapping[int, int] | None = None
) -> dict[int, int]:
    """The bind mounts among `mounts`, and images ("rootfs"), by their index there, as unattached mounts.

    Those with the option "idmap" show their files with the ids of `userns`. `made`: mounts that are there.
    """
    opened: dict[int, int] = {}
    for index, mount in enumerate(mounts):
        if made and index in made:
            opened[index] = _part(os.dup(made[index]), mount)
        elif "rootfs" in mount:
            opened[index] = _part(mount_root(mount["rootfs"]), mount)
        elif "lower" in mount:
            opened[index] = mount_root({"type": "overlay", "lower": mount["lower"]})
        elif is_bind(mount):
            opened[index] = _open_bind(mount, userns)
    return opened


def _part(whole: int, mount: dict[str, Any]) -> int:
    """What lies at "subpath" in an unattached mount, or all of it; `whole` is used up."""
    subpath = mount.get("subpath")
    if not subpath:
        return whole
    try:
        return _subtree(whole, subpath)
    except OSError as error:
        raise during_init(
            f'error mounting "{subpath}" to rootfs at "{mount["destination"]}": {reason(error)}'
        ) from None
    finally:
        os.close(whole)


def _subtree(whole: int, subpath: str) -> int:
    inside = openat2(whole, os.fsencode(subpath), os.O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    try:
        return m.clone("", at=inside)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(inside)
    return _and_come_back(lambda: _attached_subtree(whole, subpath))


def _attached_subtree(whole: int, subpath: str) -> int:
    """Before 6.15 what is attached nowhere could not be cloned; see overlay_attached."""
    ns.unshare(ns.CLONE_NEWNS)
    m.set_propagation("/", m.MS_PRIVATE | m.MS_REC)
    top = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    m.attach(whole, top)
    os.close(top)
    inside = openat2(whole, os.fsencode(subpath), os.O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    try:
        return m.clone("", at=inside)
    finally:
        os.close(inside)


def _open_bind(mount: dict[str, Any], userns: int) -> int:
    source, target = mount["source"], mount["destination"]
    options = Options(mount.get("options") or [])
    try:
        if namespace := mount.get("namespace"):
            made = _clone_from(namespace, source)
        else:
            made = _clone(source, mount.get("subpath"), options.recursive)
        if options.idmap and userns >= 0:
            m.set_attributes(made, m.MOUNT_ATTR_IDMAP, userns=userns, recursive=options.recursive)
        return made
    except FileNotFoundError:
        raise during_init(
            f'error mounting "{source}" to rootfs at "{target}": stat {source}: no such file or directory'
        ) from None
    except OSError as error:
        raise during_init(f'error mounting "{source}" to rootfs at "{target}": {reason(error)}') from None


def _clone_from(namespace: str, source: str) -> int:
    """`source` as another mount namespace has it: only from within can a mount be cloned, open_tree(2)."""
    theirs = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)

    def clone() -> int:
        ns.setns(theirs, ns.CLONE_NEWNS)
        return m.clone(source)

    try:
        return _and_come_back(clone)
    finally:
        os.close(theirs)


def _and_come_back(work: Callable[[], int]) -> int:
    """Do what changes the mount namespace, and return to the one before."""
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            return work()
        finally:
            ns.setns(own, ns.CLONE_NEWNS)
            # setns(2) has moved root and working directory to those of the namespace.
            os.fchdir(root)
            os.chroot(".")
    finally:
        os.close(own)
        os.close(root)


def _clone(source: str, subpath: str | None, recursive: bool) -> int:
    """`subpath` lies within `source`, whose content is the containers': no link may lead out of it."""
    if not subpath:
        return m.clone(source, recursive=recursive)
    directory = os.open(source, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        inside = openat2(directory, os.fsencode(subpath), os.O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    finally:
        os.close(directory)
    try:
        return m.clone("", at=inside, recursive=recursive)
    finally:
        os.close(inside)
