"""What the launcher forks: a shim or a task for each request, and in quiet moments a shim in advance."""

from __future__ import annotations

import os
import select
import sys

from sampan.linux import process, sockets
from sampan.runtime import shim, tasks
from sampan.runtime.jsontext import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from sampan.runtime.loop import Loop

_MESSAGE = 1 << 16
_MAX_FDS = 253  # SCM_MAX_FD
_QUIET_MILLISECONDS = 10  # without requests, until a shim is forked in advance: a burst needs the processors


def answer(connection: sockets.Socket) -> int:
    """Until the other end closes; returns the exit status."""
    spare: sockets.Socket | None = None
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    while True:
        if spare is None and not waiting.poll(_QUIET_MILLISECONDS):
            spare = _fork_spare(connection)
        try:
            data, fds = sockets.receive(connection, _MESSAGE, _MAX_FDS)
        except ConnectionResetError:
            return 0
        if not data:
            return 0
        message = decode(data)
        taken = False
        if spare is not None and message["op"] == "start":
            taken, spare = _hand_over(spare, data, fds), None
        if not taken and _fork() == 0:
            connection.close()
            _become(message, fds)
        for fd in fds:  # where nobody has got them, the daemon reads the end of "control"
            os.close(fd)


def _fork() -> int | None:
    """As os.fork(); None where the machine has no room for another process."""
    try:
        return os.fork()
    except OSError as error:
        sys.stderr.write(f"sampan-launcher: fork: {error.strerror}\n")
        return None


def _fork_spare(connection: sockets.Socket) -> sockets.Socket | None:
    """A shim that does what it can before it has a container; it ends when its socket does."""
    ours, theirs = sockets.pair()
    pid = _fork()
    if pid == 0:
        ours.close()
        connection.close()
        _wait_as_spare(theirs)
    theirs.close()
    if pid is None:
        ours.close()
        return None
    return ours


def _wait_as_spare(connection: sockets.Socket) -> NoReturn:
    try:
        loop = shim.stand_by([connection.fileno()])
        process.set_command_line("sampan-shim (no container yet)")
        data, fds = sockets.receive(connection, _MESSAGE, _MAX_FDS)
        connection.close()
        if data:
            _become(decode(data), fds, loop)
    finally:
        os._exit(0)


def _hand_over(spare: sockets.Socket, data: bytes, fds: list[int]) -> bool:
    """Whether the spare shim took it; it may have been killed."""
    try:
        sockets.send(spare, data, fds)
        return True
    except OSError:
        return False
    finally:
        spare.close()


def _become(message: dict[str, Any], fds: list[int], loop: Loop | None = None) -> NoReturn:
    status = 1
    try:
        named = dict(zip(message["fds"], fds, strict=True))
        if message["op"] == "start":
            shim.main(loop or shim.stand_by(fds), message["dir"], named)
        else:
            tasks.main(message["task"], message["request"], named)
        status = 0
    except BaseException as error:
        sys.stderr.write(
            f"sampan {message.get('op')} {message.get('dir') or message.get('task')}: {error!r}\n"
        )
    finally:
        os._exit(status)
