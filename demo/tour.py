"""A short tour of Sampan with an engine of its own: says what it does, how long it took, and cleans up.

demo/tour.py [--keep]       --keep leaves the engine's directories, to look around in them
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent


class Tour:
    """One engine on directories of its own, and the commands shown against it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "sampan.sock"
        self.log = directory / "sampand.log"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "SAMPAN_"))}
        self.env |= {"SAMPAN_HOST": f"unix://{self.socket}", "PATH": f"{BIN}:{os.environ['PATH']}"}

    def run(self, line: str, *, title: str = "", show: bool = True) -> str:
        """Print `line`, run it, print what it printed and the time it took. Its output."""
        if title:
            print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}")
        print(f"  $ {line}", flush=True)
        start = time.monotonic()
        done = subprocess.run(shlex.split(line), env=self.env, capture_output=True, text=True)
        took = time.monotonic() - start
        if show or done.returncode:
            for text in (done.stdout + done.stderr).splitlines():
                print(f"    {text}")
        print(f"  [{took * 1000:.0f} ms]")
        if done.returncode:
            raise SystemExit(
                f"demo: that failed with exit status {done.returncode}; the engine's log: {self.log}"
            )
        return done.stdout.strip()

    @contextmanager
    def engine(self) -> Iterator[None]:
        command = ["sampand", "--data-root", f"{self.directory}/data", "--exec-root", f"{self.directory}/run"]
        command += ["--host", self.env["SAMPAN_HOST"], "--cgroup-parent", f"/{self.directory.name}"]
        print(f"  $ {shlex.join(command)} &", flush=True)
        start = time.monotonic()
        with open(self.log, "wb") as log:
            process = subprocess.Popen(
                command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait(lambda: self.answers(process), "the engine answers", 30)
            print(f"  [{(time.monotonic() - start) * 1000:.0f} ms]")
            yield
        finally:
            if process.poll() is None:
                self.stop(process)

    def answers(self, process: "subprocess.Popen[bytes]") -> bool:
        if process.poll() is not None:
            raise SystemExit(f"demo: sampand ended at once:\n{self.log.read_text()}")
        probe = subprocess.run(["sampan", "version"], env=self.env, capture_output=True)
        return probe.returncode == 0

    def stop(self, process: "subprocess.Popen[bytes]") -> None:
        """Containers first: an engine that ends leaves them running."""
        try:
            self.run("sampan system stop --containers", title="Stop the engine and its containers")
            process.wait(30)
        except (SystemExit, subprocess.TimeoutExpired):
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def wait(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"demo: not within {seconds:.0f} seconds: {what}")
        time.sleep(0.02)


def fetch(port: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def steps(tour: Tour) -> None:
    tour.run("sampan image bootstrap busybox", title="A base image, from the distribution's signed packages")
    tour.run('sampan run --rm busybox echo "hello from sampan"', title="A container")

    site = tour.directory / "site"
    site.mkdir()
    (site / "index.html").write_text("hello from a web server in a container\n")
    tour.run(
        f"sampan run -d --name web -p 127.0.0.1::80 -v {site}:/www:ro busybox httpd -f -p 80 -h /www",
        title="A web server, published on a port of this machine",
    )
    port = tour.run("sampan port web 80").rpartition(":")[2]
    wait(lambda: fetch(port), "the web server answers")
    print(f"  fetched http://127.0.0.1:{port}/ : {fetch(port).strip()}")
    tour.run("sampan ps")

    tour.run(
        "sampan run --rm -v notes:/notes busybox sh -c 'echo from a container that is gone >/notes/note'",
        title="A volume that outlives its container",
    )
    tour.run("sampan run --rm -v notes:/notes busybox cat /notes/note")

    tour.run(
        "sampan run --name cook busybox sh -c 'echo baked in >/cake'",
        title="A container turned into an image",
    )
    tour.run("sampan diff cook")
    tour.run("sampan commit cook bakery:v1")
    tour.run("sampan run --rm bakery:v1 cat /cake")
    tour.run("sampan images")

    tour.run("sampan rm -f web cook", title="Clean up")
    tour.run("sampan volume rm notes")
    tour.run("sampan rmi bakery:v1 busybox")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="leave the engine's directories behind")
    keep = parser.parse_args().keep
    start = time.monotonic()
    with ExitStack() as stack:
        # /var/tmp, not /tmp: overlayfs needs a real file system below it.
        directory = Path(tempfile.mkdtemp(prefix="sampan-demo-", dir="/var/tmp"))
        if not keep:
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
        tour = Tour(directory)
        print("An engine of its own")
        with tour.engine():
            steps(tour)
    print(
        f"\nDone in {time.monotonic() - start:.1f} s; "
        + (f"kept in {directory}" if keep else "nothing is left.")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
