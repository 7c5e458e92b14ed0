"""The command line under test: `docker` or `sampan`, aimed at one engine."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LABEL = "sampan.test"

# Commands whose objects are labelled, so that what a test leaves can be found and removed.
LABELLED = {("run",), ("create",), ("container", "run"), ("container", "create")} | {
    ("volume", "create"),
    ("network", "create"),
}


@dataclass(frozen=True)
class Result:
    line: str
    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output without the last newline."""
        text = self.raw.decode(errors="replace")
        return text[:-1] if text.endswith("\n") else text

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def __str__(self) -> str:
        return f"$ {self.line}\nexit {self.code}\nstdout: {self.out}\nstderr: {self.err}"


class Client:
    """Call it with a command line; the result is asserted on by the caller or by `ok` and `fails`."""

    def __init__(self, program: list[str], host: str, label: str, config: str) -> None:
        self.program = program
        self.host = host
        self.label = label
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "SAMPAN_"))}
        self.env |= {"DOCKER_HOST": host, "DOCKER_CONFIG": config, "LC_ALL": "C.UTF-8"}

    @property
    def name(self) -> str:
        return os.path.basename(self.program[-1])

    def argv(self, *args: str) -> list[str]:
        words = list(args)
        for length in (1, 2):
            if tuple(words[:length]) in LABELLED:
                words[length:length] = ["--label", f"{LABEL}={self.label}"]
                break
        return [*self.program, *words]

    def __call__(
        self, *args: str, stdin: bytes = b"", timeout: float = 60, env: dict[str, str] | None = None
    ) -> Result:
        argv = self.argv(*args)
        done = subprocess.run(
            argv, input=stdin, capture_output=True, timeout=timeout, env=self.env | (env or {}), check=False
        )
        return Result(
            shlex.join(["docker", *args]), done.returncode, done.stdout, done.stderr.decode(errors="replace")
        )

    def ok(self, *args: str, stdin: bytes = b"", timeout: float = 60) -> str:
        result = self(*args, stdin=stdin, timeout=timeout)
        assert result.code == 0, str(result)
        return result.out

    def fails(self, *args: str, code: int = 1, says: str = "", stdin: bytes = b"") -> Result:
        """The command must end with `code` and say `says` (a regular expression) on standard error."""
        result = self(*args, stdin=stdin)
        assert result.code == code, f"wanted exit {code}\n{result}"
        assert re.search(says, result.err), f"wanted {says!r}\n{result}"
        assert "Traceback" not in result.err + result.out, str(result)
        return result

    def inspect(self, thing: str, kind: str = "container") -> Any:
        return json.loads(self.ok("inspect", "--type", kind, thing))[0]

    def state(self, container: str) -> dict[str, Any]:
        state: dict[str, Any] = self.inspect(container)["State"]
        return state

    @contextmanager
    def background(self, *args: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A client that keeps running, ended (and its pipes closed) on leaving the block."""
        process = subprocess.Popen(
            self.argv(*args),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()
