"""Health checks: Docker's rules (daemon/health.go), run by the shim so that they go on without the daemon."""

from __future__ import annotations

import os
import time

from sampan.linux import process, signals
from sampan.runtime.execs import Exec
from sampan.runtime.failures import describe
from sampan.specs.golang.duration import format_duration
from sampan.specs.golang.time import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.runtime.interfaces import Container
    from sampan.runtime.loop import Timer
    from sampan.runtime.protocol import ErrorReply, Healthcheck, HealthLog, HealthState

_NANO = 1e9
_KEPT_RESULTS = 5
_KEPT_OUTPUT = 4096
_NO_RESULT = -1


class Health:
    """One probe at a time; the next is due an interval after the last one's end."""

    def __init__(self, container: Container, check: Healthcheck) -> None:
        self._container = container
        self._check = check
        self._started = time.monotonic()
        self._probe: Probe | None = None
        self.state: HealthState = {"Status": "starting", "FailingStreak": 0, "Log": []}
        self._timer: Timer | None = None
        self._schedule()

    def _schedule(self) -> None:
        check = self._check
        early = self.state["Status"] == "starting" and self._in_start_period(time.monotonic())
        interval = check["start_interval"] if early else check["interval"]
        self._timer = self._container.loop.later(interval / _NANO, self._run)

    def _in_start_period(self, when: float) -> bool:
        return when - self._started < self._check["start_period"] / _NANO

    def _run(self) -> None:
        self._probe = Probe(self._container, self._check, self._finished)
        self._probe.start()

    def _finished(self, began: str, clock: float, code: int, output: str) -> None:
        self._probe = None
        state = self.state
        entry: HealthLog = {"Start": began, "End": now(), "ExitCode": code, "Output": output}
        state["Log"] = [*state["Log"], entry][-_KEPT_RESULTS:]
        if code == 0:
            state["FailingStreak"] = 0
            state["Status"] = "healthy"
        elif state["Status"] != "starting" or not self._in_start_period(clock):
            state["FailingStreak"] += 1
            if state["FailingStreak"] >= self._check["retries"]:
                state["Status"] = "unhealthy"
        self._container.write_state()
        self._container.control.broadcast({"event": "health", "health": state})
        self._schedule()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._probe is not None:
            self._probe.cancel()


class Probe:
    """One run of the check's command; `on_done` hears when it began, its exit code and its output, once."""

    def __init__(
        self, container: Container, check: Healthcheck, on_done: Callable[[str, float, int, str], None]
    ) -> None:
        self._container = container
        self._check = check
        self._on_done: Callable[[str, float, int, str], None] | None = on_done
        self._timeout = check["timeout"]
        self._began = now()
        self._clock = time.monotonic()
        self._output = Capture()
        self._timed_out = False
        request = {
            "process": {**check["process"], "args": check["args"], "terminal": False},
            "seccomp": container.request["seccomp"],
            "open_stdin": False,
            "console_size": None,
        }
        self._exec = Exec(container, request, self._started, self._exited, output=self._output)
        self._timer = container.loop.later(self._timeout / _NANO, self._too_late)
        self._id = os.urandom(32).hex()

    def start(self) -> None:
        self._container.control.broadcast({"event": "probe", "exec": self._id, "args": self._check["args"]})
        try:
            self._exec.start()
        except OSError as error:
            self._done(_NO_RESULT, describe(error))

    def _started(self, error: ErrorReply | None) -> None:
        if error is not None:
            self._done(_NO_RESULT, error["message"])

    def _too_late(self) -> None:
        self._timed_out = True
        self._kill()

    def _kill(self) -> None:
        self._exec.signal(signals.SIGKILL)

    def _exited(self, code: int) -> None:
        self._container.control.broadcast({"event": "probe-exit", "exec": self._id, "code": code})
        if code != 0 and process.is_exiting(self._container.pid):
            return  # killed with the container: no verdict on it
        if self._timed_out:
            text = f"Health check exceeded timeout ({format_duration(self._timeout)})"
            self._done(_NO_RESULT, f"{text}: {self._output}" if self._output.data else text)
        else:
            self._done(code, str(self._output))

    def _done(self, code: int, output: str) -> None:
        self._timer.cancel()
        done, self._on_done = self._on_done, None
        if done is not None:
            done(self._began, self._clock, code, output)

    def cancel(self) -> None:
        """The container has ended: no result any more."""
        self._on_done = None
        self._timer.cancel()
        self._kill()


class Capture:
    """A log for a probe's output: the first 4096 bytes, then "..."."""

    def __init__(self) -> None:
        self.data = b""
        self._cut = False

    def write(self, _stream: int, data: bytes) -> None:
        room = _KEPT_OUTPUT - len(self.data)
        self._cut = self._cut or len(data) > room
        self.data += data[:room]

    def finish(self, _stream: int) -> None:
        pass

    def __str__(self) -> str:
        return self.data.decode(errors="replace") + ("..." if self._cut else "")
