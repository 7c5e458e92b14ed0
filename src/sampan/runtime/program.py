"""The last steps before a container's program runs: who it is, what it may do, where it is, which file it is.

The same for init and for exec, in runc's order (libcontainer/standard_init_linux.go, finalizeNamespace):
seccomp goes in while the process may still do so without no_new_privs, or else last of all. credentials(7),
capabilities(7), seccomp(2).
"""

from __future__ import annotations

import errno
import os
import stat

from sampan.errors import SampanError
from sampan.linux import capabilities, files, process, seccomp
from sampan.runtime import devices, inroot, passwd
from sampan.runtime.failures import StartFailure, during_init, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def prepare(spec: dict[str, Any]) -> None:
    """What is said to the kernel by writing to /proc: before the container's is the one that is seen.

    There a file may be another, by a mount that the container has made (CVE-2019-16884, CVE-2025-52881).
    All of it holds until execve(2), across forks. Raises StartFailure.
    """
    process.set_oom_score_adj(spec.get("oomScoreAdj"))
    _set_labels(spec)


class Confined:
    """What `confine` leaves for `execute`."""

    __slots__ = ("entered", "environment", "late_filter")

    def __init__(self, environment: dict[str, str], entered: bool, late_filter: bytes | None) -> None:
        self.environment = environment
        self.entered = entered  # the working directory
        self.late_filter = late_filter


def run(
    spec: dict[str, Any], seccomp_filter: bytes | None, ready: Callable[[], None], channel: int
) -> NoReturn:
    """Become the OCI process `spec`; `ready` is called once nothing but execve(2) itself can fail.

    Raises StartFailure. The caller is inside the container, still with all rights, and has called `prepare`.
    `channel`: the one descriptor that `ready` needs.
    """
    execute(spec, confine(spec, seccomp_filter, channel), ready)


def confine(spec: dict[str, Any], seccomp_filter: bytes | None, channel: int) -> Confined:
    """Give up all rights that `spec` does not have. Raises StartFailure.

    The caller sees the container's files, but need not be in its pid namespace yet: a process that forks
    into it afterwards is never seen there with more rights than it shall have.
    """
    # A name that the image chose may lead to an open descriptor: /proc/self/fd/7/../../bin/sh.
    process.close_other_descriptors([channel])
    # Before the filter: whoever wrote that may not know of openat2(2).
    entered = _try_chdir(spec.get("cwd") or "/")
    user = _resolve_user(spec["user"])
    environment = _environment(spec.get("env") or [], user.home)
    _set_rlimits(process.with_room_to_fork(spec.get("rlimits") or []))
    umask = spec["user"].get("umask")
    os.umask(0o022 if umask is None else umask)
    early = not spec.get("noNewPrivileges")
    if not early:
        process.set_no_new_privileges()
    elif seccomp_filter is not None:
        _install(seccomp_filter)
    _change_identity(user, spec.get("capabilities"))
    return Confined(environment, entered, None if early else seccomp_filter)


def execute(spec: dict[str, Any], confined: Confined, ready: Callable[[], None]) -> NoReturn:
    """The rest, as the program's own user in its own pid namespace; see `run`."""
    _set_rlimits(spec.get("rlimits") or [])
    if not confined.entered:
        _chdir(spec.get("cwd") or "/")
    program = find_program(spec["args"][0], confined.environment)
    if confined.late_filter is not None:
        _install(confined.late_filter)
    process.close_descriptors_on_exec()
    ready()
    try:
        os.execve(program, spec["args"], confined.environment)
    except OSError as error:
        # By now the container counts as started, so its own stderr is where this goes, as with runc.
        os.write(2, f"exec {spec['args'][0]}: {reason(error)}\n".encode(errors="replace"))
        os._exit(255 if error.errno == errno.ENOEXEC else 1)


def _set_rlimits(rlimits: list[dict[str, Any]]) -> None:
    if (refused := process.set_rlimits(rlimits)) is not None:
        raise during_init(
            "error setting rlimits for ready process: "
            f"error setting rlimit type {refused}: operation not permitted"
        )


def _install(seccomp_filter: bytes) -> None:
    try:
        seccomp.install(seccomp_filter)
    except OSError as error:
        raise StartFailure(f"unable to init seccomp: {reason(error)}") from None


def _resolve_user(user: dict[str, Any]) -> passwd.User:
    """Names are looked up here, where the container's own passwd is /etc/passwd."""
    name = user.get("username")
    try:
        found = (
            passwd.resolve(name, _read("/etc/passwd"), _read("/etc/group"))
            if name is not None
            else passwd.User(user.get("uid") or 0, user.get("gid") or 0, [], "", "")
        )
        wanted = user.get("additionalGroups") or []
        named = passwd.additional_groups(wanted, _read("/etc/group")) if wanted else []
    except SampanError as error:
        raise StartFailure(error.message, type(error).__name__, bare=True) from None
    # runc gives the primary group as a supplementary one as well, and `id` shows it.
    groups = [found.gid, *found.groups, *(user.get("additionalGids") or []), *named]
    home = found.home or passwd.resolve(str(found.uid), _read("/etc/passwd"), "").home
    return passwd.User(found.uid, found.gid, list(dict.fromkeys(groups)), home, found.name)


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        # A FIFO or device in its place must not stop us, nor a file without end.
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return os.read(descriptor, 1 << 22).decode(errors="replace")
    finally:
        os.close(descriptor)


def _environment(env: list[str], home: str) -> dict[str, str]:
    environment: dict[str, str] = {}
    for entry in env:
        name, _, value = entry.partition("=")
        environment[name] = value
    environment.setdefault("HOME", home)
    return environment


def _set_labels(spec: dict[str, Any]) -> None:
    """The AppArmor profile or SELinux context that execve(2) shall switch to; proc_pid_attr(5)."""
    if profile := spec.get("apparmorProfile"):
        _write_attribute(("apparmor/exec", "exec"), f"exec {profile}", f"apparmor profile {profile}")
    if label := spec.get("selinuxLabel"):
        _write_attribute(("exec",), label, f"selinux label {label}")


def _write_attribute(names: tuple[str, ...], value: str, what: str) -> None:
    path = next(
        (p for n in names if os.path.exists(p := f"/proc/self/attr/{n}")), f"/proc/self/attr/{names[-1]}"
    )
    try:
        files.write(path, value.encode())
    except OSError as error:
        raise during_init(f"unable to apply {what}: {reason(error)}") from None


def _change_identity(user: passwd.User, wanted: dict[str, list[str]] | None) -> None:
    sets = {name: capabilities.mask(values or []) for name, values in (wanted or {}).items()}
    try:
        if wanted is not None:
            # Before leaving uid 0: afterwards CAP_SETPCAP is gone.
            capabilities.drop_bounding(sets.get("bounding", 0))
            process.set_keep_capabilities(True)
        _own_stdio(user.uid)
        os.setgroups(user.groups)
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
        if wanted is not None:
            process.set_keep_capabilities(False)
            names = ("effective", "permitted", "inheritable")
            capabilities.capset(*[sets.get(name, 0) for name in names])
            capabilities.raise_ambient(sets.get("ambient", 0))
    except OSError as error:
        raise StartFailure(f"unable to set user {user.uid}:{user.gid}: {reason(error)}") from None


def _own_stdio(uid: int) -> None:
    """Let an unprivileged program open /dev/stdout, which is /proc/self/fd/1."""
    for descriptor in (0, 1, 2):
        found = os.fstat(descriptor)
        if found.st_uid == uid or devices.is_null(found):
            continue
        try:
            os.fchown(descriptor, uid, found.st_gid)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EPERM, errno.EROFS):
                raise


def _try_chdir(cwd: str) -> bool:
    """As root first, for a directory the user may not enter; then as the user, who has the last word:

    for NFS and FUSE, and because names below /proc/self mean something only in the pid namespace.
    """
    try:
        _enter(cwd)
    except OSError:
        return False
    return True


def _chdir(cwd: str) -> None:
    try:
        _enter(cwd)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise StartFailure(inroot.OUTSIDE) from None
        raise StartFailure(f'chdir to cwd ("{cwd}") set in config.json failed: {reason(error)}') from None


def _enter(cwd: str) -> None:
    """Not by a magic link such as /proc/self/fd/7, which leads out of the root (CVE-2024-21626)."""
    root = inroot.open_root()
    try:
        directory = inroot.open_path(root, cwd, os.O_DIRECTORY)
    finally:
        os.close(root)
    try:
        os.fchdir(directory)
    finally:
        os.close(directory)


def find_program(name: str, environment: dict[str, str]) -> str:
    """The file `name` means, found as Go's exec.LookPath finds it. Raises StartFailure."""
    if "/" in name:
        problem = _not_executable(name)
        if problem:
            kind = "Denied" if problem in ("permission denied", "is a directory") else "NotFound"
            raise StartFailure(f'exec: "{name}": {problem}', kind)
        return name
    for directory in environment.get("PATH", _DEFAULT_PATH).split(":"):
        candidate = os.path.join(directory or ".", name)
        if name and not _not_executable(candidate):
            return candidate
    raise StartFailure(f'exec: "{name}": executable file not found in $PATH', "NotFound")


def _not_executable(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError as error:
        return f"stat {path}: {reason(error)}"
    if stat.S_ISDIR(found.st_mode):
        return "is a directory"
    if not os.access(path, os.X_OK, effective_ids=True):
        return "permission denied"
    return ""
