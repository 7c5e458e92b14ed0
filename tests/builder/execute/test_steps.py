"""RUN steps on a daemon of our own: how they end, and that nothing is left of them however they end."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import leftovers, rootfs
from tests.support.engine import Sampand, sampan_program
from tests.support.poll import until

pytestmark = pytest.mark.root
BASE = "steps-base"


@pytest.fixture(scope="module")
def engine() -> Iterator[Sampand]:
    before = leftovers.Host.now()
    engine = Sampand()
    try:
        engine.start()
        made = engine.api.request("POST", "/images/create", rootfs.tar(), fromSrc="-", repo=BASE)
        assert made.status == 200, made
        yield engine
        engine.terminate()
        assert not leftovers.processes(engine.token)
        assert not leftovers.cgroups(engine.token)
        # Interfaces of namespaces that have just died go a moment later.
        mounts = [line for line in leftovers.Host.now().added_since(before) if line.startswith("mount")]
        assert not mounts
    finally:
        if engine.running:
            engine.kill()
        engine.erase()


def command(engine: Sampand, directory: Path, dockerfile: str, *flags: str) -> list[str]:
    directory.mkdir(exist_ok=True)
    (directory / "Dockerfile").write_text(f"FROM {BASE}\n{dockerfile}\n")
    return [*sampan_program(), "-H", engine.host, "build", "--progress=plain", *flags, str(directory)]


def build(
    engine: Sampand, directory: Path, dockerfile: str, *flags: str
) -> "subprocess.CompletedProcess[str]":
    words = command(engine, directory, dockerfile, *flags)
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def steps(engine: Sampand) -> list[str]:
    """What running steps have on disk."""
    return [*leftovers.files(engine.data, "build/steps", "tmp"), *leftovers.files(engine.exec, "build")]


def sleeping(engine: Sampand) -> bool:
    return any("sleep 7531" in line for line in leftovers.processes("sleep 7531") if "sampan" not in line)


FAILING = [
    ("RUN exit 3", "exit code: 3"),
    ("RUN sleep 9 & kill -9 $!; wait $!", "exit code: 137"),
    ('RUN ["/nothing"]', 'exec: "/nothing": stat /nothing: no such file or directory'),
    ("RUN printf '\\177ELFx' > /x && chmod 755 /x\nRUN [\"/x\"]", "complete successfully: exit code: 1"),
    ("USER nosuch\nRUN true", "unable to find user nosuch: no matching entries in passwd file"),
    ("RUN --mount=type=secret,id=x,required true", "secret x: not found"),
    ("RUN --mount=type=ssh,required true", "unset ssh forward key default"),
    ("RUN --mount=type=bind,source=nothing,target=/x true", '"/nothing": not found'),
    ("RUN --network=host true", "network.host is not allowed"),
    ("RUN --security=insecure true", "security.insecure is not allowed"),
    ("WORKDIR /etc/passwd/x", "not a directory"),
]


@pytest.mark.parametrize(("dockerfile", "words"), FAILING, ids=[row[0] for row in FAILING])
def test_a_step_that_fails_says_why_and_leaves_nothing(
    dockerfile: str, words: str, engine: Sampand, tmp_path: Path
) -> None:
    done = build(engine, tmp_path, dockerfile)
    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert steps(engine) == []


def test_running_out_of_memory_is_told_apart(engine: Sampand, tmp_path: Path) -> None:
    done = build(engine, tmp_path, "RUN tail /dev/zero", "--memory=20m")
    assert "did not complete successfully: cannot allocate memory" in done.stderr


def test_a_cancelled_step_is_gone_at_once(engine: Sampand, tmp_path: Path) -> None:
    words = command(engine, tmp_path, "RUN sleep 7531")
    client = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: sleeping(engine), "the step runs")
        client.send_signal(signal.SIGINT)
        until(lambda: not sleeping(engine), "the step is gone", seconds=5)
        until(lambda: steps(engine) == [], "nothing is left", seconds=5)
    finally:
        client.kill()
        client.wait()


def test_a_daemon_that_dies_takes_its_steps_along(engine: Sampand, tmp_path: Path) -> None:
    words = command(engine, tmp_path, "RUN sleep 7531")
    client = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: sleeping(engine), "the step runs")
        engine.kill()
        until(lambda: not sleeping(engine), "the step is gone", seconds=5)
        engine.start()
        until(lambda: steps(engine) == [], "nothing is left", seconds=5)
    finally:
        client.kill()
        client.wait()
    assert build(engine, tmp_path, "RUN true").returncode == 0


def test_mounts_leave_no_trace_in_the_layer(engine: Sampand, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush-hush")
    context = tmp_path / "context"
    done = build(
        engine,
        context,
        "RUN --mount=type=secret,id=s --mount=type=tmpfs,target=/t --mount=type=cache,target=/c/d "
        "--mount=type=bind,target=/b --mount=type=bind,target=/w,rw "
        "cat /run/secrets/s && touch /t/x /c/d/x /w/x && ! touch /b/x",
        "--secret",
        f"id=s,src={secret}",
        "--output",
        f"type=local,dest={tmp_path / 'out'}",
    )
    assert done.returncode == 0, done.stderr
    assert "hush-hush" in done.stderr
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")}
    assert not names & {"run", "t", "c", "b", "w"}
    assert sorted(os.listdir(context)) == ["Dockerfile"]
    kept = subprocess.run(
        ["grep", "-rl", "hush-hush", str(engine.data), str(engine.exec)], capture_output=True, text=True
    )
    # The program printed it: that is in the build's log, and nowhere else.
    assert [name for name in kept.stdout.split() if "/history/" not in name] == []


def test_an_image_without_mount_points_gets_none(engine: Sampand, tmp_path: Path) -> None:
    done = build(
        engine,
        tmp_path / "context",
        'FROM scratch AS bare\nCOPY --from=0 /bin/busybox /busybox\nRUN ["/busybox", "true"]\n'
        f"FROM {BASE}\nRUN --mount=type=bind,from=bare,target=/m echo found: $(ls -A /m)",
    )
    assert done.returncode == 0, done.stderr
    assert "found: busybox\n" in done.stderr


def test_a_step_has_what_it_was_given(engine: Sampand, tmp_path: Path) -> None:
    done = build(
        engine,
        tmp_path,
        "RUN hostname; cat /etc/hosts; ulimit -n; df /dev/shm | tail -1; cat /etc/resolv.conf",
        "--add-host",
        "name:1.2.3.4",
        "--ulimit",
        "nofile=100:200",
        "--shm-size",
        "10m",
    )
    for words in ("buildkitsandbox", "1.2.3.4\tname", " 100\n", "10240", "nameserver"):
        assert words in done.stderr, words


def test_a_shell_opens_what_a_failed_step_left(engine: Sampand, tmp_path: Path) -> None:
    done = build(engine, tmp_path, "WORKDIR /w\nENV A=b\nRUN echo state > here; exit 7")
    snapshot = done.stderr.rpartition("sampan build shell ")[2].split()[0]
    words = [*sampan_program(), "-H", engine.host, "build", "shell", snapshot]
    shell = subprocess.run(words, input="cat here; pwd; echo $A; exit 4", capture_output=True, text=True)
    assert shell.stdout.split() == ["state", "/w", "b"], shell.stderr
    assert shell.returncode == 4
    assert engine.api.get("/containers/json", all=1).json == []


def test_an_image_that_has_a_layer_twice_runs(engine: Sampand, tmp_path: Path) -> None:
    dockerfile = "RUN true\nRUN true\nRUN echo a > /a\nRUN rm /a\nRUN echo a > /a"
    done = build(engine, tmp_path, dockerfile, "-t", "twice")
    assert done.returncode == 0, done.stderr
    words = [*sampan_program(), "-H", engine.host, "run", "--rm", "--network=none", "twice", "cat", "/a"]
    run = subprocess.run(words, capture_output=True, text=True)
    assert (run.stdout, run.returncode) == ("a\n", 0), run.stderr
