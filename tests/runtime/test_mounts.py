"""What is mounted in a container: filesystems, binds, masks, and targets that try to lead out."""

import os
from pathlib import Path
from typing import Any

import pytest

from sampan import errors
from tests.runtime.rig import Rig, process, spec

pytestmark = pytest.mark.root


def bind(source: Path | str, target: str, *options: str) -> dict[str, Any]:
    return {
        "destination": target,
        "type": "bind",
        "source": str(source),
        "options": ["rbind", "rprivate", *options],
    }


def tmpfs(target: str, *options: str) -> dict[str, Any]:
    return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": list(options)}


async def output(rig: Rig, script: str, mounts: list[dict[str, Any]] | None = None, **linux: Any) -> str:
    running = await rig.start(spec(process("sh", "-c", script), mounts, **linux))
    assert await running.exit() == 0, running.log()
    return running.output()


async def test_files_and_directories_are_bound_their_targets_made(rig: Rig) -> None:
    directory = rig.root / "directory"
    directory.mkdir()
    (directory / "a").write_text("content")
    script = "cat /deep/er/a /one/file; echo new >/deep/er/b"
    assert (
        await output(rig, script, [bind(directory, "/deep/er"), bind(directory / "a", "/one/file")])
        == "content" * 2
    )
    assert (directory / "b").read_text() == "new\n"


async def test_a_read_only_bind_cannot_be_written(rig: Rig) -> None:
    script = "touch /v/x 2>&1 || true; grep ' /v ' /proc/self/mountinfo | cut -d' ' -f6"
    text = await output(rig, script, [bind(rig.root, "/v", "ro")])
    assert text.splitlines() == ["touch: /v/x: Read-only file system", "ro,relatime"]


async def test_recursive_read_only_reaches_the_mounts_below(rig: Rig) -> None:
    if not os.path.ismount("/dev/shm"):
        pytest.skip("/dev/shm is no mount of its own here")
    name = f"sampan-test-{os.getpid()}"
    script = f"for d in /v /v/shm; do touch $d/{name} 2>/dev/null && rm $d/{name} && echo $d; done; true"
    assert await output(rig, script, [bind("/dev", "/v", "rro")]) == ""
    assert await output(rig, script, [bind("/dev", "/v", "ro")]) == "/v/shm\n"


async def test_a_missing_bind_source_is_named(rig: Rig) -> None:
    with pytest.raises(errors.Failed) as caught:
        await output(rig, "true", [bind("/no/such", "/v")])
    assert (
        'error mounting "/no/such" to rootfs at "/v": stat /no/such: no such file or directory'
        in caught.value.message
    )


async def test_a_directory_over_a_file_is_refused_with_dockers_hint(rig: Rig) -> None:
    with pytest.raises(errors.Failed) as caught:
        await output(rig, "true", [bind(rig.root, "/etc/passwd")])
    assert "not a directory" in caught.value.message
    assert "Are you trying to mount a directory onto a file (or vice-versa)?" in caught.value.message


@pytest.mark.parametrize("link", ["/etc", "../../../../../etc", "/sampan-nowhere"])
async def test_a_link_in_the_image_cannot_lead_a_mount_out(rig: Rig, link: str) -> None:
    (rig.lower / "link").symlink_to(link)
    before = sorted(os.listdir("/etc"))
    text = await output(rig, "cat /link/made/file", [bind(Path(__file__), "/link/made/file")])
    assert text == Path(__file__).read_text()
    assert sorted(os.listdir("/etc")) == before
    assert not os.path.exists("/sampan-nowhere")


async def test_proc_is_not_mounted_on_a_link(rig: Rig) -> None:
    (rig.lower / "proc").rmdir()
    (rig.lower / "proc").symlink_to("tmp")
    with pytest.raises(errors.Failed, match="must be mounted on ordinary directory"):
        await output(rig, "true")


async def test_a_tmpfs_has_its_options_and_may_start_with_what_was_below(rig: Rig) -> None:
    (rig.lower / "data").mkdir(0o750)
    (rig.lower / "data/sub").mkdir()
    (rig.lower / "data/sub/file").write_text("kept")
    (rig.lower / "data/link").symlink_to("sub/file")
    script = "cat /data/link; stat -c %a /data /data/sub; df -k /small | tail -1 | awk '{print $2}'; touch /ro/x 2>&1 || true"
    mounts = [tmpfs("/data", "tmpcopyup"), tmpfs("/small", "size=128k"), tmpfs("/ro", "ro", "mode=700")]
    text = await output(rig, script, mounts)
    assert text.splitlines() == ["kept750", "755", "128", "touch: /ro/x: Read-only file system"]


async def test_masked_and_read_only_paths(rig: Rig) -> None:
    script = "wc -c </proc/timer_list; ls /sys/firmware; (echo x >/proc/sys/kernel/printk) 2>&1 | grep -o 'Read-only.*'"
    assert await output(rig, script) == "0\nRead-only file system\n"


async def test_a_read_only_root_still_has_writable_mounts(rig: Rig) -> None:
    plain = spec(
        process("sh", "-c", "touch /x 2>&1 | grep -o 'Read-only.*'; touch /t/x /dev/shm/x && echo ok"),
        [tmpfs("/t")],
    )
    plain["root"]["readonly"] = True
    running = await rig.start(plain)
    assert await running.exit() == 0
    assert running.output() == "Read-only file system\nok\n"


async def test_devices_are_made_and_only_those(rig: Rig) -> None:
    nodes = [
        {"path": "/dev/deep/loop", "type": "b", "major": 7, "minor": 3, "fileMode": 0o600, "uid": 5, "gid": 6}
    ]
    script = "stat -c '%a %u %g %t %T' /dev/deep/loop /dev/null; readlink /dev/ptmx /dev/fd; ls /dev | sort | tr '\\n' ' '"
    script = script.replace("readlink /dev/ptmx /dev/fd", "readlink /dev/ptmx; readlink /dev/fd")
    lines = (await output(rig, script, devices=nodes)).splitlines()
    assert lines[:4] == ["600 5 6 7 3", "666 0 0 1 3", "pts/ptmx", "/proc/self/fd"]
    assert set(lines[4].split()) <= {
        "core",
        "deep",
        "fd",
        "full",
        "mqueue",
        "null",
        "ptmx",
        "pts",
        "random",
        "shm",
        "stderr",
        "stdin",
        "stdout",
        "tty",
        "urandom",
        "zero",
    }


async def test_the_hosts_mounts_are_gone(rig: Rig) -> None:
    text = await output(rig, "cat /proc/self/mountinfo")
    roots = [line.split()[4] for line in text.splitlines()]
    assert roots[0] == "/" and "/var/tmp" not in roots
    assert all(root == "/" or root.startswith(("/proc", "/dev", "/sys")) for root in roots)


async def test_a_shared_bind_propagates(rig: Rig) -> None:
    plain = spec(process("true"), [bind(rig.root, "/v")], rootfsPropagation="rshared")
    running = await rig.start(plain)
    assert await running.exit() == 0


async def test_many_layers_and_long_names(rig: Rig) -> None:
    layers = []
    for number in range(60):
        layer = rig.root / ("layer" + "x" * 100) / f"{number}"
        layer.mkdir(parents=True)
        (layer / f"file{number}").write_text(str(number))
        layers.append(str(layer))
    paths = rig.new()
    root = {
        "type": "overlay",
        "lower": [*layers, str(rig.lower)],
        "upper": str(paths.upper),
        "work": str(paths.work),
    }
    running = await rig.start(
        spec(process("sh", "-c", "cat /file0 /file59; ls / | grep -c file")), paths=paths, rootfs=root
    )
    assert await running.exit() == 0
    assert running.output() == "05960\n"
