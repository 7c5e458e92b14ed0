"""A user namespace of the container's own: ids shifted by mounts, nothing changed on disk."""

import os
from pathlib import Path

import pytest

from tests.runtime.rig import Rig, namespaces, process, spec
from tests.runtime.test_exec import execute

pytestmark = pytest.mark.root

MAP = [{"containerID": 0, "hostID": 200_000, "size": 65_536}]
KINDS = ("user", "mount", "network", "uts", "pid", "ipc", "cgroup")


def shifted(*args: str, **fields: object) -> dict[str, object]:
    return spec(process(*args, **fields), namespaces=namespaces(*KINDS), uidMappings=MAP, gidMappings=MAP)


async def test_root_inside_is_nobody_outside_and_files_keep_the_images_ids(rig: Rig) -> None:
    script = (
        "id; stat -c '%u:%g' /etc/passwd /home/app; cat /proc/self/uid_map; touch /made; echo more >>/etc/passwd; "
        "rm /etc/group; mkdir /home/app/d; chown 1000:1000 /home/app/d; grep CapEff /proc/self/status; "
        "cat /dev/null; echo x >/dev/stdout"
    )
    running = await rig.start(shifted("sh", "-c", script))
    assert await running.exit() == 0
    assert running.output().splitlines() == [
        "uid=0(root) gid=0(root) groups=0(root)",
        "0:0",
        "1000:1000",
        "         0     200000      65536",
        "CapEff:\t00000000a80425fb",
        "x",
    ]
    upper = running.paths.upper
    owners = {
        name: (upper / name).lstat().st_uid for name in ("made", "etc/passwd", "etc/group", "home/app/d")
    }
    assert owners == {"made": 0, "etc/passwd": 0, "etc/group": 0, "home/app/d": 1000}
    assert (rig.lower / "etc/group").exists()


async def test_the_process_is_the_mapped_user_and_signals_and_exec_work(rig: Rig) -> None:
    running = await rig.start(shifted("sleep", "1000"))
    pid = running.shim.pid
    assert os.stat(f"/proc/{pid}").st_uid == 200_000
    assert Path(f"/proc/{pid}/uid_map").read_text().split() == ["0", "200000", "65536"]
    client = rig.client()
    await execute(
        running, "one", client, process("sh", "-c", "id -u; readlink /proc/1/exe; touch /x; stat -c %u /x")
    )
    assert (await client.read()).split() == [b"0", b"/bin/busybox", b"0"]
    await running.shim.kill(9)
    assert await running.exit() == 137


async def test_a_terminal_works(rig: Rig) -> None:
    client = rig.client(stdin=True, framed=False)
    running = await rig.start(
        shifted("sh", "-c", "tty; stat -c %u $(tty); read x", terminal=True),
        clients=(client,),
        open_stdin=True,
    )
    await client.expect(b"/dev/pts/0\r\n0\r\n")
    await client.send(b"\n")
    assert await running.exit() == 0


async def test_an_idmapped_bind_keeps_its_ids(rig: Rig) -> None:
    volume = rig.root / "volume"
    volume.mkdir()
    (volume / "file").write_text("old")
    plain = shifted("sh", "-c", "stat -c %u /v/file; touch /v/new; cat /v/file")
    bind = {
        "destination": "/v",
        "type": "bind",
        "source": str(volume),
        "options": ["rbind", "rprivate", "idmap"],
    }
    plain["mounts"] = [*plain["mounts"], bind]  # type: ignore[misc]
    running = await rig.start(plain)
    assert await running.exit() == 0
    assert running.output() == "0\nold"
    assert (volume / "new").stat().st_uid == 0


async def test_another_container_may_join(rig: Rig) -> None:
    first = await rig.start(shifted("sleep", "1000"))
    joined = {"user": f"/proc/{first.shim.pid}/ns/user"}
    second = await rig.start(
        spec(
            process("sh", "-c", "id -u; stat -c %u /etc/passwd"), namespaces=namespaces(*KINDS[1:], **joined)
        )
    )
    assert await second.exit() == 0
    assert second.output().split() == ["0", "0"]


async def test_the_namespaces_made_for_the_daemon_are_left_to_no_program_of_its(rig: Rig) -> None:
    users, network = await rig.launcher.user_network(MAP, MAP, rig.root)
    try:
        assert not os.get_inheritable(users) and not os.get_inheritable(network)
    finally:
        os.close(users)
        os.close(network)
