"""create, start, stop, kill, restart, pause, wait, rm, rename, update, and what the states look like."""

import itertools
import json
import signal

import pytest

from tests.support.api import Api
from tests.support.client import Client
from tests.support.poll import until
from tests.support.terminal import Terminal

# A program that ends politely on TERM, saying so.
POLITE = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.05; done"


def ready(cli: Client, container: str, text: str = "ready") -> None:
    until(lambda: text in cli.ok("logs", container), f"{container} says {text}")


def test_a_container_is_created_then_started_then_exits(cli: Client, image: str, unique: str) -> None:
    made = cli.ok("create", "--name", unique, image, "sh", "-c", "echo done; exit 3")
    assert cli.state(made)["Status"] == "created"
    assert cli.ok("ps", "-a", "--filter", f"name={unique}", "--format", "{{.Status}}") == "Created"
    assert cli.ok("start", unique) == unique
    assert cli.ok("wait", unique) == "3"
    state = cli.state(made)
    assert (state["Status"], state["ExitCode"], state["Running"], state["Pid"]) == ("exited", 3, False, 0)
    assert cli.ok("logs", made) == "done"
    assert cli.ok("ps", "-a", "--filter", f"name={unique}", "--format", "{{.Status}}").startswith(
        "Exited (3)"
    )


def test_start_attaches_and_returns_the_exit_code(cli: Client, image: str) -> None:
    made = cli.ok("create", "-i", image, "sh", "-c", "read x; echo got $x; exit 5")
    result = cli("start", "-a", "-i", made, stdin=b"word\n")
    assert (result.out, result.code) == ("got word", 5)


def test_a_container_can_be_started_again(cli: Client, image: str) -> None:
    made = cli.ok("create", image, "sh", "-c", "echo run >>/count; wc -l </count")
    assert cli.ok("start", "-a", made) == "1"
    assert cli.ok("start", "-a", made) == "2"


def test_starting_a_running_container_changes_nothing(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    pid = cli.state(made)["Pid"]
    cli.ok("start", made)
    assert cli.state(made)["Pid"] == pid


def test_run_detached_prints_the_id(cli: Client, image: str, unique: str) -> None:
    made = cli.ok("run", "-d", "--name", unique, image, "sleep", "1000")
    assert len(made) == 64
    assert cli.ok("ps", "-q", "--filter", f"name={unique}") == made[:12]
    assert cli.ok("ps", "-q", "--no-trunc", "--filter", f"name={unique}") == made
    assert cli.state(unique)["Running"] is True


def test_a_prefix_of_the_id_is_enough(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    assert cli.inspect(made[:10])["Id"] == made


def test_run_writes_the_id_to_a_file(cli: Client, image: str, directory: "object") -> None:
    path = f"{directory}/cid"
    made = cli.ok("run", "-d", "--cidfile", path, image, "true")
    with open(path) as stream:
        assert stream.read() == made
    cli.fails("run", "-d", "--cidfile", path, image, "true", code=125, says="container ID file found")


def test_rm_flag_removes_the_container_and_its_anonymous_volumes(
    cli: Client, image: str, unique: str
) -> None:
    before = set(cli.ok("volume", "ls", "-q").split())
    cli.ok("run", "--rm", "--name", unique, "-v", "/data", image, "touch", "/data/x")
    cli.fails("inspect", unique, says="(?i)no such")
    made = cli.ok("run", "-d", "--rm", "-v", "/data", image, "sleep", "0.1")
    until(lambda: cli("inspect", made).code == 1, "the container is gone")
    until(lambda: set(cli.ok("volume", "ls", "-q").split()) <= before, "its volumes are gone")


def test_a_name_is_given_once(cli: Client, image: str, unique: str) -> None:
    first = cli.ok("create", "--name", unique, image)
    says = rf'Conflict\. The container name "/{unique}" is already in use by container "{first}"'
    cli.fails("create", "--name", unique, image, says=says)
    cli.fails("run", "--name", unique, image, "true", code=125, says=says)


def test_a_name_is_free_after_the_container_is_gone(cli: Client, image: str, unique: str) -> None:
    for _ in range(3):
        cli.ok("create", "--name", unique, image)
        assert cli.ok("rm", unique) == unique


def test_every_container_has_a_name_of_two_words(cli: Client, image: str) -> None:
    name = cli.inspect(cli.ok("create", image))["Name"]
    assert name.startswith("/") and "_" in name


def test_stop_sends_term_and_waits(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sh", "-c", POLITE)
    ready(cli, made)
    assert cli.ok("stop", made) == made
    assert cli.state(made)["ExitCode"] == 7
    assert cli.ok("logs", made) == "ready\nbye"


def test_stop_kills_after_the_timeout(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sh", "-c", DEAF)
    ready(cli, made)
    cli.ok("stop", "-t", "1", made)
    assert cli.state(made)["ExitCode"] == 137


def test_stop_takes_the_containers_own_signal_and_timeout(cli: Client, image: str) -> None:
    line = ["sh", "-c", "trap 'exit 9' USR1; trap '' TERM; echo ready; while :; do sleep 0.05; done"]
    made = cli.ok("run", "-d", "--stop-signal", "USR1", "--stop-timeout", "30", image, *line)
    ready(cli, made)
    cli.ok("stop", made)
    assert cli.state(made)["ExitCode"] == 9


def test_stop_takes_a_signal(cli: Client, image: str) -> None:
    made = cli.ok(
        "run", "-d", image, "sh", "-c", "trap 'exit 4' INT; echo ready; while :; do sleep 0.05; done"
    )
    ready(cli, made)
    cli.ok("stop", "-s", "SIGINT", made)
    assert cli.state(made)["ExitCode"] == 4


def test_stopping_a_stopped_container_is_fine(cli: Client, image: str) -> None:
    made = cli.ok("create", image)
    assert cli.ok("stop", made) == made


@pytest.mark.parametrize(("flags", "code"), [([], 137), (["-s", "TERM"], 7), (["--signal", "15"], 7)])
def test_kill_sends_a_signal(cli: Client, image: str, flags: list[str], code: int) -> None:
    made = cli.ok("run", "-d", image, "sh", "-c", POLITE)
    ready(cli, made)
    assert cli.ok("kill", *flags, made) == made
    assert cli.ok("wait", made) == str(code)


def test_kill_needs_a_running_container_and_a_real_signal(cli: Client, image: str, unique: str) -> None:
    made = cli.ok("create", "--name", unique, image)
    cli.fails("kill", unique, says=f"container {made} is not running")
    running = cli.ok("run", "-d", image, "sleep", "1000")
    cli.fails("kill", "-s", "NOSUCH", running, says="(?i)invalid signal: NOSUCH")


def test_restart_makes_a_new_process_in_the_same_container(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sh", "-c", "echo x >>/f; wc -l </f; exec sleep 1000")
    ready(cli, made, "1")
    pid = cli.state(made)["Pid"]
    assert cli.ok("restart", "-t", "0", made) == made
    ready(cli, made, "1\n2")
    assert cli.state(made)["Pid"] != pid
    stopped = cli.ok("create", image, "sleep", "1000")
    cli.ok("restart", stopped)
    assert cli.state(stopped)["Running"]


def test_a_paused_container_stands_still(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sh", "-c", "while :; do date +%s%N >/t; done")
    until(lambda: cli("exec", made, "cat", "/t").out, "it writes")
    assert cli.ok("pause", made) == made
    state = cli.state(made)
    assert (state["Status"], state["Paused"], state["Running"]) == ("paused", True, True)
    assert "(Paused)" in cli.ok("ps", "--filter", f"id={made}", "--format", "{{.Status}}")
    first, second = (cli.ok("cp", f"{made}:/t", "-") for _ in range(2))
    assert first == second
    cli.fails("exec", made, "true", says="is paused, unpause the container before exec")
    cli.fails("pause", made, says="is already paused")
    assert cli.ok("unpause", made) == made
    until(lambda: cli.ok("cp", f"{made}:/t", "-") != first, "it writes again")
    cli.fails("unpause", made, says="is not paused")


def test_a_paused_container_can_be_stopped_and_removed(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    cli.ok("pause", made)
    cli.ok("stop", "-t", "1", made)
    assert cli.state(made)["Status"] == "exited"
    made = cli.ok("run", "-d", image, "sleep", "1000")
    cli.ok("pause", made)
    cli.ok("rm", "-f", made)


def test_wait_prints_every_code(cli: Client, image: str) -> None:
    made = [cli.ok("run", "-d", image, "sh", "-c", f"exit {code}") for code in (0, 4)]
    assert cli.ok("wait", *made) == "0\n4"


def test_wait_conditions(docker: Client, api: Api, image: str) -> None:
    made = docker.ok("run", "-d", "--rm", image, "sh", "-c", "sleep 0.2; exit 6")
    answer = api.post(f"/containers/{made}/wait", condition="removed")
    assert answer.json["StatusCode"] == 6
    assert api.get(f"/containers/{made}/json").status == 404
    done = docker.ok("create", image, "true")
    docker.ok("start", done)
    assert api.post(f"/containers/{done}/wait").json["StatusCode"] == 0
    assert api.post(f"/containers/{done}/wait", condition="not-running").json["StatusCode"] == 0
    assert api.post(f"/containers/{done}/wait", condition="sometime").status == 400


def test_a_running_container_is_removed_by_force_only(cli: Client, image: str, unique: str) -> None:
    made = cli.ok("run", "-d", "--name", unique, image, "sleep", "1000")
    cli.fails("rm", unique, says=f'cannot remove container "/?{unique}": container is running')
    assert cli.ok("rm", "-f", unique) == unique
    cli.fails("inspect", made, says="(?i)no such")
    cli.fails("rm", unique, says=f"No such container: {unique}")
    cli("rm", "-f", unique)  # with -f a missing container is no error


def test_rm_v_removes_anonymous_volumes_and_keeps_named_ones(cli: Client, image: str, unique: str) -> None:
    made = cli.ok("create", "-v", "/anonymous", "-v", f"{unique}:/named", image)
    anonymous = next(m["Name"] for m in cli.inspect(made)["Mounts"] if m["Destination"] == "/anonymous")
    cli.ok("rm", "-v", made)
    volumes = cli.ok("volume", "ls", "-q").split()
    assert anonymous not in volumes and unique in volumes


def test_rename(cli: Client, image: str, unique: str) -> None:
    made = cli.ok("create", "--name", unique, image)
    other = cli.ok("create", "--name", f"{unique}-other", image)
    cli.ok("rename", unique, f"{unique}-new")
    assert cli.inspect(f"{unique}-new")["Id"] == made
    cli.fails("inspect", unique, says="(?i)no such")
    cli.fails(
        "rename",
        other,
        f"{unique}-new",
        says=f'The container name "/{unique}-new" is already in use by container',
    )
    cli.fails("rename", other, "no/slash", says="(?i)Invalid container name")


def test_attach_shows_output_from_now_on_and_passes_input(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-i", image, "sh", "-c", 'while read x; do echo "got $x"; done; exit 8')
    with cli.background("attach", made) as process:
        assert process.stdin and process.stdout
        process.stdin.write(b"one\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"got one\n"
    # Standard input of a container made with `run -d -i` stays open when a client goes.
    assert cli.state(made)["Running"]
    cli.ok("kill", made)
    cli.fails("attach", made, says="(?i)cannot attach to a stopped container")


def test_attach_returns_the_exit_code(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-i", image, "sh", "-c", "read x; echo got $x; exit 8")
    assert cli("attach", made, stdin=b"word\n").code == 8


def test_attach_passes_signals_on(cli: Client, image: str) -> None:
    line = "trap 'echo bye; exit 7' TERM; while :; do echo tick; sleep 0.05; done"
    made = cli.ok("run", "-d", image, "sh", "-c", line)
    with cli.background("attach", made) as process:
        assert process.stdout
        assert process.stdout.readline() == b"tick\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 7


def test_a_terminal_session_detaches_and_attaches_again(cli: Client, image: str, unique: str) -> None:
    line = cli.argv("run", "-it", "--name", unique, image, "sh")
    with Terminal(line, cli.env, rows=30, columns=100) as terminal:
        terminal.type("stty size; echo A=$((40+2))\n")
        terminal.expect("30 100")
        terminal.expect("A=42")
        terminal.type("\x10\x11")
        assert terminal.wait() == 0
    assert cli.state(unique)["Running"]
    with Terminal(cli.argv("attach", unique), cli.env, rows=20, columns=70) as terminal:
        terminal.type("echo B=$((40+3))\n")
        terminal.expect("B=43")

        def resized() -> bool:
            terminal.type("stty size\n")
            return terminal.expect(r"\d+ \d+\r").group().strip() == "20 70"

        until(resized, "the terminal has the client's size")
        terminal.type("exit 3\n")
        assert terminal.wait() == 3


def test_detach_keys_can_be_chosen(cli: Client, image: str, unique: str) -> None:
    line = cli.argv("run", "-it", "--detach-keys", "ctrl-a,d", "--name", unique, image, "cat")
    with Terminal(line, cli.env) as terminal:
        terminal.type("hello\n")
        terminal.expect("hello\r\nhello")
        terminal.type("\x01d")
        assert terminal.wait() == 0
    assert cli.state(unique)["Running"]


def test_resizing_the_terminal_reaches_the_program(cli: Client, image: str) -> None:
    line = cli.argv(
        "run",
        "-it",
        "--rm",
        image,
        "sh",
        "-c",
        "trap 'stty size' WINCH; echo up; while :; do sleep 0.1; done",
    )
    with Terminal(line, cli.env) as terminal:
        terminal.expect("up")

        # The kernel tells of changes only, and a client that just started may not listen yet: change, and again.
        sizes = itertools.cycle([(33, 99), (34, 98)])

        def changed() -> bool:
            terminal.resize(*next(sizes))
            return bool(terminal.seen(r"33 99|34 98", seconds=0.5))

        until(changed, "the new size")
        terminal.type("\x03")
        terminal.wait()


def test_top_lists_the_processes(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1234")
    shown = cli.ok("top", made)
    assert shown.splitlines()[0].split()[:2] == ["UID", "PID"]
    assert "sleep 1234" in shown
    assert str(cli.state(made)["Pid"]) in shown
    assert cli.ok("top", made, "-o", "pid,comm").splitlines()[0].split() == ["PID", "COMMAND"]
    cli.ok("kill", made)
    cli.fails("top", made, says="is not running")


def test_stats_shows_use(cli: Client, image: str, unique: str) -> None:
    cli.ok("run", "-d", "--name", unique, "-m", "64m", image, "sleep", "1000")
    row = json.loads(cli.ok("stats", "--no-stream", "--format", "json", unique))
    assert row["Name"] == unique and row["MemUsage"].endswith("64MiB") and row["PIDs"] == "1"
    assert cli.ok("stats", "--no-stream", unique).splitlines()[0].startswith("CONTAINER ID")


def test_diff_tells_what_changed(cli: Client, image: str) -> None:
    made = cli.ok(
        "run", "-d", image, "sh", "-c", "echo x >/new; rm /etc/group; echo y >>/etc/passwd; mkdir /d"
    )
    cli.ok("wait", made)
    assert sorted(cli.ok("diff", made).splitlines()) == [
        "A /d",
        "A /new",
        "C /etc",
        "C /etc/passwd",
        "D /etc/group",
    ]


def test_prune_removes_stopped_containers_only(docker: Client, image: str, session: "object") -> None:
    label = f"label={docker.label}-prune"
    flag = ["--label", f"{docker.label}-prune"]
    stopped = docker.ok("run", "-d", *flag, image, "true")
    docker.ok("wait", stopped)
    running = docker.ok("run", "-d", *flag, image, "sleep", "1000")
    shown = docker.ok("container", "prune", "-f", "--filter", label)
    assert stopped in shown and running not in shown
    docker.fails("inspect", stopped, says="(?i)no such")
    assert docker.state(running)["Running"]


def test_restart_policy_on_failure_gives_up(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "--restart", "on-failure:2", image, "sh", "-c", "echo x; exit 1")
    until(
        lambda: cli.inspect(made)["RestartCount"] == 2 and cli.state(made)["Status"] == "exited",
        "two restarts",
    )
    assert cli.ok("logs", made) == "x\nx\nx"


def test_restart_policy_always_until_it_is_stopped(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "--restart", "always", image, "sh", "-c", "sleep 0.1")
    until(lambda: cli.inspect(made)["RestartCount"] >= 1, "a restart")
    cli.ok("stop", "-t", "0", made)
    assert cli.state(made)["Status"] == "exited"
    cli.ok("start", made)
    until(lambda: cli.inspect(made)["RestartCount"] >= 1, "a restart after a start")


def test_success_is_not_restarted_on_failure(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "--restart", "on-failure", image, "true")
    assert cli.ok("wait", made) == "0"
    assert cli.inspect(made)["RestartCount"] == 0


def test_restart_and_rm_exclude_each_other(cli: Client, image: str) -> None:
    cli.fails("run", "--rm", "--restart", "always", image, "true", code=125, says="(?i)conflicting options")


def test_update_changes_the_restart_policy(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    assert cli.ok("update", "--restart", "on-failure:4", made) == made
    assert cli.inspect(made)["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 4}


def test_an_init_reaps_orphans(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "--init", image, "sh", "-c", "sh -c 'sleep 0.05 &'; exec sleep 1000")
    zombies = ["exec", made, "sh", "-c", "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l"]
    until(lambda: cli.ok("exec", made, "sh", "-c", "pidof sleep | wc -w") == "1", "the orphan ended")
    assert cli.ok(*zombies) == "0"


HEALTH = ["--health-interval", "0.2s", "--health-retries", "2", "--health-timeout", "5s"]


def test_a_health_check_turns_healthy_and_unhealthy(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "--health-cmd", "echo seen; test ! -e /sick", *HEALTH, image, "sleep", "1000")
    assert cli.state(made)["Health"]["Status"] in ("starting", "healthy")
    until(lambda: cli.state(made)["Health"]["Status"] == "healthy", "healthy")
    assert "(healthy)" in cli.ok("ps", "--filter", f"id={made}", "--format", "{{.Status}}")
    log = cli.state(made)["Health"]["Log"][-1]
    assert (log["ExitCode"], log["Output"]) == (0, "seen\n")
    assert made[:12] in cli.ok("ps", "-q", "--filter", "health=healthy")
    cli.ok("exec", made, "touch", "/sick")
    until(lambda: cli.state(made)["Health"]["Status"] == "unhealthy", "unhealthy")
    assert cli.state(made)["Health"]["FailingStreak"] >= 2


def test_a_health_check_that_hangs_times_out(cli: Client, image: str) -> None:
    flags = ["--health-interval", "0.2s", "--health-retries", "1", "--health-timeout", "0.3s"]
    made = cli.ok("run", "-d", "--health-cmd", "sleep 100", *flags, image, "sleep", "1000")
    until(lambda: cli.state(made)["Health"]["Status"] == "unhealthy", "unhealthy")
    assert "exceeded timeout" in cli.state(made)["Health"]["Log"][0]["Output"]
    assert cli.state(made)["Health"]["Log"][0]["ExitCode"] == -1


def test_no_healthcheck_turns_the_images_off(docker: Client, image: str, unique: str) -> None:
    docker.ok("commit", "-c", "HEALTHCHECK CMD true", docker.ok("create", image), unique)
    assert docker.state(docker.ok("run", "-d", unique, "sleep", "1000"))["Health"]["Status"]
    assert "Health" not in docker.state(docker.ok("run", "-d", "--no-healthcheck", unique, "sleep", "1000"))


def test_running_out_of_memory_is_detected(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-m", "16m", "--memory-swap", "16m", image, "tail", "/dev/zero")
    assert cli.ok("wait", made) == "137"
    assert cli.state(made)["OOMKilled"] is True


FILTERS = [
    ("status=running", {"run"}),
    ("status=exited", {"done"}),
    ("status=created", {"new"}),
    ("exited=5", {"done"}),
    ("label=color=red", {"run", "new"}),
    ("label=color", {"run", "new", "done"}),
    ("since=P-run", {"done", "new"}),
    ("before=P-done", {"run"}),
    ("volume=/vol", {"new"}),
    ("name=P-(run|new)", {"run", "new"}),
]


def test_ps_filters(cli: Client, image: str, unique: str) -> None:
    cli.ok("run", "-d", "--name", f"{unique}-run", "--label", "color=red", image, "sleep", "1000")
    done = cli.ok(
        "run", "-d", "--name", f"{unique}-done", "--label", "color=blue", image, "sh", "-c", "exit 5"
    )
    cli.ok("create", "--name", f"{unique}-new", "--label", "color=red", "-v", "/vol", image)
    cli.ok("wait", done)
    for text, wanted in FILTERS:
        flags = ["--filter", text.replace("P-", f"{unique}-"), "--filter", f"name={unique}-"]
        if text.startswith("name="):
            flags = flags[:2]
        names = cli.ok("ps", "-a", *flags, "--format", "{{.Names}}").splitlines()
        assert {name.removeprefix(f"{unique}-") for name in names} == wanted, text
    assert cli.ok("ps", "--filter", f"name={unique}-", "--format", "{{.Names}}") == f"{unique}-run"
    ancestor = cli.ok("ps", "-a", "--filter", f"ancestor={image}", "--format", "{{.Names}}")
    assert f"{unique}-new" in ancestor
    cli.fails("ps", "--filter", "nosuch=1", says="(?i)invalid filter 'nosuch'")


def test_ps_formats(cli: Client, image: str, unique: str) -> None:
    made = cli.ok("run", "-d", "--name", unique, "-p", "127.0.0.1::80", image, "sleep", "1000")
    ps = ["ps", "--filter", f"name={unique}"]
    header = cli.ok(*ps).splitlines()[0].split("  ")
    assert [h.strip() for h in header if h.strip()] == [
        "CONTAINER ID",
        "IMAGE",
        "COMMAND",
        "CREATED",
        "STATUS",
        "PORTS",
        "NAMES",
    ]
    row = json.loads(cli.ok(*ps, "--format", "json"))
    assert (row["ID"], row["Names"], row["Image"], row["State"]) == (made[:12], unique, image, "running")
    assert row["Command"] == '"sleep 1000"' and row["Ports"].startswith("127.0.0.1:")
    table = cli.ok(*ps, "--format", "table {{.Names}}\t{{.Image}}").splitlines()
    assert table[0].split() == ["NAMES", "IMAGE"] and table[1].split() == [unique, image]
    assert cli.ok(*ps, "-s", "--format", "{{.Size}}").startswith("0B (virtual ")
    assert cli.ok("inspect", "--format", "{{json .State.Status}} {{len .Mounts}}", made) == '"running" 0'
    assert cli.ok("inspect", "-f", "{{range $k, $v := .Config.Labels}}{{$k}}{{end}}", made) == "sampan.test"


def test_port_lists_published_ports(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-p", "127.0.0.1::80", "-p", "127.0.0.1::53/udp", image, "sleep", "1000")
    shown = cli.ok("port", made).splitlines()
    assert [line.split(" -> ")[0] for line in sorted(shown)] == ["53/udp", "80/tcp"]
    assert cli.ok("port", made, "80").startswith("127.0.0.1:")
    cli.fails("port", made, "81", says="(?i)no public port '81' published")


def test_many_containers_start_at_once(docker: Client, image: str) -> None:
    made = [docker.ok("create", image, "sh", "-c", f"exit {code}") for code in range(12)]
    docker.ok("start", *made)
    assert docker.ok("wait", *made).split() == [str(code) for code in range(12)]
