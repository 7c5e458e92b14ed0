"""How fast an image is pulled and pushed, through the stock `docker` client; next to a real Docker's times.

    bench/transfer.py --docker unix:///var/run/docker.sock --image debian:bookworm
    bench/transfer.py                                      Sampan alone, with a bootstrapped debian

The image is flattened into one layer of its own, so that no engine has any of it already. Before each push
the registry (docker-registry on the loopback, Debian's package) starts empty; before each pull the image is
removed. Sampan pushes the uncompressed layer it imported, as after a build, and pulls what was pushed. Runs
alternate; medians are printed. Nothing is asserted.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Sampan's time as a share of Docker's.
GOALS = {"push": 0.20, "push again": 1.0, "pull": 0.20, "pull again": 1.0}
CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


class Registry:
    """docker-registry on a directory of its own."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._root = directory / "registry"
        self._config = directory / "registry.yml"
        self._config.write_text(CONFIG.format(root=self._root, port=self.port))
        self._process: subprocess.Popen[bytes] | None = None

    def restart_empty(self) -> None:
        self.stop()
        shutil.rmtree(self._root, ignore_errors=True)
        self._process = subprocess.Popen(
            ["docker-registry", "serve", self._config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise SystemExit("docker-registry does not start") from None
                time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@dataclass
class Target:
    name: str
    host: str
    samples: dict[str, list[float]] = field(default_factory=dict)

    def docker(self, *words: str, stdin: int | None = None) -> str:
        env = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")} | {
            "DOCKER_HOST": self.host
        }
        done = subprocess.run(["docker", *words], env=env, capture_output=True, text=True, stdin=stdin)
        if done.returncode:
            raise SystemExit(f"{self.name}: docker {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def timed(self, what: str, *words: str) -> None:
        start = time.perf_counter()
        self.docker(*words)
        self.samples.setdefault(what, []).append(time.perf_counter() - start)

    def take(self, tar: Path, name: str) -> None:
        with open(tar, "rb") as stream:
            self.docker("import", "-", name, stdin=stream.fileno())


def flatten(target: Target, image: str, tar: Path) -> None:
    container = target.docker("create", image, "true")
    try:
        target.docker("export", "-o", str(tar), container)
    finally:
        target.docker("rm", container)


def measure(targets: list[Target], registry: Registry, tar: Path, rounds: int) -> None:
    name = f"127.0.0.1:{registry.port}/bench/transfer:1"
    for _ in range(rounds):
        for target in targets:
            registry.restart_empty()
            target.take(tar, name)
            target.timed("push", "push", "-q", name)
            target.timed("push again", "push", "-q", name)
            target.docker("rmi", name)
            target.timed("pull", "pull", "-q", name)
            target.timed("pull again", "pull", "-q", name)
            target.docker("rmi", name)


def show(targets: list[Target]) -> None:
    ratio = "   ratio    goal" if len(targets) == 2 else ""
    print(f"{'median':16}" + "".join(f"{target.name:>12}" for target in targets) + ratio)
    for what, goal in GOALS.items():
        values = [statistics.median(target.samples[what]) for target in targets]
        line = f"{what:16}" + "".join(f"{value * 1000:9.0f} ms" for value in values)
        if len(values) == 2:
            line += f"{values[0] / values[1]:8.2f}  ≤ {goal:.2f}"
        print(line)


@contextmanager
def own_engine(directory: Path) -> Iterator[str]:
    """A sampand on directories of its own."""
    host = f"unix://{directory}/sampan.sock"
    installed = Path(sys.executable).with_name("sampand")
    program = [installed] if installed.exists() else [sys.executable, "-m", "sampan.engine.daemon.daemon"]
    flags = ["--data-root", f"{directory}/data", "--exec-root", f"{directory}/run", "-H", host]
    with open(directory / "sampand.log", "wb") as log:
        process = subprocess.Popen([*program, *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not Path(host.removeprefix("unix://")).is_socket():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((directory / "sampand.log").read_text())
            time.sleep(0.05)
        yield host
    finally:
        process.terminate()
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docker", metavar="HOST", help="a running dockerd to compare with")
    parser.add_argument("--image", default="debian:bookworm", help="an image the engine has")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="sampan-bench-", dir="/var/tmp"))
        )
        sampan = Target("sampan", stack.enter_context(own_engine(directory)))
        registry = Registry(directory)
        stack.callback(registry.stop)
        targets = [sampan]
        if options.docker:
            targets.append(Target("docker", options.docker))
        else:
            here = Path(sys.executable).with_name("sampan")
            program = [here] if here.exists() else [sys.executable, "-m", "sampan.cli.main"]
            bootstrap = [*program, "-H", sampan.host, "image", "bootstrap", options.image]
            subprocess.run(bootstrap, check=True, stdout=subprocess.DEVNULL)
        tar = directory / "image.tar"
        flatten(targets[-1], options.image, tar)
        measure(targets, registry, tar, options.rounds)
        show(targets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
