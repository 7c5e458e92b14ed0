"""How fast images are built, next to a real Docker's BuildKit on the same machine.

    bench/build.py --docker unix:///var/run/docker.sock   both, alternating, with ratios next to the goals
    bench/build.py                                        Sampan alone, an engine of its own

The Dockerfile has ten RUN and ten COPY; "no cache" builds it with --no-cache, "cached" without a change,
"100,000 unchanged files" copies a context of that many, cached. Docker is asked through `docker buildx
build`, Sampan through `sampan build` and, in a column of its own, through that same `docker buildx build`.
The clients' own time is part of all of them. Nothing is asserted.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from start import own_engine, ratio, shown

SAMPAN, STOCK, DOCKER = "sampan", "buildx", "docker"
# Sampan's time as a share of Docker's.
GOALS: dict[str, float | None] = {
    "10 RUN + 10 COPY, no cache": 0.15,
    "the same, cached": 0.30,
    "100,000 unchanged files": None,
}
FILES = 100_000
# Part of each of the other times.
ALONE = "client alone (version)"


@dataclass
class Builder:
    """A client aimed at an engine."""

    name: str
    program: Sequence[str]
    host: str
    image: str
    samples: dict[str, list[float]] = field(default_factory=dict)

    def run(self, *words: str) -> float:
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        start = time.perf_counter()
        done = subprocess.run(
            [*self.program, *words], env=env | {"DOCKER_HOST": self.host}, capture_output=True, text=True
        )
        took = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{self.name}: {' '.join(words)}: {done.stderr.strip()}")
        return took

    def build(self, context: Path, *flags: str) -> float:
        return self.run("build", "-q", "-t", "bench-build", *flags, str(context))

    def measure(self, what: str, work: Callable[[], float]) -> None:
        self.samples.setdefault(what, []).append(work())

    def median(self, what: str) -> float | None:
        values = sorted(self.samples.get(what, ()))
        return values[len(values) // 2] if values else None


def dockerfile(image: str) -> str:
    lines = [f"FROM {image}"]
    for number in range(10):
        lines += [f"COPY file{number} /dest/", f"RUN echo {number} > /made{number}"]
    return "\n".join(lines) + "\n"


def small_context(directory: Path) -> None:
    directory.mkdir()
    for number in range(10):
        (directory / f"file{number}").write_text(f"content {number}\n" * 100)


def large_context(directory: Path) -> None:
    for number in range(FILES // 1000):
        part = directory / f"d{number}"
        part.mkdir(parents=True)
        for inner in range(1000):
            (part / f"f{inner}").write_text(f"{number} {inner}\n")


def measure(builders: list[Builder], rounds: int, directory: Path) -> None:
    small, large = directory / "small", directory / "large"
    small_context(small)
    large_context(large)
    for builder in builders:
        for context, text in (
            (small, dockerfile(builder.image)),
            (large, f"FROM {builder.image}\nCOPY . /all\n"),
        ):
            (context / f"{builder.name}.Dockerfile").write_text(text)
        for context in (small, large):  # page cache, first use, and the cache of what is measured cached
            builder.build(context, "-f", str(context / f"{builder.name}.Dockerfile"))
    for number in range(rounds):
        for builder in builders if number % 2 == 0 else builders[::-1]:
            file = str(small / f"{builder.name}.Dockerfile")
            builder.measure(ALONE, lambda b=builder: b.run("version"))  # type: ignore[misc]
            uncached, cached, many = GOALS
            builder.measure(uncached, lambda b=builder, f=file: b.build(small, "-f", f, "--no-cache"))  # type: ignore[misc]
            builder.measure(cached, lambda b=builder, f=file: b.build(small, "-f", f))  # type: ignore[misc]
            if number < 3:
                file = str(large / f"{builder.name}.Dockerfile")
                builder.measure(many, lambda b=builder, f=file: b.build(large, "-f", f))  # type: ignore[misc]


def show(builders: list[Builder]) -> None:
    docker = next((builder for builder in builders if builder.name == DOCKER), None)
    print(f"{'median':30}" + "".join(f"{builder.name:>12}" for builder in builders))
    for what in (ALONE, *GOALS):
        line = f"{what:30}" + "".join(f"{shown(what, builder.median(what)):>12}" for builder in builders)
        if docker and what in GOALS:
            shares = [ratio(builder, docker, what) for builder in builders if builder is not docker]  # type: ignore[arg-type]
            line += "   ratio " + " ".join(f"{share:.2f}" for share in shares if share is not None)
            goal = GOALS[what]
            line += f"  goal ≤ {goal:.2f}" if goal else ""
        print(line)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sampan", metavar="HOST", help="a running sampand; default: one of its own")
    parser.add_argument("--docker", metavar="HOST", help="a running dockerd to compare with")
    parser.add_argument("--image", default="busybox")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    buildx = ["docker", "buildx"]
    with ExitStack() as stack:
        host = options.sampan or stack.enter_context(own_engine())
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="sampan-bench-", dir="/var/tmp"))
        )
        own = [str(Path(sys.executable).with_name("sampan"))]
        builders = [Builder(SAMPAN, own, host, options.image), Builder(STOCK, buildx, host, options.image)]
        if options.docker:
            builders.append(Builder(DOCKER, buildx, options.docker, options.image))
        measure(builders, options.rounds, directory)
        show(builders)
    return 0


if __name__ == "__main__":
    sys.exit(main())
