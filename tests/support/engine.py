"""The engine the suite drives: a sampand of its own, or any that already runs."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.api import Api
from tests.support.poll import until

# Data roots need a real file system: overlayfs refuses to stack on another overlay, EROFS files on tmpfs.
DATA_PARENT = Path("/var/tmp")
EXEC_PARENT = Path("/run")


def sampan_program() -> list[str]:
    return program("sampan", "sampan.cli.main")


def sampand_program() -> list[str]:
    return program("sampand", "sampan.engine.daemon.daemon")


def program(script: str, module: str) -> list[str]:
    """The installed console script, else the module (a checkout that was never installed)."""
    installed = Path(sys.executable).with_name(script)
    if installed.exists():
        return [str(installed)]
    found = shutil.which(script)
    return [found] if found else [sys.executable, "-c", f"import sys, {module} as m; sys.exit(m.main())"]


class RunningEngine:
    """Somebody else's engine: it is only talked to."""

    own = False

    def __init__(self, kind: str, host: str) -> None:
        self.kind = kind
        self.host = host
        self.api = Api(host)
        assert self.api.alive(), f"no engine answers at {host}"


class Sampand:
    """A sampand under roots of its own, which can be stopped, killed and started again."""

    own = True
    kind = "sampan"

    def __init__(self, *flags: str, data: Path | None = None) -> None:
        # The token stands in every path: whatever is found with it anywhere later on is a leftover.
        self.token = f"sampan-test-{secrets.token_hex(4)}"
        self.data = data or DATA_PARENT / self.token
        self.exec = EXEC_PARENT / self.token
        self.host = f"unix://{EXEC_PARENT / self.token}.sock"
        self.cgroup = f"/{self.token}"
        self.flags = [
            *("--data-root", str(self.data), "--exec-root", str(self.exec), "-H", self.host),
            *("--cgroup-parent", self.cgroup, *flags),
        ]
        self.program = sampand_program()
        self.pass_fds: tuple[int, ...] = ()
        self.api = Api(self.host)
        self.log = DATA_PARENT / f"{self.token}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Returns once the API answers; fails with the daemon's log when it does not."""
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [*self.program, *self.flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own session: an interrupt typed at pytest is for pytest.
                start_new_session=True,
                pass_fds=self.pass_fds,
                env=os.environ | {"SAMPAN_TEST": self.token},
            )

        def ready() -> bool:
            assert self._process and self._process.poll() is None, f"sampand ended:\n{self.log_tail()}"
            return self.api.alive()

        until(ready, f"sampand answers on {self.host}", seconds=30)

    def log_tail(self, count: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def terminate(self, seconds: float = 30) -> int:
        """SIGTERM, as an init system stops it. Returns the exit status."""
        assert self._process
        self._process.terminate()
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"sampand ignored SIGTERM for {seconds} s:\n{self.log_tail()}") from None

    def kill(self) -> None:
        """kill -9, at once."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def erase(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.exec, ignore_errors=True)
        for path in (self.log, Path(self.host.removeprefix("unix://"))):
            path.unlink(missing_ok=True)


Engine = RunningEngine | Sampand
