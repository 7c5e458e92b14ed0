"""exec: a second program inside a running container."""

import itertools

import pytest

from tests.support.api import Api
from tests.support.client import Client
from tests.support.poll import until
from tests.support.rows import Row, check, each
from tests.support.terminal import Terminal

ROWS = [
    Row("runs a program", "exec NAME echo hi", out="hi"),
    Row("exits with the program's code", "exec NAME sh -c 'exit 42'", code=42),
    Row("exits 128+n when a signal ended it", "exec NAME sh -c 'kill -9 $$'", code=137),
    Row("passes standard input", "exec -i NAME cat", stdin=b"in\n", out="in"),
    Row("has no input without -i", "exec NAME cat", stdin=b"in\n", out=""),
    Row("keeps the two outputs apart", "exec NAME sh -c 'echo o; echo e >&2'", out="o", err="^e$"),
    Row("sees the container's variables", "exec NAME sh -c 'echo $BASE'", out="base"),
    Row("adds variables", "exec -e X=1 -e BASE=new NAME sh -c 'echo $X $BASE'", out="1 new"),
    Row("takes the container's user", "exec NAME id -u", out="1000"),
    Row("takes another user", "exec -u root NAME id -u", out="0"),
    Row("takes user and group", "exec -u 5:6 NAME sh -c 'id -u; id -g'", out="5\n6"),
    Row("starts in the container's directory", "exec NAME pwd", out="/var/www"),
    Row("starts in another directory", "exec -w /tmp NAME pwd", out="/tmp"),
    Row("has a terminal with -t", "exec -t NAME tty", like=r"^/dev/pts/\d+"),
    Row("sees the container's processes", "exec NAME sh -c 'cat /proc/1/comm'", out="sleep"),
    Row(
        "has the container's capabilities",
        "exec -u root NAME grep CapEff /proc/self/status",
        like="CapEff:\t00000000a80425fb",
    ),
    Row(
        "has every capability when privileged",
        "exec -u root --privileged NAME grep CapEff /proc/self/status",
        unlike="a80425fb",
    ),
    Row("has the container's limits", "exec NAME sh -c 'ulimit -n'", out="777"),
    Row("runs in the background with -d", "exec -d NAME sh -c 'exit 3'", out=""),
    Row("names a missing container", "exec no-such-one true", code=1, err="No such container: no-such-one"),
    Row(
        "reads variables from a file",
        "exec --env-file /dev/stdin NAME sh -c 'echo $FROM'",
        stdin=b"FROM=file\n",
        out="file",
    ),
]


@pytest.fixture
def box(cli: Client, image: str, unique: str) -> str:
    flags = ["-e", "BASE=base", "-u", "app", "-w", "/var/www", "--ulimit", "nofile=777"]
    cli.ok("run", "-d", "--name", unique, *flags, image, "sleep", "1000")
    return unique


@each(ROWS)
def test_exec(cli: Client, row: Row, image: str, box: str) -> None:
    check(cli, row, image, box)


# Which of 126 and 127, and on which output, has changed between versions of Docker; the text has not.
NOT_STARTED = [
    (["nope"], 'exec: "nope": executable file not found in $PATH'),
    (["/no/such"], 'exec: "/no/such": stat /no/such: no such file or directory'),
    (["/etc"], 'exec: "/etc": is a directory'),
    (["/etc/passwd"], 'exec: "/etc/passwd": permission denied'),
]


@pytest.mark.parametrize(("argv", "says"), NOT_STARTED)
def test_a_program_that_cannot_start_is_told(cli: Client, box: str, argv: list[str], says: str) -> None:
    result = cli("exec", box, *argv)
    assert result.code in (126, 127), str(result)
    assert says in result.out + result.err, str(result)


def test_an_unknown_user_is_told(cli: Client, box: str) -> None:
    result = cli("exec", "-u", "nosuch", box, "true")
    assert result.code == 126, str(result)
    assert "unable to find user nosuch: no matching entries in passwd file" in result.out + result.err


def test_exec_needs_a_running_container(cli: Client, image: str) -> None:
    made = cli.ok("create", image)
    cli.fails("exec", made, "true", says=f"[Cc]ontainer {made} is not running")


def test_a_background_exec_does_its_work(cli: Client, box: str) -> None:
    cli.ok("exec", "-d", box, "sh", "-c", "echo worked >/tmp/mark")
    until(lambda: cli("exec", box, "cat", "/tmp/mark").out == "worked", "the background program ran")


def test_an_exec_terminal_is_resized(cli: Client, box: str) -> None:
    with Terminal(cli.argv("exec", "-it", box, "sh"), cli.env, rows=31, columns=91) as terminal:
        terminal.type("stty size\n")
        terminal.expect("31 91")

        sizes = itertools.cycle([(40, 120), (41, 119)])

        def resized() -> bool:
            terminal.resize(*next(sizes))
            terminal.type("stty size\n")
            return terminal.expect(r"\d+ \d+\r").group().strip() in ("40 120", "41 119")

        until(resized, "the new size")
        terminal.type("exit 6\n")
        assert terminal.wait() == 6


def test_detaching_from_an_exec_leaves_it_running(cli: Client, box: str) -> None:
    with Terminal(cli.argv("exec", "-it", box, "sh"), cli.env) as terminal:
        terminal.type("echo $((1+1))up; sleep 987\n")
        terminal.expect("2up")
        terminal.type("\x10\x11")
        terminal.wait()
    assert "sleep 987" in cli.ok("top", box)


def test_execs_end_with_the_container(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    with cli.background("exec", made, "sleep", "1000") as process:
        until(lambda: cli.ok("top", made).count("sleep 1000") == 2, "both run")
        cli.ok("kill", made)
        assert process.wait(20) == 137


def test_exec_is_inspected(docker: Client, api: Api, image: str) -> None:
    made = docker.ok("run", "-d", image, "sleep", "1000")
    created = api.post(f"/containers/{made}/exec", {"Cmd": ["sh", "-c", "exit 9"], "AttachStdout": True})
    assert created.status == 201
    id = created.json["Id"]
    before = api.get(f"/exec/{id}/json").json
    assert (before["Running"], before["ExitCode"], before["ContainerID"]) == (False, None, made)
    assert id in (docker.inspect(made)["ExecIDs"] or [])
    assert api.post(f"/exec/{id}/start", {"Detach": True}).status == 200
    until(lambda: not api.get(f"/exec/{id}/json").json["Running"], "it ended")
    after = api.get(f"/exec/{id}/json").json
    assert after["ExitCode"] == 9
    assert after["ProcessConfig"]["entrypoint"] == "sh"
    assert after["ProcessConfig"]["arguments"] == ["-c", "exit 9"]
    assert api.post(f"/exec/{id}/start", {"Detach": True}).status == 409


def test_many_execs_at_once(docker: Client, image: str) -> None:
    made = docker.ok("run", "-d", image, "sleep", "1000")
    with (
        docker.background("exec", "-i", made, "cat") as one,
        docker.background("exec", "-i", made, "cat") as two,
        docker.background("exec", "-i", made, "cat") as three,
    ):
        for number, process in enumerate((one, two, three)):
            assert process.stdin and process.stdout
            process.stdin.write(f"{number}\n".encode())
            process.stdin.flush()
        for number, process in enumerate((one, two, three)):
            assert process.stdin and process.stdout
            assert process.stdout.readline() == f"{number}\n".encode()
            process.stdin.close()
            process.stdin = None
            assert process.wait(20) == 0
    until(lambda: docker.ok("top", made).count("cat") == 0, "no program is left")
