"""A cluster on this machine, as a user starts and stops it: `sampan kube up | down | status | ...`.

`up` starts the API server in the background, which starts the controllers; whatever options it does not know
are the API server's. Nothing here imports what the server does.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from sampan.errors import Conflict, Failed, NotFound, SampanError
from sampan.interpreter import GIVING_BACK, isolated, plain_environment
from sampan.paths import KubePaths

START_LIMIT = 60.0  # seconds
STORE_FILES = ("etcd-cafile", "etcd-certfile", "etcd-keyfile")
STOP_LIMIT = 30.0


def main() -> None:
    """Run one command line; failures become a line on stderr and exit status 1."""
    try:
        status = run(sys.argv[1:])
    except SampanError as error:
        print(f"sampan kube: {error}", file=sys.stderr)
        status = 1
    sys.exit(status)


def run(argv: list[str]) -> int:
    """The exit status; raises SampanError."""
    parser = _parser()
    options, rest = parser.parse_known_args(argv)
    if rest and options.command != "up":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    paths = KubePaths(Path(options.data_root), Path(options.exec_root))
    if options.command == "up":
        return up(paths, options.wait, rest)
    if options.command == "status":
        return status(paths)
    if options.command == "down":
        return down(paths)
    if options.command == "reset":
        return reset(paths, options.force)
    if options.command == "kubeconfig":
        return kubeconfig(paths)
    if options.command == "rotate-keys":
        return rotate_keys(paths, options.what)
    files = {name: getattr(options, name.replace("-", "_")) for name in STORE_FILES}
    return snapshot(paths, options.action, options.file, options.store, files)


def _parser() -> argparse.ArgumentParser:
    places = argparse.ArgumentParser(add_help=False)
    places.add_argument(
        "--data-root", default=str(KubePaths().data), help="directory of what survives a reboot"
    )
    places.add_argument("--exec-root", default=str(KubePaths().exec), help="directory of what does not")
    parser = argparse.ArgumentParser(prog="sampan kube", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str, epilog: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=text, description=text, epilog=epilog, parents=[places], allow_abbrev=False
        )

    up_parser = command(
        "up", "Start a Kubernetes cluster.", "Other options are the API server's: see docs/kubernetes.md."
    )
    up_parser.add_argument(
        "--wait", type=float, default=START_LIMIT, help="seconds until it must be ready (default %(default)s)"
    )
    command("down", "Stop the cluster; its objects stay.")
    command("status", "Show whether a cluster runs, and where.")
    reset_parser = command("reset", "Stop the cluster and remove everything it has, certificates too.")
    reset_parser.add_argument("--force", action="store_true", help="do not ask")
    command("kubeconfig", "Print the configuration for kubectl and helm.")
    rotate_parser = command("rotate-keys", "Make a new key, of encryption at rest or of tokens.")
    rotate_parser.add_argument("what", choices=("secrets", "service-accounts"))
    snapshot_parser = command("snapshot", "Save the cluster's objects to a file, or restore them.")
    snapshot_parser.add_argument("action", choices=("save", "restore"))
    snapshot_parser.add_argument("file")
    snapshot_parser.add_argument("--store", default="", help="the store, if not the one in the data root")
    for file in STORE_FILES:
        snapshot_parser.add_argument(f"--{file}", default="", help="as the API server's option")
    return parser


def up(paths: KubePaths, wait: float, rest: list[str]) -> int:
    """Start the API server, and tell once it is ready where its kubeconfig lies."""
    if running(paths) is None:
        _start(paths, wait, rest)
    elif rest:
        raise Conflict("the cluster runs already; its options cannot be changed while it does")
    print(f"The cluster is ready. To use it:\n\n  export KUBECONFIG={paths.kubeconfig}")
    return 0


def _start(paths: KubePaths, wait: float, rest: list[str]) -> None:
    for directory in (paths.data, paths.logs, paths.exec):
        os.makedirs(directory, mode=0o700, exist_ok=True)
    reader, writer = os.pipe()
    places = ["--data-root", str(paths.data), "--exec-root", str(paths.exec), "--ready-fd", str(writer)]
    log_path = paths.logs / "kube-api.log"
    with open(log_path, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
        process = subprocess.Popen(
            isolated("sampan.kube.api.server", *places, *rest),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**GIVING_BACK, **plain_environment(os.environ)},
            pass_fds=[writer],
            start_new_session=True,
        )
    os.close(writer)
    with open(reader, "rb") as told:
        _await(process, told.fileno(), wait, log_path)


def _await(process: "subprocess.Popen[bytes]", told: int, wait: float, log: Path) -> None:
    """Until it says that it is ready, or why not; it says nothing if it dies."""
    import select

    if not select.select([told], [], [], wait)[0]:
        process.terminate()
        raise Failed(f"the API server was not ready within {wait:g} seconds", hint=f"see {log}")
    words = os.read(told, 4096).decode()
    if words == "ready\n":
        return
    process.wait()
    raise Failed(words.strip() or "the API server ended before it was ready", hint=f"see {log}")


def running(paths: KubePaths) -> int | None:
    """The process of the API server: whoever holds its lock."""
    import fcntl

    try:
        with open(paths.pidfile, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def down(paths: KubePaths) -> int:
    """Stop it, and wait until it has."""
    pid = running(paths)
    if pid is None:
        print("No cluster is running.")
        return 0
    descriptor = os.pidfd_open(pid)
    try:
        if running(paths) != pid:
            return 0
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        _wait_gone(descriptor, pid)
    finally:
        os.close(descriptor)
    return 0


def _wait_gone(descriptor: int, pid: int) -> None:
    import select

    if not select.select([descriptor], [], [], STOP_LIMIT)[0]:
        raise Failed(f"the API server (process {pid}) has not ended within {STOP_LIMIT:g} seconds")


def status(paths: KubePaths) -> int:
    """Exit status 0 if it runs, 3 (as of service managers) if not."""
    pid = running(paths)
    if pid is None:
        print("No cluster is running.")
        return 3
    since = time.time() - os.stat(f"/proc/{pid}").st_mtime
    print(f"The cluster is running (process {pid}, for {since:.0f} s).")
    print(f"Kubeconfig: {paths.kubeconfig}")
    return 0


def reset(paths: KubePaths, force: bool) -> int:
    """Remove what `up` has made."""
    if not force:
        if not sys.stdin.isatty():
            raise Conflict("this removes all objects of the cluster", hint="use --force")
        if input(f"Remove the cluster in {paths.data} with everything in it? [y/N] ").lower() not in (
            "y",
            "yes",
        ):
            return 1
    down(paths)
    for directory in (paths.data, paths.exec):
        if directory.exists():
            shutil.rmtree(directory)
    return 0


def kubeconfig(paths: KubePaths) -> int:
    """The file's text, so that it can be copied elsewhere."""
    try:
        sys.stdout.write(paths.kubeconfig.read_text())
    except FileNotFoundError:
        raise NotFound("there is no cluster yet", hint="sampan kube up makes one") from None
    return 0


def snapshot(paths: KubePaths, action: str, file: str, store: str, files: dict[str, str]) -> int:
    """Done by a program of its own: only it loads the stores."""
    if action == "restore" and running(paths) is not None:
        raise Conflict("the cluster runs", hint="stop it first: sampan kube down")
    more = [word for name, value in files.items() for word in (f"--{name}", value)]
    line = isolated("sampan.kube.store.snapshot", action, file, "--store", store or str(paths.store), *more)
    return subprocess.run(line, check=False).returncode


def rotate_keys(paths: KubePaths, what: str) -> int:
    """Done by a program of its own, as it loads cryptography."""
    line = isolated("sampan.kube.access.rotation", what, "--data-root", str(paths.data))
    status = subprocess.run(line, check=False).returncode
    if status == 0 and running(paths) is not None:
        print("The cluster runs: stop and start it (sampan kube down, sampan kube up).")
    return status
