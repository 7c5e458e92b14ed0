"""The streams of one process, the container's or an exec's: between it, its log and its clients."""

from __future__ import annotations

import errno
import fcntl
import os
import termios

from sampan.runtime.attach import BACKLOG, CHUNK, Client
from sampan.runtime.loop import HANGUP, IN, OUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.runtime.interfaces import Attachment, Sink
    from sampan.runtime.loop import Loop
    from sampan.runtime.protocol import Attach

_INPUT_BACKLOG = 64 * 1024
_PATIENCE_SECONDS = 30.0
_STDOUT = 1
_STDERR = 2


class Pipes:
    """Both ends of a process's standard streams; the child's ends are closed once it is forked.

    -1 for an input that is not open: the child opens its own /dev/null, as the host's is not the container's.
    """

    def __init__(self, open_stdin: bool) -> None:
        child_in, self.stdin = os.pipe2(os.O_CLOEXEC) if open_stdin else (-1, -1)
        self.stdout, child_out = os.pipe2(os.O_CLOEXEC)
        self.stderr, child_err = os.pipe2(os.O_CLOEXEC)
        self.child = (child_in, child_out, child_err)

    @property
    def child_ends(self) -> list[int]:
        return [fd for fd in self.child if fd >= 0]

    def close_child(self) -> None:
        for fd in self.child_ends:
            os.close(fd)

    def close(self) -> None:
        self.close_child()
        for fd in (self.stdin, self.stdout, self.stderr):
            if fd >= 0:
                os.close(fd)


class Session:
    def __init__(self, loop: Loop, stdin_once: bool, on_detach: Callable[[], None]) -> None:
        self._loop = loop
        self.log: Sink | None = None
        self._stdin_once = stdin_once
        self._on_detach = on_detach
        self._outputs: dict[int, int] = {}  # descriptor -> stream
        self._stdin = -1
        self._input = bytearray()
        self._input_ended = False
        self._takes_input = True  # before the start as well: what a client sends early waits
        self._terminal = -1
        self._stalled = False
        self._clients: list[Client] = []
        self._ending = False
        self.on_drained: Callable[[], None] | None = None

    # The process's side

    def use_pipes(self, pipes: Pipes) -> None:
        pipes.close_child()
        if pipes.stdin >= 0:
            os.set_blocking(pipes.stdin, False)
            self._stdin = pipes.stdin
        else:
            self._close_stdin()
        self._watch_output({pipes.stdout: _STDOUT, pipes.stderr: _STDERR})
        self._input_changed()

    def use_terminal(self, master: int, open_stdin: bool) -> None:
        os.set_blocking(master, False)
        self._terminal = master
        if open_stdin:
            self._stdin = os.dup(master)
        else:
            self._close_stdin()
        self._watch_output({master: _STDOUT})
        self._input_changed()

    def _watch_output(self, outputs: dict[int, int]) -> None:
        self._outputs = outputs
        for fd in outputs:
            os.set_blocking(fd, False)
            self._watch(fd)

    def _watch(self, fd: int) -> None:
        self._loop.watch(fd, IN, lambda _events: self._pump(fd))

    def _pump(self, fd: int) -> None:
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal whose last slave was closed
                raise
            data = b""
        stream = self._outputs[fd]
        if not data:
            self._end_output(fd)
            return
        if self.log is not None:
            self.log.write(stream, data)
        for client in list(self._clients):
            client.send(stream, data)
            if client.backlog > BACKLOG and not self._stalled:
                self._stall(True)

    def _stall(self, stalled: bool) -> None:
        """Back-pressure: a slow client slows the process down; it never makes us hold more than its
        backlog.
        """
        self._stalled = stalled
        for fd in self._outputs:
            if stalled:
                self._loop.forget(fd)  # watched for nothing, a hang-up would still be reported without end
            else:
                self._watch(fd)

    def client_drained(self) -> None:
        if self._stalled and all(client.backlog <= BACKLOG // 2 for client in self._clients):
            self._stall(False)

    def _end_output(self, fd: int) -> None:
        stream = self._outputs.pop(fd)
        self._loop.forget(fd)
        if fd == self._terminal:
            self._terminal = -1
        os.close(fd)
        if self.log is not None:
            self.log.finish(stream)
        if not self._outputs and self.on_drained is not None:
            self.on_drained()

    @property
    def drained(self) -> bool:
        return not self._outputs

    def abandon_output(self) -> None:
        """Take what is there now and stop waiting for more: somebody outside holds the other end."""
        for fd in list(self._outputs):
            while fd in self._outputs:
                before = self._readable(fd)
                if not before:
                    self._end_output(fd)
                else:
                    self._pump(fd)

    def _readable(self, fd: int) -> bool:
        waiting = bytearray(4)
        try:
            fcntl.ioctl(fd, termios.FIONREAD, waiting)
        except OSError:
            return False
        return any(waiting)

    # Standard input

    def feed(self, data: bytes) -> None:
        if self._takes_input:
            self._input += data
            self._input_changed()

    def _input_changed(self) -> None:
        """Write what goes; watch for room while there is more; make clients wait while there is too much."""
        while self._input and self._stdin >= 0:
            try:
                written = os.write(self._stdin, memoryview(self._input)[:CHUNK])
            except BlockingIOError:
                break
            except OSError:  # the process closed its end
                self._close_stdin()
                break
            del self._input[:written]
        if self._stdin >= 0 and self._input:
            self._loop.watch(self._stdin, OUT, self._stdin_ready)
        elif self._stdin >= 0:
            self._loop.forget(self._stdin)
            if self._input_ended:
                self._close_stdin()
        held = len(self._input) > _INPUT_BACKLOG
        for client in self._clients:
            client.hold(held)

    def _stdin_ready(self, events: int) -> None:
        if events & HANGUP and not events & OUT:
            self._close_stdin()
        else:
            self._input_changed()

    def _close_stdin(self) -> None:
        self._takes_input = False
        self._input.clear()
        if self._stdin >= 0:
            self._loop.forget(self._stdin)
            os.close(self._stdin)
            self._stdin = -1

    # Clients

    def add_client(self, fd: int, attach: Attach) -> None:
        client = Client(self._loop, self, fd, attach)
        if self._ending and not self._outputs:
            client.finish()
            return
        self._clients.append(client)
        client.start()

    def client_ended_input(self, client: Attachment) -> None:
        """Docker's rule: end of input ends the container's where StdinOnce is set, and else the
        attachment.
        """
        if self._stdin_once and self._terminal < 0:
            self._input_ended = True
            self._input_changed()
        else:
            client.finish()

    def client_detached(self) -> None:
        self._on_detach()

    def client_closed(self, client: Attachment) -> None:
        self._clients = [other for other in self._clients if other is not client]
        self.client_drained()

    def resize(self, height: int, width: int) -> None:
        if self._terminal >= 0:
            termios.tcsetwinsize(self._terminal, (height, width))

    def end(self) -> None:
        """The process is gone and its output drained: let every client go once it has everything."""
        self._ending = True
        self._close_stdin()
        for client in list(self._clients):
            client.finish()
        self._insist({})

    def _insist(self, before: dict[Client, int]) -> None:
        """A client that takes nothing for a while is not waited for."""
        for client in list(self._clients):
            if before.get(client) == client.backlog:
                client.close()
        if self._clients:
            now = {client: client.backlog for client in self._clients}
            self._loop.later(_PATIENCE_SECONDS, lambda: self._insist(now))

    def release(self) -> None:
        """Nothing ever ran: let go of the clients' connections as they are, for who has an error to write
        there.
        """
        self._ending = True
        self._close_stdin()
        for client in list(self._clients):
            client.close(shutdown=False)

    @property
    def quiet(self) -> bool:
        return self._ending and not self._clients
