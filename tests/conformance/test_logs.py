"""What a container printed: json-file, local, none; follow, since, until, tail, timestamps; bounded."""

import json
import os
import re
import time

import pytest

from tests.support.client import Client
from tests.support.engine import Sampand
from tests.support.poll import until

DRIVERS = ["json-file", "local"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_output_is_kept_in_order_and_apart(cli: Client, image: str, driver: str) -> None:
    line = "for i in 1 2 3 4 5; do echo out $i; done; echo err >&2"
    made = cli.ok("run", "-d", "--log-driver", driver, image, "sh", "-c", line)
    cli.ok("wait", made)
    result = cli("logs", made)
    assert result.out == "\n".join(f"out {i}" for i in range(1, 6))
    assert result.err == "err\n"
    assert cli.ok("logs", "--tail", "2", made).count("out") >= 1
    assert cli("logs", "-n", "0", made).out == ""


@pytest.mark.parametrize("driver", DRIVERS)
def test_following_shows_new_lines_until_the_end(cli: Client, image: str, driver: str) -> None:
    line = "echo first; read x; echo second; exit 3"
    made = cli.ok("run", "-d", "-i", "--log-driver", driver, image, "sh", "-c", line)
    with cli.background("logs", "-f", made) as process:
        assert process.stdout
        assert process.stdout.readline() == b"first\n"
        cli("attach", made, stdin=b"go\n")
        assert process.stdout.readline() == b"second\n"
        assert process.wait(20) == 0


def test_a_line_without_an_end_is_kept(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "printf", "no newline")
    cli.ok("wait", made)
    assert cli("logs", made).raw == b"no newline"


def test_long_lines_stay_whole(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end")
    cli.ok("wait", made)
    assert cli("logs", made).raw == b"x" * 100_000 + b"\nend\n"


def test_bytes_that_are_no_text_survive_as_docker_keeps_them(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "printf", "a\\303\\244\\n\\001\\002\\n")
    cli.ok("wait", made)
    assert cli("logs", made).raw == b"a\xc3\xa4\n\x01\x02\n"


def test_timestamps_and_a_window_of_time(cli: Client, image: str) -> None:
    line = "echo one; sleep 1.1; echo two; sleep 1.1; echo three"
    made = cli.ok("run", "-d", image, "sh", "-c", line)
    cli.ok("wait", made)
    stamped = cli.ok("logs", "-t", made).splitlines()
    stamps = [
        re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (one|two|three)$", text) for text in stamped
    ]
    assert all(stamps), stamped
    middle = [match.group(1) for match in stamps if match][1]
    assert cli.ok("logs", "--since", middle, made) == "two\nthree"
    assert cli.ok("logs", "--until", middle, made) in ("one", "one\ntwo")
    assert cli.ok("logs", "--since", "10m", made) == "one\ntwo\nthree"
    assert cli("logs", "--since", str(int(time.time()) + 1000), made).out == ""
    assert cli.ok("logs", "--until", "1h", made) == ""
    cli.fails(
        "logs", "--since", "yesterday-ish", made, says="(?i)invalid value for .since.|failed to parse|since"
    )


def test_no_log_is_kept_with_none(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "--log-driver", "none", image, "echo", "x")
    cli.ok("wait", made)
    cli.fails("logs", made, says="configured logging driver does not support reading")
    assert cli.ok("run", "--rm", "--log-driver", "none", image, "echo", "seen") == "seen"


def test_a_terminals_output_is_one_stream(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-t", image, "sh", "-c", "echo out; echo err >&2")
    cli.ok("wait", made)
    assert cli("logs", made).raw == b"out\r\nerr\r\n"


def test_logs_of_all_runs_are_kept(cli: Client, image: str) -> None:
    made = cli.ok("create", image, "echo", "x")
    for _ in range(3):
        cli.ok("start", "-a", made)
    assert cli.ok("logs", made) == "x\nx\nx"


def test_details_show_labels_and_variables(docker: Client, image: str) -> None:
    options = ["--log-opt", "labels=tier", "--log-opt", "env=COLOR"]
    made = docker.ok("run", "-d", "--label", "tier=front", "-e", "COLOR=red", *options, image, "echo", "x")
    docker.ok("wait", made)
    assert docker.ok("logs", "--details", made) == "COLOR=red,tier=front x"


def test_unknown_drivers_and_options_are_refused(cli: Client, image: str) -> None:
    says = "(?i)no log driver named .nosuch. is registered|plugin .nosuch. not found"
    cli.fails("create", "--log-driver", "nosuch", image, says=says)
    cli.fails(
        "create", "--log-opt", "nosuch=1", image, says="unknown log opt .nosuch. for json-file log driver"
    )


def test_rotation_keeps_the_newest(cli: Client, image: str) -> None:
    options = ["--log-opt", "max-size=20k", "--log-opt", "max-file=2"]
    made = cli.ok("run", "-d", *options, image, "sh", "-c", "seq 1 3000")
    cli.ok("wait", made)
    lines = cli.ok("logs", made).splitlines()
    assert lines[-1] == "3000" and int(lines[0]) > 1
    assert lines == [str(n) for n in range(int(lines[0]), 3001)]
    assert cli.ok("logs", "--tail", "3", made) == "2998\n2999\n3000"


def test_the_file_is_json_lines(own: Sampand, docker: Client, image: str) -> None:
    made = docker.ok("run", "-d", image, "echo", "x")
    docker.ok("wait", made)
    path = docker.inspect(made)["LogPath"]
    with open(path) as stream:
        row = json.loads(stream.readline())
    assert row["log"] == "x\n" and row["stream"] == "stdout" and row["time"].endswith("Z")


def test_endless_output_neither_blocks_nor_grows_the_disk(own: Sampand, docker: Client, image: str) -> None:
    """With the defaults: five files of 10 MB, the rotated ones compressed."""
    made = docker.ok(
        "run",
        "-d",
        image,
        "sh",
        "-c",
        "yes 0123456789012345678901234567890123456789 | head -c 200000000; touch /done",
    )
    assert docker.ok("wait", made) == "0"
    assert docker("cp", f"{made}:/done", "-").code == 0
    directory = os.path.dirname(docker.inspect(made)["LogPath"])
    size = sum(
        os.path.getsize(os.path.join(root, name))
        for root, _, names in os.walk(directory)
        for name in names
        if "log" in name
    )
    assert size < 60_000_000
    assert docker("logs", "--tail", "1", made).out.startswith("0123456789")


def test_a_client_that_does_not_read_does_not_block_the_container(docker: Client, image: str) -> None:
    made = docker.ok(
        "run", "-d", image, "sh", "-c", "sleep 0.5; yes | head -c 20000000; echo over >/over; sleep 1000"
    )
    with docker.background("logs", "-f", made):
        until(lambda: docker("exec", made, "cat", "/over").out == "over", "the container went on", seconds=60)
