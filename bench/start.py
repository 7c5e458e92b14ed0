"""How fast containers start, exec and go, through the stock `docker` client; next to a real Docker's times.

    bench/start.py                                        Sampan alone, an engine of its own
    bench/start.py --docker unix:///var/run/docker.sock   both, alternating, with ratios next to the goals
    bench/start.py --sampan unix:///run/sampan.sock       an engine that already runs

Both engines must know the image (default busybox; --image). Every command alternates between the engines,
who goes first as well (A B B A ...), so that whatever else the machine does hits both. Printed are medians,
and as ratio the median of the ratios of neighbouring runs. "client alone" is what the docker program needs
to say its version, part of each of the other times. Nothing is asserted.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Sampan's time as a share of Docker's: the goals of the design, measured through the same client.
GOALS: dict[str, float | None] = {
    "client alone (docker version)": None,
    "run --rm true, bridge": 0.10,
    "run --rm true, host network": 0.15,
    "exec true": 0.25,
    "run -d, 8 at a time (each)": 0.12,
    "rm -f of 50 running": 0.10,
    "memory per idle container (PSS)": 0.20,
}


@dataclass
class Target:
    name: str
    host: str
    image: str
    samples: dict[str, list[float]] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")} | {
            "DOCKER_HOST": self.host
        }

    def docker(self, *words: str) -> str:
        done = subprocess.run(["docker", *words], env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{self.name}: docker {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def timed(self, what: str, *words: str) -> None:
        start = time.perf_counter()
        self.docker(*words)
        self.add(what, time.perf_counter() - start)

    def add(self, what: str, value: float) -> None:
        self.samples.setdefault(what, []).append(value)

    def median(self, what: str) -> float | None:
        return statistics.median(self.samples[what]) if what in self.samples else None


def single(targets: list[Target]) -> None:
    for what, *words in (
        ("client alone (docker version)", "version"),
        ("run --rm true, bridge", "run", "--rm", "IMAGE", "true"),
        ("run --rm true, host network", "run", "--rm", "--network", "host", "IMAGE", "true"),
        ("exec true", "exec", "bench-exec", "true"),
    ):
        for target in targets:
            target.timed(what, *(target.image if word == "IMAGE" else word for word in words))


def many(target: Target, count: int, at_once: int) -> None:
    names = [f"bench-{number}" for number in range(count)]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        start = time.perf_counter()
        list(
            pool.map(
                lambda name: target.docker("run", "-d", "--name", name, target.image, "sleep", "1000"), names
            )
        )
        target.add("run -d, 8 at a time (each)", (time.perf_counter() - start) / count)
    memory = [pss(int(pid)) for pid in target.docker("inspect", "-f", "{{.State.Pid}}", *names).split()]
    target.add("memory per idle container (PSS)", statistics.mean(memory))
    start = time.perf_counter()
    target.docker("rm", "-f", *names)
    target.add("rm -f of 50 running", time.perf_counter() - start)


def pss(pid: int) -> float:
    """Megabytes of the container's keeper: the shim, the parent of the container's first process."""
    parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{parent}/smaps_rollup").read_text(), re.M)
    return int(found.group(1)) / 1024 if found else 0.0


def measure(targets: list[Target], rounds: int, bulk: int) -> None:
    for target in targets:
        target.docker("run", "-d", "--name", "bench-exec", target.image, "sleep", "1000")
        target.docker("run", "--rm", target.image, "true")  # page cache, first layers
    try:
        for number in range(rounds):
            single(targets if number % 2 == 0 else targets[::-1])
        for number in range(bulk):
            for target in targets if number % 2 == 0 else targets[::-1]:
                many(target, count=50, at_once=8)
    finally:
        for target in targets:
            target.docker("rm", "-f", "bench-exec")


def shown(what: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} MB" if "memory" in what else f"{value * 1000:.1f} ms"


def show(targets: list[Target]) -> None:
    names = [target.name for target in targets]
    print(
        f"{'median':34}"
        + "".join(f"{name:>12}" for name in names)
        + ("   ratio    goal" if len(names) == 2 else "")
    )
    for what, goal in GOALS.items():
        values = [target.median(what) for target in targets]
        line = f"{what:34}" + "".join(f"{shown(what, value):>12}" for value in values)
        if (
            len(targets) == 2
            and goal is not None
            and (share := ratio(targets[0], targets[1], what)) is not None
        ):
            line += f"{share:8.2f}  ≤ {goal:.2f}"
        print(line)


def ratio(ours: Target, theirs: Target, what: str) -> float | None:
    """Pair by pair: a machine that slows down for a while slows both of a pair."""
    pairs = zip(ours.samples.get(what, ()), theirs.samples.get(what, ()), strict=True)
    shares = [a / b for a, b in pairs if b]
    return statistics.median(shares) if shares else None


@contextmanager
def own_engine() -> Iterator[str]:
    """A sampand on directories of its own, with a bootstrapped busybox."""
    directory = Path(tempfile.mkdtemp(prefix="sampan-bench-", dir="/var/tmp"))
    host = f"unix://{directory}/sampan.sock"
    here = Path(sys.executable).parent
    # Byte code that is not kept would be made at every call.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    flags = ["--data-root", f"{directory}/data", "--exec-root", f"{directory}/run", "-H", host]
    with open(directory / "sampand.log", "wb") as log:
        process = subprocess.Popen(
            [here / "sampand", *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=clean
        )
    env = clean | {"SAMPAN_HOST": host}

    def sampan(*words: str) -> None:
        subprocess.run([here / "sampan", *words], env=env, check=True)

    try:
        deadline = time.monotonic() + 30
        while subprocess.run(
            ["docker", "version"], env=env | {"DOCKER_HOST": host}, capture_output=True
        ).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((directory / "sampand.log").read_text())
            time.sleep(0.05)
        sampan("image", "bootstrap", "busybox")
        yield host
        sampan("system", "stop", "--containers")
        process.wait(30)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sampan", metavar="HOST", help="a running sampand; default: one of its own")
    parser.add_argument("--docker", metavar="HOST", help="a running dockerd to compare with")
    parser.add_argument("--image", default="busybox")
    parser.add_argument("--rounds", type=int, default=15, help="single commands per engine (default 15)")
    parser.add_argument("--bulk", type=int, default=2, help="rounds of 50 containers (default 2)")
    options = parser.parse_args()
    with ExitStack() as stack:
        host = options.sampan or stack.enter_context(own_engine())
        targets = [Target("sampan", host, options.image)]
        if options.docker:
            targets.append(Target("docker", options.docker, options.image))
        measure(targets, options.rounds, options.bulk)
        show(targets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
