"""One process's own attributes. prctl(2), close_range(2), keyctl(2), prlimit(2), setfsuid(2)."""

from __future__ import annotations

import ctypes
import errno
import resource

from sampan.linux import files
from sampan.linux.syscalls import c_char_p, c_int, c_long, c_uint, c_ulong, libc, numbered

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
# As containerd's shims: what a container uses up is taken from the container, and its shim still tells of it.
SHIM_OOM_SCORE = -998
_CLOSE_RANGE_CLOEXEC = 4
_PF_EXITING = 0x4
_KEYCTL_JOIN_SESSION_KEYRING = 1

_prctl = libc("prctl", c_int, c_ulong, c_ulong, c_ulong, c_ulong)
_prctl_text = libc("prctl", c_int, c_char_p)
_close_range = numbered("close_range", 436, c_uint, c_uint, c_uint)
# The ids that file operations act with: they return the former one, and never fail.
setfsuid = libc("setfsuid", c_uint)
setfsgid = libc("setfsgid", c_uint)
_keyctl = numbered("keyctl", {"x86_64": 250, "aarch64": 219, "riscv64": 219}, c_int, c_long)


def set_name(name: str) -> None:
    """What `ps` shows as the command's short name (15 bytes)."""
    _prctl_text(_PR_SET_NAME, name.encode()[:15])


def _find_arguments() -> tuple[int, int, int]:
    """Where they are, their size, and that of the environment right behind. Fields 48 to 51 of
    proc_pid_stat(5).
    """
    start, end, environment, last = (int(field) for field in _stat("self")[45:49])
    if not 0 < start < end:
        return 0, 0, 0
    return start, end - start, last - environment if environment == end else 0


def _stat(pid: int | str) -> list[bytes]:
    """The fields of proc_pid_stat(5) from the third on. Raises FileNotFoundError, ProcessLookupError."""
    return files.read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def set_command_line(text: str) -> None:
    """What `ps` shows as arguments: written over the old ones, and if need be over the environment.

    PR_SET_MM_ARG_START would need CAP_SYS_RESOURCE. A last byte of the arguments that is not zero makes the
    kernel read on (fs/proc/base.c, get_mm_cmdline). Python has its own copy of the environment.
    """
    start, room, more = _arguments
    if room:
        data = text.encode(errors="replace")[: room + more - 1]
        size = max(room, len(data) + 1)
        ctypes.memmove(start, data.ljust(size, b"\0"), size)


def start_time(pid: int) -> int:
    """Clock ticks after boot at which `pid` started: with it a reused pid is told apart. 0 when it is
    gone.
    """
    try:
        return int(_stat(pid)[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def parent(pid: int) -> int:
    """Whose child it is, as the caller's /proc shows it; 0 when it is gone."""
    try:
        return int(_stat(pid)[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def is_exiting(pid: int) -> bool:
    """Whether `pid` is dead or dying: PF_EXITING in field 9 of proc_pid_stat(5).

    A pid namespace's init first kills all others and only then becomes a zombie.
    """
    try:
        return bool(int(_stat(pid)[6]) & _PF_EXITING)
    except (FileNotFoundError, ProcessLookupError):
        return True


def set_keep_capabilities(on: bool) -> None:
    """Whether capabilities survive leaving user id 0; capabilities(7)."""
    _prctl(_PR_SET_KEEPCAPS, int(on), 0, 0, 0)


def set_no_new_privileges() -> None:
    """From now on no execve(2) gains anything by set-user-ID bits or file capabilities; inherited, and never
    undone. prctl(2).
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def set_child_subreaper() -> None:
    """Orphaned descendants become children of this process."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def set_dumpable(on: bool) -> None:
    """Off: nobody in the container may look into this process through /proc or ptrace(2) until it execs."""
    _prctl(_PR_SET_DUMPABLE, int(on), 0, 0, 0)


def set_parent_death_signal(signal: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0)


def new_session_keyring() -> None:
    """Leave the host's session keyring behind; a kernel without keyrings has none to leave."""
    try:
        _keyctl(_KEYCTL_JOIN_SESSION_KEYRING, 0)
    except OSError as error:
        # EDQUOT: the user's quota of keys is used up; runc continues as well.
        if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EDQUOT, errno.EINVAL):
            raise


def close_other_descriptors(keep: list[int]) -> None:
    """Close everything above standard error except `keep`."""
    low = 3
    for fd in sorted(set(keep)):
        if fd > low:
            _close_range(low, fd - 1, 0)
        low = max(low, fd + 1)
    _close_range(low, 0xFFFFFFFF, 0)


def close_descriptors_on_exec() -> None:
    """The last guard against a descriptor of the host's in a container: everything but stdio closes at
    execve(2).
    """
    _close_range(3, 0xFFFFFFFF, _CLOSE_RANGE_CLOEXEC)


def set_rlimits(rlimits: list[dict[str, object]]) -> int | None:
    """OCI's process.rlimits; returns the number of one that was refused: who raises a hard limit needs
    CAP_SYS_RESOURCE.
    """
    for limit in rlimits:
        number = getattr(resource, str(limit["type"]))
        soft, hard = (_rlimit(limit[key]) for key in ("soft", "hard"))
        try:
            resource.setrlimit(number, (soft, hard))
        except (ValueError, PermissionError):
            return int(number)
    return None


def with_room_to_fork(rlimits: list[dict[str, object]]) -> list[dict[str, object]]:
    """The same, but for a number of processes below today's: that has to wait for the last fork."""
    return [_raised(limit) if limit["type"] == "RLIMIT_NPROC" else limit for limit in rlimits]


def _raised(limit: dict[str, object]) -> dict[str, object]:
    now = resource.getrlimit(resource.RLIMIT_NPROC)
    soft, hard = (
        max(_rlimit(limit[key]), value, key=lambda number: number % (1 << 64))  # -1 means unlimited
        for key, value in zip(("soft", "hard"), now, strict=True)
    )
    return {"type": limit["type"], "soft": soft, "hard": hard}


def _rlimit(value: object) -> int:
    number = int(value)  # type: ignore[call-overload]
    # OCI says uint64, with 2^64-1 for "no limit", and Docker's API says -1.
    return resource.RLIM_INFINITY if number < 0 or number >= 1 << 63 else number


def set_oom_score_adj(value: int | None) -> None:
    """proc(5). Lowering it needs CAP_SYS_RESOURCE; without, and for None, it stays as it is."""
    if value is None:
        return
    try:
        files.write("/proc/self/oom_score_adj", b"%d" % value)
    except PermissionError:
        pass


_arguments = _find_arguments()  # the same in every process forked from this one
