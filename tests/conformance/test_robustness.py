"""The daemon never matters to a running container: kill -9, restart or stop it at any moment."""

import os
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sampan.runtime import cgroups
from tests.support import leftovers
from tests.support.api import Api
from tests.support.client import Client
from tests.support.engine import Sampand
from tests.support.poll import until
from tests.support.terminal import Terminal


@pytest.fixture(autouse=True)
def running(own: Sampand) -> Iterator[None]:
    """Whatever a test did to the engine, the next one finds it up."""
    yield
    if not own.running:
        own.start()


def restart(own: Sampand, how: str) -> None:
    if how == "killed":
        own.kill()
    else:
        assert own.terminate() == 0
    own.start()


HOW = ["killed", "stopped"]


@pytest.mark.parametrize("how", HOW)
def test_containers_survive_the_daemon(own: Sampand, docker: Client, image: str, how: str) -> None:
    made = docker.ok("run", "-d", image, "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done")
    before = docker.state(made)
    restart(own, how)
    after = docker.state(made)
    assert (after["Running"], after["Pid"], after["StartedAt"]) == (True, before["Pid"], before["StartedAt"])
    count = len(docker.ok("logs", made).splitlines())
    until(lambda: len(docker.ok("logs", made).splitlines()) > count + 3, "output goes on")
    lines = docker.ok("logs", made).splitlines()
    assert lines == [str(n) for n in range(1, len(lines) + 1)], "nothing was lost meanwhile"
    docker.ok("stop", "-t", "0", made)
    assert docker.state(made)["ExitCode"] == 137


def test_output_goes_on_while_no_daemon_runs(
    own: Sampand, docker: Client, image: str, directory: Path
) -> None:
    line = "until test -e /m/go; do sleep 0.02; done; echo meanwhile; touch /m/done; exec sleep 1000"
    made = docker.ok("run", "-d", "-v", f"{directory}:/m", image, "sh", "-c", line)
    own.kill()
    (directory / "go").touch()
    until((directory / "done").exists, "the container works without a daemon")
    own.start()
    assert docker.ok("logs", made) == "meanwhile"


def test_exit_codes_that_happened_meanwhile_are_known(
    own: Sampand, docker: Client, image: str, directory: Path
) -> None:
    line = "until test -e /m/go; do sleep 0.02; done; exit $0"
    made = [
        docker.ok("run", "-d", "-v", f"{directory}:/m", image, "sh", "-c", line, str(code))
        for code in (0, 7, 42)
    ]
    pids = [docker.state(id)["Pid"] for id in made]
    own.kill()
    (directory / "go").touch()
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "they ended")
    own.start()
    for id, code in zip(made, (0, 7, 42), strict=True):
        state = docker.state(id)
        assert (state["Status"], state["ExitCode"]) == ("exited", code)
    assert docker.ok("wait", *made).split() == ["0", "7", "42"]


def test_auto_removal_happens_after_the_daemon_was_away(
    own: Sampand, docker: Client, image: str, directory: Path
) -> None:
    line = "until test -e /m/go; do sleep 0.02; done"
    made = docker.ok("run", "-d", "--rm", "-v", f"{directory}:/m", image, "sh", "-c", line)
    pid = docker.state(made)["Pid"]
    own.kill()
    (directory / "go").touch()
    until(lambda: not os.path.exists(f"/proc/{pid}"), "it ended")
    own.start()
    until(lambda: docker("inspect", made).code != 0, "it was removed")
    assert not (own.data / "containers" / made).exists()


def test_a_published_port_goes_on_serving(own: Sampand, docker: Client, image: str) -> None:
    web = ["httpd", "-f", "-p", "80", "-h", "/var/www"]
    made = docker.ok("run", "-d", "-p", "127.0.0.1::80", image, *web)
    port = int(docker.ok("port", made, "80").rpartition(":")[2])

    def answer() -> bytes:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as reply:
                return bytes(reply.read())
        except OSError:
            return b""

    until(answer, "an answer")
    own.kill()
    assert answer() == b"it works\n", "without a daemon"
    own.start()
    assert answer() == b"it works\n", "with the next daemon"
    assert docker.ok("port", made, "80").endswith(f":{port}")
    docker.ok("rm", "-f", made)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


@pytest.mark.parametrize("how", HOW)
def test_a_relayed_connection_goes_on(own: Sampand, docker: Client, image: str, how: str) -> None:
    """From [::1] to a container without IPv6: what the kernel cannot rewrite."""
    size = 64 << 20
    script = f"head -c {size} /dev/zero > /w; echo up > /index.html; exec httpd -f -p 80 -h /"
    made = docker.ok("run", "-d", "-p", "80", image, "sh", "-c", script)
    port = docker.ok("port", made, "80").splitlines()[0].rpartition(":")[2]

    def fetch() -> bytes:
        with urllib.request.urlopen(f"http://[::1]:{port}/", timeout=5) as answer:
            return bytes(answer.read())

    def up() -> bool:
        try:
            return fetch() == b"up\n"
        except OSError:
            return False

    until(up, "it serves")
    with urllib.request.urlopen(f"http://[::1]:{port}/w", timeout=20) as answer:
        count = len(answer.read(1 << 20))
        own.kill() if how == "killed" else own.terminate()
        assert fetch() == b"up\n", "a new connection without a daemon"
        count += len(answer.read(1 << 20))
        own.start()
        assert fetch() == b"up\n", "a new connection with the next one"
        assert count + len(answer.read()) == size
    docker.ok("rm", "-f", made)
    docker.ok("run", "-d", "-p", f"{port}:80", image, "sleep", "1000")


def test_an_exec_session_on_a_terminal_goes_on(own: Sampand, cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    with Terminal(cli.argv("exec", "-it", made, "sh"), cli.env) as terminal:
        terminal.type("echo A$((1+1))\n")
        terminal.expect("A2")
        own.kill()
        terminal.type("echo B$((2+2))\n")
        terminal.expect("B4")
        own.start()
        terminal.type("echo C$((3+3))\n")
        terminal.expect("C6")
        terminal.type("exit 5\n")
        assert terminal.wait() == 5


def test_an_exec_session_on_pipes_goes_on(own: Sampand, cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    line = "while read x; do echo out $x; echo err $x >&2; done; exit 9"
    with cli.background("exec", "-i", made, "sh", "-c", line) as process:
        assert process.stdin and process.stdout and process.stderr
        for word, how in ((b"one", own.kill), (b"two", own.start), (b"three", lambda: None)):
            process.stdin.write(word + b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"out " + word + b"\n"
            assert process.stderr.readline() == b"err " + word + b"\n"
            how()
        process.stdin.close()
        assert process.wait(20) == 9
        process.stdin = None  # communicate(), on the way out, would flush it


def test_an_attached_run_goes_on(own: Sampand, cli: Client, image: str, unique: str) -> None:
    with cli.background("run", "-i", "--name", unique, image, "cat") as process:
        assert process.stdin and process.stdout

        def echo(text: bytes) -> bytes:
            assert process.stdin and process.stdout
            process.stdin.write(text)
            process.stdin.flush()
            return process.stdout.readline()

        assert echo(b"before\n") == b"before\n"
        # A client whose start request was not answered yet gives up by itself.
        until(lambda: cli.ok("ps", "-q", "--filter", f"name={unique}"), "the start is over")
        own.kill()
        assert echo(b"while\n") == b"while\n"
        own.start()
        assert echo(b"after\n") == b"after\n"
    assert cli.ok("logs", unique) == "before\nwhile\nafter"


def test_the_next_daemon_follows_and_execs(own: Sampand, docker: Client, image: str) -> None:
    made = docker.ok("run", "-d", "-i", image, "sh", "-c", "while read x; do echo got $x; done; exit 6")
    own.kill()
    own.start()
    assert docker.ok("exec", made, "echo", "in") == "in"
    with docker.background("logs", "-f", made) as process:
        with docker.background("attach", made) as attached:
            assert attached.stdin and process.stdout
            attached.stdin.write(b"word\n")
            attached.stdin.flush()
            assert process.stdout.readline() == b"got word\n"
    docker.ok("pause", made)
    docker.ok("unpause", made)
    docker.ok("kill", made)


def test_a_paused_container_is_still_paused(own: Sampand, docker: Client, image: str) -> None:
    made = docker.ok("run", "-d", image, "sleep", "1000")
    docker.ok("pause", made)
    own.kill()
    own.start()
    assert docker.state(made)["Status"] == "paused"
    docker.ok("unpause", made)
    assert docker.ok("exec", made, "echo", "awake") == "awake"


def test_a_container_that_a_killed_daemon_had_frozen_goes_on(
    own: Sampand, docker: Client, image: str
) -> None:
    """As it is for a commit, which pauses it for a moment."""
    made = docker.ok("run", "-d", image, "sleep", "1000")
    own.kill()
    cgroups.open_cgroup(f"{own.cgroup}/{made}").freeze()
    own.start()
    assert docker.state(made)["Status"] == "running"
    assert docker.ok("exec", made, "echo", "awake") == "awake"
    docker.ok("rm", "-f", made)


def test_health_checks_go_on(own: Sampand, docker: Client, image: str, directory: Path) -> None:
    flags = ["--health-cmd", "echo x >>/m/seen; true", "--health-interval", "0.2s"]
    made = docker.ok("run", "-d", "-v", f"{directory}:/m", *flags, image, "sleep", "1000")
    until(lambda: docker.state(made)["Health"]["Status"] == "healthy", "healthy")
    own.kill()
    count = len((directory / "seen").read_text())
    until(lambda: len((directory / "seen").read_text()) > count + 4, "probes without a daemon")
    own.start()
    assert docker.state(made)["Health"]["Status"] == "healthy"


def test_restart_policies_after_the_daemon_was_away(
    own: Sampand, docker: Client, image: str, directory: Path
) -> None:
    line = "echo run; until test -e /m/go; do sleep 0.02; done; rm -f /m/go$0; exit 1"
    mount = ["-v", f"{directory}:/m"]
    always = docker.ok("run", "-d", "--restart", "always", *mount, image, "sh", "-c", line)
    never = docker.ok("run", "-d", *mount, image, "sh", "-c", line)
    stopped = docker.ok("run", "-d", "--restart", "unless-stopped", image, "sleep", "1000")
    docker.ok("stop", "-t", "0", stopped)
    pids = [docker.state(id)["Pid"] for id in (always, never)]
    own.kill()
    (directory / "go").touch()
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "both ended")
    (directory / "go").unlink()
    own.start()
    until(lambda: docker.state(always)["Running"], "the one that always restarts runs again")
    assert docker.state(never)["ExitCode"] == 1 and not docker.state(never)["Running"]
    assert not docker.state(stopped)["Running"]


def test_networks_and_names_work_with_the_next_daemon(
    own: Sampand, docker: Client, image: str, unique: str
) -> None:
    docker.ok("network", "create", unique)
    web = ["httpd", "-f", "-p", "80", "-h", "/var/www"]
    docker.ok("run", "-d", "--name", f"{unique}-web", "--network", unique, image, *web)
    old = docker.ok("run", "-d", "--network", unique, image, "sleep", "1000")
    own.kill()
    own.start()
    fetch = ["wget", "-q", "-O-", f"http://{unique}-web/"]
    assert docker.ok("exec", old, *fetch) == "it works"
    assert docker.ok("run", "--rm", "--network", unique, image, *fetch) == "it works"
    docker.ok("rm", "-f", f"{unique}-web", old)
    docker.ok("network", "rm", unique)


def test_a_daemon_killed_in_the_middle_of_starts_leaves_nothing(
    own: Sampand, docker: Client, image: str
) -> None:
    """Ten kills, each while containers are being started and removed by several clients."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            docker("run", "--rm", "-v", "/data", image, "true")

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        for number in range(10):
            until(lambda: bool(own.api.get("/containers/json", all=1).json), "work is going on")
            if number % 2:
                own.kill()
            else:
                os.kill(own.pid, signal.SIGKILL)
                own.kill()
            own.start()
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    for row in own.api.get("/containers/json", all=1).json:
        own.api.delete(f"/containers/{row['Id']}", force=1, v=1)
    until(lambda: not list((own.data / "containers").iterdir()), "no container's directory is left")
    until(lambda: not containers_processes(own), "no process is left")
    docker.ok("volume", "prune", "-f")
    until(lambda: unowned_volumes(own) == set(), "every volume's directory has a row")
    docker.ok("run", "--rm", image, "true")


def unowned_volumes(own: Sampand) -> set[str]:
    known = {volume["Name"] for volume in own.api.get("/volumes").json["Volumes"] or []}
    return set(os.listdir(own.data / "volumes")) - known


def containers_processes(own: Sampand) -> list[str]:
    return [text for text in leftovers.cgroups(own.token) if len(text.rpartition("/")[2]) == 64]


def test_a_killed_shim_is_noticed(own: Sampand, docker: Client, image: str) -> None:
    made = docker.ok("run", "-d", image, "sleep", "1000")
    pid = docker.state(made)["Pid"]
    shim = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(shim, signal.SIGKILL)
    until(lambda: not docker.state(made)["Running"], "the container is known to have ended")
    until(lambda: not os.path.exists(f"/proc/{pid}"), "its process is gone")
    docker.ok("start", made)
    assert docker.state(made)["Running"]


def test_a_second_daemon_on_the_same_root_is_refused(own: Sampand) -> None:
    from tests.support.engine import sampand_program

    done = subprocess.run([*sampand_program(), *own.flags], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert str(own.pid) in done.stderr and "Traceback" not in done.stderr
    assert own.api.alive()


def test_system_stop_with_containers_stops_them_too(
    own: Sampand, sampan_client: Client, docker: Client, image: str
) -> None:
    made = docker.ok("run", "-d", "--stop-timeout", "1", image, "sleep", "1000")
    pid = docker.state(made)["Pid"]
    sampan_client.ok("system", "stop", "--containers")
    until(lambda: not own.running, "the daemon ended")
    assert not os.path.exists(f"/proc/{pid}")
    own.start()
    assert docker.state(made)["Status"] == "exited"


def test_a_flushed_ruleset_is_restored(own: Sampand, docker: Client, image: str) -> None:
    web = ["httpd", "-f", "-p", "80", "-h", "/var/www"]
    made = docker.ok("run", "-d", "-p", "80", image, *web)
    port = int(docker.ok("port", made, "80").splitlines()[0].rpartition(":")[2])

    def answer() -> bytes:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as reply:
                return bytes(reply.read())
        except OSError:
            return b""

    until(answer, "an answer")
    tables = [line.split()[1:] for line in leftovers.nft_tables() if "sampan" in line]
    assert tables
    for table in tables:
        subprocess.run(["nft", "delete", "table", *table], check=True)
    until(answer, "the port is served again", seconds=5)


def test_nothing_is_mounted_on_the_host(own: Sampand, docker: Client, image: str, unique: str) -> None:
    docker.ok("run", "-d", "-v", f"{unique}:/v", "--tmpfs", "/t", image, "sleep", "1000")
    assert not [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if own.token in line]
    mounts = Path(f"/proc/{own.pid}/mountinfo").read_text()
    assert own.token not in mounts


@pytest.fixture
def second(own: Sampand) -> Iterator[Sampand]:
    """Another sampand beside the first, to be started with flags of its own."""
    engine = Sampand()
    yield engine
    if engine.running:
        engine.terminate()
    engine.erase()


def test_two_engines_live_side_by_side(own: Sampand, second: Sampand, docker: Client, image: str) -> None:
    second.start()
    first = docker.ok("run", "-d", image, "sleep", "1000")
    assert second.api.get("/containers/json").json == []
    assert second.terminate() == 0
    assert docker.state(first)["Running"]
    assert Api(own.host).alive()
