"""From a spec to a running program: exit codes, errors, isolation, identity."""

import os
from pathlib import Path

import pytest

from sampan import errors
from sampan.runtime.client import read_exit, read_status
from tests.runtime.rig import Rig, namespaces, process, spec, until

pytestmark = pytest.mark.root

CREATE = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: "
)


@pytest.mark.parametrize(
    ("script", "code"),
    [("true", 0), ("exit 7", 7), ("sh -c 'kill -9 $$'; exit $?", 137), ("sh -c 'kill -15 $$'; exit $?", 143)],
)
async def test_exit_code_is_the_programs(rig: Rig, script: str, code: int) -> None:
    running = await rig.run("sh", "-c", script)
    assert await running.exit() == code
    stored = read_exit(running.paths)
    assert stored is not None and stored["code"] == code and stored["oom"] is False


async def test_a_signal_counts_as_128_plus_its_number(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "100")))
    await running.shim.kill(9)
    assert await running.exit() == 137


@pytest.mark.parametrize(
    ("program", "kind", "text"),
    [
        ("nope", errors.NotFound, 'exec: "nope": executable file not found in $PATH: unknown'),
        ("/nope", errors.NotFound, 'exec: "/nope": stat /nope: no such file or directory: unknown'),
        ("./nope", errors.NotFound, 'exec: "./nope": stat ./nope: no such file or directory: unknown'),
        ("/etc/passwd", errors.Denied, 'exec: "/etc/passwd": permission denied: unknown'),
        ("/etc", errors.Denied, 'exec: "/etc": is a directory: unknown: permission denied'),
    ],
)
async def test_a_program_that_cannot_run_is_refused_in_runcs_words(
    rig: Rig, program: str, kind: type[errors.SampanError], text: str
) -> None:
    paths = rig.new()
    with pytest.raises(kind) as caught:
        await rig.start(spec(process(program)), paths=paths)
    assert caught.value.message == CREATE + text
    assert not paths.exec.exists()


async def test_a_file_the_kernel_cannot_run_says_so_on_its_own_stderr(rig: Rig) -> None:
    (rig.lower / "bin/bad").write_text("just text\n")
    (rig.lower / "bin/bad").chmod(0o755)
    running = await rig.run("bad")
    assert await running.exit() == 255
    assert running.output("stderr") == "exec bad: exec format error\n"


async def test_nothing_of_the_host_is_open_in_the_container(rig: Rig) -> None:
    # The descriptor of the directory being listed is the only one above standard error.
    assert (await rig.shell("ls /proc/self/fd")).split() == ["0", "1", "2", "3"]


@pytest.mark.parametrize("kind", ["mnt", "uts", "ipc", "pid", "net", "cgroup"])
async def test_each_namespace_is_its_own(rig: Rig, kind: str) -> None:
    inside = await rig.shell(f"readlink /proc/self/ns/{kind}")
    assert inside.strip() != os.readlink(f"/proc/self/ns/{kind}")


async def test_a_namespace_that_is_not_asked_for_stays_the_hosts(rig: Rig) -> None:
    plain = spec(
        process("sh", "-c", "for n in net pid uts; do readlink /proc/self/ns/$n; done"),
        namespaces=namespaces("mount", "ipc"),
    )
    running = await rig.start(plain)
    assert await running.exit() == 0
    assert running.output().split() == [
        os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "pid", "uts")
    ]


async def test_namespaces_of_another_container_are_joined(rig: Rig) -> None:
    first = await rig.start(spec(process("sleep", "100")))
    joined = {
        kind: f"/proc/{first.shim.pid}/ns/{name}"
        for kind, name in (("network", "net"), ("ipc", "ipc"), ("pid", "pid"))
    }
    plain = spec(
        process("sh", "-c", "for n in net ipc pid; do readlink /proc/self/ns/$n; done; ps"),
        namespaces=namespaces("mount", "uts", "cgroup", **joined),
    )
    second = await rig.start(plain)
    assert await second.exit() == 0
    output = second.output()
    assert output.split()[:3] == [
        os.readlink(f"/proc/{first.shim.pid}/ns/{name}") for name in ("net", "ipc", "pid")
    ]
    assert "sleep 100" in output
    os.kill(first.shim.pid, 0)  # the second's end is not the first's
    await first.shim.kill(9)


async def test_the_first_process_is_number_one_in_its_cgroup_and_named_host(rig: Rig) -> None:
    output = await rig.shell("echo $$; hostname; cat /proc/self/cgroup")
    lines = output.splitlines()
    assert lines[:2] == ["1", "boat"]
    assert all(line.endswith(":/") for line in lines[2:])


async def test_capabilities_are_limited_to_the_given_sets(rig: Rig) -> None:
    output = await rig.shell("grep Cap /proc/self/status")
    assert [line.split() for line in output.splitlines()] == [
        ["CapInh:", "0000000000000000"],
        ["CapPrm:", "00000000a80425fb"],
        ["CapEff:", "00000000a80425fb"],
        ["CapBnd:", "00000000a80425fb"],
        ["CapAmb:", "0000000000000000"],
    ]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"uid": 0, "gid": 0}, "uid=0(root) gid=0(root) groups=0(root) /root"),
        ({"uid": 5, "gid": 6, "additionalGids": [7]}, "uid=5 gid=6 groups=6,7 /"),
        ({"username": "app"}, "uid=1000(app) gid=1000(app) groups=1000(app),50(staff),2000(extra) /home/app"),
        ({"username": "app:daemon"}, "uid=1000(app) gid=1(daemon) groups=1(daemon) /home/app"),
        ({"username": "77"}, "uid=77 gid=0(root) groups=0(root) /"),
        (
            {"uid": 0, "gid": 0, "additionalGroups": ["staff", "9"]},
            "uid=0(root) gid=0(root) groups=0(root),9,50(staff) /root",
        ),
    ],
)
async def test_the_user_is_resolved_inside_the_root(rig: Rig, user: dict[str, object], expected: str) -> None:
    running = await rig.start(spec(process("sh", "-c", "echo $(id) $HOME", user=user)))
    await running.exit()

    def groups(text: str) -> list[object]:
        return [sorted(part[7:].split(",")) if part.startswith("groups=") else part for part in text.split()]

    assert groups(running.output()) == groups(expected)


async def test_an_unknown_user_is_named(rig: Rig) -> None:
    with pytest.raises(errors.Invalid) as caught:
        await rig.start(spec(process("true", user={"username": "nope"})))
    assert caught.value.message == "unable to find user nope: no matching entries in passwd file"


async def test_a_user_may_write_to_standard_output_by_name(rig: Rig) -> None:
    script = "echo one >/dev/stdout; echo two >/dev/stderr; cat /proc/self/status | grep CapEff"
    running = await rig.start(spec(process("sh", "-c", script, user={"uid": 1000, "gid": 1000})))
    await running.exit()
    assert running.output().split() == ["one", "CapEff:", "0000000000000000"]
    assert running.output("stderr") == "two\n"


async def test_limits_mask_and_no_new_privileges_are_set(rig: Rig) -> None:
    running = await rig.start(
        spec(
            process(
                "sh",
                "-c",
                "ulimit -n; umask; grep NoNewPrivs /proc/self/status; cat /proc/self/oom_score_adj; pwd",
                rlimits=[{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}],
                user={"uid": 0, "gid": 0, "umask": 0o077},
                noNewPrivileges=True,
                oomScoreAdj=300,
                cwd="/made/for/it",
            )
        )
    )
    await running.exit()
    assert running.output().split() == ["100", "0077", "NoNewPrivs:", "1", "300", "/made/for/it"]


async def test_sysctls_are_written_in_the_containers_namespaces(rig: Rig) -> None:
    plain = spec(process("cat", "/proc/sys/net/ipv4/ip_forward"), sysctl={"net.ipv4.ip_forward": "1"})
    running = await rig.start(plain)
    await running.exit()
    assert running.output() == "1\n"
    with pytest.raises(errors.Failed, match="open /proc/sys/net/ipv4/nope: no such file or directory"):
        await rig.start(spec(process("true"), sysctl={"net.ipv4.nope": "1"}))


async def test_state_is_on_disk_while_it_runs(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "100")))
    status = read_status(running.paths)
    assert status is not None
    assert (status["id"], status["pid"]) == (running.paths.id, running.shim.pid)
    assert os.readlink(f"/proc/{status['pid']}/ns/pid") != os.readlink("/proc/self/ns/pid")
    assert status["cgroup"] == f"{rig.cgroup}/{running.paths.id}"
    await running.shim.kill(15)
    assert await until(lambda: running.paths.state.exists(), "state file")


async def test_init_reaps_forwards_signals_and_exits_as_the_program(rig: Rig) -> None:
    script = "trap 'echo got; exit 9' TERM; (sleep 0.1 & exec sleep 0.01) & while :; do sleep 0.05; done"
    running = await rig.start(spec(process("sh", "-c", script)), init=True)
    await until(
        lambda: b"docker-init" in Path(f"/proc/{running.shim.pid}/cmdline").read_bytes(), "PID 1 is init"
    )
    assert Path(f"/proc/{running.shim.pid}/status").read_text().count("CapEff:\t00000000a80425fb") == 1
    await running.shim.kill(15)
    assert await running.exit() == 9
    assert running.output() == "got\n"
