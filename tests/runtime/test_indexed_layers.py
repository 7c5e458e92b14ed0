"""Containers on layers that are a tar with an EROFS index: nothing is unpacked, all is as on directories."""

import os
from pathlib import Path
from typing import Any

import pytest

from sampan.images.erofs import index
from sampan.images.pack import diff_tar
from sampan.linux import erofs
from sampan.linux import mount as m
from sampan.runtime import rootfs
from sampan.storage.mounts import LayerMounts
from tests.runtime.rig import Rig, Running, namespaces, process, spec
from tests.runtime.test_userns import KINDS, MAP, shifted
from tests.support.mounted import in_private_namespace

pytestmark = pytest.mark.root


def layer(root: Path, name: str, source: Path) -> str:
    """A layer with what `source` holds."""
    place = root / name
    place.mkdir()
    tar, image = place / "layer.tar", place / "index.erofs"
    tar.write_bytes(b"".join(diff_tar(str(source))))
    uuid = name.encode().ljust(16, b"-")
    image.write_bytes(index([tar.read_bytes()]).image(tar.stat().st_size, uuid))
    return erofs.lower(str(image), str(tar))


def tree(root: Path, name: str, **files: str) -> Path:
    made = root / name
    made.mkdir()
    for file, text in files.items():
        (made / file).write_text(text)
    return made


@pytest.fixture
def base(rig: Rig) -> str:
    return layer(rig.root, "base", rig.lower)


def on(rig: Rig, *lower: str) -> dict[str, Any]:
    paths = rig.new()
    root = {"type": "overlay", "lower": list(lower), "upper": str(paths.upper), "work": str(paths.work)}
    return {"paths": paths, "rootfs": root}


def shifted_spec(command: dict[str, Any]) -> dict[str, Any]:
    return spec(command, namespaces=namespaces(*KINDS), uidMappings=MAP, gidMappings=MAP)


async def test_a_container_runs_and_writes_as_on_a_directory(rig: Rig, base: str) -> None:
    script = "cat /etc/passwd | head -1; echo x >> /etc/passwd; rm /etc/group; stat -c %u /home/app; mkdir /d"
    running = await rig.start(spec(process("sh", "-c", script)), **on(rig, base))
    assert await running.exit() == 0
    assert running.output().splitlines()[1] == "1000"
    upper = running.paths.upper
    assert (upper / "d").is_dir() and (upper / "etc/group").is_char_device()
    assert (upper / "etc/passwd").read_text().endswith("x\n")


async def test_both_forms_mix_and_hide_each_other(rig: Rig, base: str) -> None:
    top = tree(rig.root, "top", a="top")
    os.mknod(top / "b", 0o020000, 0)
    middle = tree(rig.root, "middle", a="middle", b="middle", c="middle")
    lowers = [layer(rig.root, "l2", top), str(middle), base]
    running = await rig.start(spec(process("sh", "-c", "cat /a /c; ls /b")), **on(rig, *lowers))
    assert await running.exit() == 1
    assert running.output() == "topmiddle"


async def test_files_of_all_layers_share_one_device_number(rig: Rig, base: str) -> None:
    top = layer(rig.root, "l2", tree(rig.root, "top", a="top"))
    script = "echo >/new; stat -c %d / /a /new /bin/busybox | sort -u | wc -l"
    running = await rig.start(spec(process("sh", "-c", script)), **on(rig, top, base))
    assert await running.exit() == 0
    assert running.output().strip() == "1"


async def test_many_layers(rig: Rig, base: str) -> None:
    layers = [
        layer(rig.root, f"n{number}", tree(rig.root, f"t{number}", **{f"file{number}": str(number)}))
        for number in range(60)
    ]
    script = "cat /file0 /file59; ls / | grep -c file"
    running = await rig.start(spec(process("sh", "-c", script)), **on(rig, *layers, base))
    assert await running.exit() == 0
    assert running.output() == "05960\n"


async def test_a_user_namespace_shifts_ids(rig: Rig, base: str) -> None:
    script = "id -u; stat -c '%u:%g' /etc/passwd /home/app; echo more >>/etc/passwd; rm /etc/group"
    running = await rig.start(shifted("sh", "-c", script), **on(rig, base))
    assert await running.exit() == 0
    assert running.output().split() == ["0", "0:0", "1000:1000"]
    assert (running.paths.upper / "etc/passwd").lstat().st_uid == 0


async def test_an_image_is_mounted_into_a_container(rig: Rig, base: str) -> None:
    single = layer(rig.root, "l2", tree(rig.root, "top", a="top"))
    mounts = [
        {"destination": place, "type": "overlay", "source": "overlay", "lower": lower, "options": ["ro"]}
        for place, lower in (("/one", [single]), ("/two", [single, base]), ("/plain", [str(rig.lower)]))
    ]
    script = "cat /one/a /two/a; ls /two/etc/passwd /plain/etc/passwd; touch /one/x || touch /two/x || touch /plain/x"
    plain = spec(process("sh", "-c", script))
    plain["mounts"] = [*plain["mounts"], *mounts]
    running = await rig.start(plain)
    assert await running.exit() == 1
    assert running.output() == "toptop/plain/etc/passwd\n/two/etc/passwd\n"
    assert running.output("stderr").count("Read-only file system") == 3


async def test_mounts_given_are_shared_between_containers(rig: Rig, base: str) -> None:
    mounts = LayerMounts()
    given = mounts.get([base])
    os.unlink(base.split(":")[1])  # nobody can mount it again
    for make in (spec, shifted_spec):
        made = on(rig, base)
        request = rig.request(
            made["paths"], make(process("stat", "-c", "%u", "/home/app")), rootfs=made["rootfs"]
        )
        shim = await rig.launcher.start(made["paths"], request, layers=given)
        running = Running(made["paths"], shim)
        rig.running.append(running)
        assert await running.exit() == 0
        assert running.output() == "1000\n"
    for fd in given.values():
        os.close(fd)
    mounts.close()


async def test_a_layer_that_is_gone_is_told(rig: Rig, base: str) -> None:
    parsed = erofs.parse_lower(base)
    assert parsed
    os.unlink(parsed[1])
    with pytest.raises(Exception, match=r"mounting the layer .*/base: no such file or directory"):
        await rig.start(spec(process("true")), **on(rig, base))


def test_kernels_without_layers_by_descriptor_attach_them_in_private(tmp_path: Path) -> None:
    """What Linux 6.12 to 6.14 need; the caller's namespace sees nothing of it."""
    layers = [layer(tmp_path, name, tree(tmp_path, f"t{name}", **{name: name})) for name in ("one", "two")]
    directory = tree(tmp_path, "three", three="three")
    lowers = [*layers, str(directory)]

    def look() -> tuple[list[str], bool]:
        before = Path("/proc/self/mountinfo").read_text()
        opened = rootfs.open_lowers(lowers)
        made = rootfs.overlay_attached(lowers, opened, [("xino", "on")], m.MOUNT_ATTR_RDONLY)
        return sorted(os.listdir(f"/proc/self/fd/{made}")), Path("/proc/self/mountinfo").read_text() == before

    names, same = in_private_namespace(look)
    assert names == ["one", "three", "two"] and same
