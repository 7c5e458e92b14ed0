"""Reading and writing cgroup files with as few system calls as possible, and errors as runc words them."""

from __future__ import annotations

import errno
import os

from sampan.errors import Failed

# On a cgroup that was made only to have others below it. It goes with the last of them; cgroups that were
# there before stay.
_MADE_HERE = "trusted.sampan"


def write(path: str, value: str) -> None:
    """Raises Failed naming file and value."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _failure(path, value, error) from error
    try:
        write_to(fd, path, value)
    finally:
        os.close(fd)


def open_to_write(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Failed(f"open {path}: {(error.strerror or '').lower()}") from error


def write_to(fd: int, path: str, value: str) -> None:
    """One of several writes to a file; `path` is for the message. Raises Failed."""
    try:
        os.write(fd, value.encode())
    except OSError as error:
        raise _failure(path, value, error) from error


def _failure(path: str, value: str, error: OSError) -> Failed:
    return Failed(f'failed to write "{value}": write {path}: {(error.strerror or "").lower()}')


def try_write(path: str, value: str, *ignored: int) -> bool:
    """Whether the write went through; failures other than `ignored` errnos raise Failed."""
    try:
        write(path, value)
    except Failed as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in ignored:
            return False
        raise
    return True


def read(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        chunks = []
        while chunk := os.read(fd, 65536):
            chunks.append(chunk)
    finally:
        os.close(fd)
    return b"".join(chunks).decode("ascii", "replace")


def read_or(path: str, default: str = "") -> str:
    """The file's text, or `default` where the kernel does not have it or the cgroup is gone."""
    try:
        return read(path)
    except OSError:
        return default


def number(path: str) -> int | None:
    """A file's single number; None when absent, "max" as -1."""
    text = read_or(path).strip()
    if text == "max":
        return -1
    try:
        return int(text)
    except ValueError:
        return None


def pairs(path: str) -> dict[str, int]:
    """A flat keyed file such as memory.stat."""
    result = {}
    for line in read_or(path).splitlines():
        key, _, value = line.partition(" ")
        try:
            result[key] = int(value)
        except ValueError:
            continue
    return result


def children(path: str) -> list[str]:
    """Names of child cgroups. kernfs counts them in st_nlink, which saves listing 60 files."""
    try:
        if os.stat(path).st_nlink <= 2:
            return []
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def pids(path: str) -> list[int]:
    """Every process in the cgroup and below."""
    found = [int(pid) for pid in read_or(path + "/cgroup.procs").split()]
    for name in children(path):
        found += pids(f"{path}/{name}")
    return found


def signal_all(path: str, number: int) -> int:
    """Send a signal to every process in the cgroup and below; returns how many there were."""
    found = pids(path)
    for pid in found:
        # 0 is a process of another PID namespace; it must never reach kill(0), which means "my group".
        if pid > 0:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
    return len(found)


def make(directory: str) -> bool:
    """A cgroup and those above it that are missing; False when it was there."""
    while True:
        try:
            os.mkdir(directory, 0o755)
            return True
        except FileExistsError:
            return False
        except FileNotFoundError:
            _make_parent(os.path.dirname(directory))  # and again: it may go at any time, see leave()


def _make_parent(directory: str) -> None:
    if not make(directory):
        return
    try:
        os.setxattr(directory, _MADE_HERE, b"1")
    except OSError:  # a kernel or file system without it: the cgroup stays
        pass


def leave(directory: str) -> None:
    """Remove a cgroup that make() made for others, and those above it, where nothing is in them any more."""
    try:
        while os.getxattr(directory, _MADE_HERE) == b"1":
            os.rmdir(directory)
            directory = os.path.dirname(directory)
    except OSError:  # ENOTEMPTY, EBUSY: in use; ENOENT: gone; ENODATA: not ours
        pass


def rmdir(path: str) -> bool:
    """Remove the cgroup and those below; False while it is still busy (a process in it has not gone yet)."""
    for name in children(path):
        if not rmdir(f"{path}/{name}"):
            return False
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in (errno.EBUSY, errno.ENOTEMPTY):
            return False
        raise
    return True
