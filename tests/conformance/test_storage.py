"""The container's own layer, named and anonymous volumes, bind mounts, tmpfs, --mount, --volumes-from."""

import os
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.rows import Row, check, each

# HOST stands for a directory on the host that holds the file `f` and the directory `sub` with the file `g`.
ROWS = [
    Row("binds a directory", "run --rm -v HOST:/m IMAGE cat /m/f", out="host"),
    Row("binds a file", "run --rm -v HOST/f:/etc/motd IMAGE cat /etc/motd", out="host"),
    Row("binds read-only", "run --rm -v HOST:/m:ro IMAGE touch /m/x", code=1, err="Read-only file system"),
    Row("binds what is mounted below read-only too", "run --rm -v HOST:/m:ro IMAGE touch /m/sub/x", code=1, err="Read-only"),
    Row("makes a missing source with -v", "run --rm -v HOST/made:/m IMAGE sh -c 'ls /m | wc -l'", out="0"),
    Row("refuses a missing source with --mount", "run --rm --mount type=bind,src=HOST/missing,dst=/m IMAGE true", code=125, err="bind source path does not exist: HOST/missing"),
    Row("accepts SELinux flags", "run --rm -v HOST:/m:z,ro IMAGE cat /m/f", out="host"),
    Row("accepts propagation", "run --rm -v HOST:/m:rprivate IMAGE cat /m/f", out="host"),
    Row("binds with --mount", "run --rm --mount type=bind,source=HOST,target=/m IMAGE cat /m/f", out="host"),
    Row("binds read-only with --mount", "run --rm --mount type=bind,source=HOST,target=/m,readonly IMAGE touch /m/x", code=1, err="Read-only"),
    Row("binds with a propagation of its own", "run --rm --mount type=bind,source=HOST,target=/m,bind-propagation=private IMAGE cat /m/f", out="host"),
    Row("refuses a relative target", "run --rm -v HOST:relative IMAGE true", code=125, err="(?i)invalid (volume specification|mount path).*relative"),
    Row("refuses an unknown mode", "run --rm -v HOST:/m:nosuch IMAGE true", code=125, err="(?i)invalid mode: nosuch"),
    Row("refuses the root as a target", "run --rm -v HOST:/ IMAGE true", code=125, err="(?i)destination can't be '/'"),
    Row("refuses one target twice", "run --rm -v HOST:/m -v HOST/sub:/m IMAGE true", code=125, err="Duplicate mount point: /m"),
    Row("makes a named volume", "run --rm -v NAME:/v IMAGE sh -c 'echo kept >/v/f; cat /v/f'", out="kept"),
    Row("makes a named volume with --mount", "run --rm --mount source=NAME,target=/v IMAGE ls /v", out=""),
    Row("mounts a volume read-only", "run --rm -v NAME:/v:ro IMAGE touch /v/x", code=1, err="Read-only"),
    Row("refuses a bad volume name", "run --rm -v a/b:/v IMAGE true", code=125, err='includes invalid characters for a local volume name'),
    Row("copies the image's content into a new volume", "run --rm -v NAME:/var/www IMAGE cat /var/www/index.html", out="it works"),
    Row("keeps owners when it copies", "run --rm -v NAME:/home IMAGE stat -c %u /home/app", out="1000"),
    Row("takes the directory's own owner too", "run --rm -v NAME:/home/app IMAGE stat -c %u:%a /home/app", out="1000:755"),
    Row("does not copy with nocopy", "run --rm -v NAME:/var/www:nocopy IMAGE ls /var/www", out=""),
    Row("does not copy with volume-nocopy", "run --rm --mount type=volume,src=NAME,dst=/var/www,volume-nocopy IMAGE ls /var/www", out=""),
    Row("copies into an anonymous volume", "run --rm -v /var/www IMAGE cat /var/www/index.html", out="it works"),
    Row("does not copy into a bind mount", "run --rm -v HOST/sub:/var/www IMAGE ls /var/www", out="g"),
    Row("mounts a tmpfs", "run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1700 IMAGE sh -c 'stat -c %a /t; grep \" /t \" /proc/mounts'", like=r"^1700\n.*size=1024k"),
    Row("refuses an unknown mount type", "run --rm --mount type=nosuch,dst=/m IMAGE true", code=125, err='(?i)mount type unknown'),
    Row("needs a target in --mount", "run --rm --mount type=bind,src=HOST IMAGE true", code=125, err="target is required"),
    Row("refuses unknown keys in --mount", "run --rm --mount type=bind,src=HOST,dst=/m,nosuch=1 IMAGE true", code=125, err="unexpected key 'nosuch'"),
    Row("mounts over a file's place in a missing directory", "run --rm -v HOST/f:/new/place/f IMAGE cat /new/place/f", out="host"),
    Row("mounts inside another mount", "run --rm -v HOST/sub:/m/inner -v NAME:/m IMAGE cat /m/inner/g", out="sub"),
    Row("sees its root as overlay", "run --rm IMAGE sh -c 'grep \" / \" /proc/mounts'", like="^overlay / overlay rw"),
]  # fmt: skip


@pytest.fixture
def host(directory: Path) -> Path:
    (directory / "f").write_text("host\n")
    (directory / "sub").mkdir()
    (directory / "sub" / "g").write_text("sub\n")
    return directory


def at(row: Row, host: Path) -> Row:
    fill = {field: getattr(row, field).replace("HOST", str(host)) for field in ("line", "err")}
    return Row(row.why, fill["line"], row.out, row.like, fill["err"], row.code, row.stdin, row.unlike)


@each(ROWS)
def test_mounts(cli: Client, row: Row, image: str, unique: str, host: Path) -> None:
    check(cli, at(row, host), image, unique)


def test_writes_go_to_the_containers_own_layer(cli: Client, image: str) -> None:
    one = cli.ok("run", "-d", image, "sh", "-c", "echo one >/f; rm /var/www/index.html; exec sleep 1000")
    two = cli.ok("run", "-d", image, "sleep", "1000")
    assert cli("exec", two, "cat", "/f").code == 1
    assert cli.ok("exec", two, "cat", "/var/www/index.html") == "it works"
    cli.ok("restart", "-t", "0", one)
    assert cli.ok("exec", one, "cat", "/f") == "one"


def test_data_outlives_the_container(cli: Client, image: str, unique: str) -> None:
    cli.ok("run", "--rm", "-v", f"{unique}:/v", image, "sh", "-c", "echo kept >/v/f")
    assert cli.ok("run", "--rm", "-v", f"{unique}:/v", image, "cat", "/v/f") == "kept"


def test_content_is_copied_on_first_use_only(cli: Client, image: str, unique: str) -> None:
    cli.ok(
        "run", "--rm", "-v", f"{unique}:/var/www", image, "sh", "-c", "rm /var/www/*; echo mine >/var/www/m"
    )
    assert cli.ok("run", "--rm", "-v", f"{unique}:/var/www", image, "ls", "/var/www") == "m"


def test_a_volume_is_shared_at_once(cli: Client, image: str, unique: str) -> None:
    one = cli.ok("run", "-d", "-v", f"{unique}:/a", image, "sleep", "1000")
    cli.ok("run", "--rm", "-v", f"{unique}:/b", image, "touch", "/b/f")
    assert cli.ok("exec", one, "ls", "/a") == "f"


def test_a_volume_in_use_is_not_removed(cli: Client, image: str, unique: str) -> None:
    made = cli.ok("create", "-v", f"{unique}:/v", image)
    cli.fails("volume", "rm", unique, says=rf"volume is in use - \[{made}\]")
    cli.ok("rm", made)
    assert cli.ok("volume", "rm", unique) == unique
    cli.fails("volume", "rm", unique, says="(?i)no such volume")
    cli("volume", "rm", "-f", unique)


def test_a_directory_within_a_volume_is_mounted(cli: Client, image: str, unique: str) -> None:
    cli.ok("run", "--rm", "-v", f"{unique}:/v", image, "sh", "-c", "mkdir -p /v/a/b; echo deep >/v/a/b/f")
    mount = f"type=volume,src={unique},dst=/m,volume-subpath=a/b"
    assert cli.ok("run", "--rm", "--mount", mount, image, "cat", "/m/f") == "deep"
    missing = f"type=volume,src={unique},dst=/m,volume-subpath=nope"
    assert cli("run", "--rm", "--mount", missing, image, "true").code in (125, 127)
    escape = f"type=volume,src={unique},dst=/m,volume-subpath=../.."
    assert cli("run", "--rm", "--mount", escape, image, "true").code == 125


def test_a_link_in_a_volume_does_not_lead_out(cli: Client, image: str, unique: str) -> None:
    cli.ok("run", "--rm", "-v", f"{unique}:/v", image, "ln", "-s", "/etc", "/v/link")
    mount = f"type=volume,src={unique},dst=/m,volume-subpath=link"
    result = cli("run", "--rm", "--mount", mount, image, "cat", "/m/machine-id", "/m/shadow")
    assert result.code != 0 and result.out == ""


def test_volumes_from_another_container(cli: Client, image: str, unique: str, host: Path) -> None:
    cli.ok("create", "--name", unique, "-v", f"{unique}-v:/v", "-v", f"{host}:/m:ro", image)
    cli.ok("run", "--rm", "--volumes-from", unique, image, "sh", "-c", "cat /m/f >/v/copy")
    assert cli.ok("run", "--rm", "--volumes-from", f"{unique}:ro", image, "cat", "/v/copy") == "host"
    cli.fails(
        "run", "--rm", "--volumes-from", f"{unique}:ro", image, "touch", "/v/x", code=1, says="Read-only"
    )
    cli.fails("run", "--rm", "--volumes-from", unique, image, "touch", "/m/x", code=1, says="Read-only")
    cli.fails(
        "run", "--rm", "--volumes-from", "no-such", image, "true", code=125, says="(?i)no such container"
    )


def test_an_images_volumes_are_made(docker: Client, image: str, unique: str) -> None:
    docker.ok("commit", "-c", "VOLUME /data", docker.ok("create", image), unique)
    made = docker.ok("create", unique)
    mount = docker.inspect(made)["Mounts"][0]
    assert (mount["Type"], mount["Destination"], mount["RW"], len(mount["Name"])) == (
        "volume",
        "/data",
        True,
        64,
    )
    docker.ok("rm", "-v", made)
    assert mount["Name"] not in docker.ok("volume", "ls", "-q")


def test_mounts_are_inspected(cli: Client, image: str, unique: str, host: Path) -> None:
    flags = ["-v", f"{unique}:/v", "-v", f"{host}:/m:ro", "--mount", "type=tmpfs,dst=/t"]
    mounts = {m["Destination"]: m for m in cli.inspect(cli.ok("create", *flags, image))["Mounts"]}
    assert mounts["/m"] == {
        "Type": "bind",
        "Source": str(host),
        "Destination": "/m",
        "Mode": "ro",
        "RW": False,
        "Propagation": "rprivate",
    }
    volume = mounts["/v"]
    assert (volume["Type"], volume["Name"], volume["Driver"], volume["RW"]) == (
        "volume",
        unique,
        "local",
        True,
    )
    assert mounts["/t"]["Type"] == "tmpfs"


def test_volumes_are_made_listed_inspected_and_pruned(cli: Client, image: str, unique: str) -> None:
    assert cli.ok("volume", "create", "--label", "tier=one", unique) == unique
    assert cli.ok("volume", "create", unique) == unique  # again: the same one
    other = cli.ok("volume", "create")
    assert len(other) == 64
    cli.ok("create", "-v", f"{unique}-used:/v", image)
    names = cli.ok("volume", "ls", "-q").split()
    assert {unique, other, f"{unique}-used"} <= set(names)
    by_label = cli.ok("volume", "ls", "-q", "--filter", "label=tier=one", "--filter", f"name={unique}")
    assert by_label == unique
    dangling = cli.ok("volume", "ls", "-q", "--filter", "dangling=true").split()
    assert unique in dangling and f"{unique}-used" not in dangling
    volume = cli.inspect(unique, "volume")
    assert (volume["Name"], volume["Driver"], volume["Scope"]) == (unique, "local", "local")
    assert volume["Labels"]["tier"] == "one" and volume["Mountpoint"].endswith(f"/{unique}/_data")
    assert cli.ok("volume", "ls", "--filter", f"name={unique}-used").splitlines()[0].split() == [
        "DRIVER",
        "VOLUME",
        "NAME",
    ]
    shown = cli.ok("volume", "prune", "-f", "-a", "--filter", "label=tier=one")
    assert unique in shown.splitlines()
    cli.fails("volume", "inspect", unique, says="(?i)no such volume")


def test_prune_removes_anonymous_volumes_only(docker: Client, image: str, unique: str) -> None:
    label = f"label={docker.label}-prune"
    docker.ok("volume", "create", "--label", f"{docker.label}-prune", unique)
    docker.ok("volume", "prune", "-f", "--filter", label)
    assert unique in docker.ok("volume", "ls", "-q").split()
    docker.ok("volume", "rm", unique)


@pytest.mark.parametrize("driver", ["nosuch"])
def test_an_unknown_driver_is_refused(cli: Client, unique: str, driver: str) -> None:
    cli.fails("volume", "create", "-d", driver, unique, says='(?i)plugin "?nosuch"? not found')


def test_a_local_volume_takes_mount_options(cli: Client, image: str, unique: str, host: Path) -> None:
    options = ["-o", "type=none", "-o", "o=bind", "-o", f"device={host}"]
    cli.ok("volume", "create", *options, unique)
    assert cli.ok("run", "--rm", "-v", f"{unique}:/v", image, "cat", "/v/f") == "host"
    cli.ok(
        "volume",
        "create",
        "-o",
        "type=tmpfs",
        "-o",
        "o=size=1m,uid=1000",
        "-o",
        "device=tmpfs",
        f"{unique}-t",
    )
    shown = cli.ok("run", "--rm", "-v", f"{unique}-t:/v", image, "sh", "-c", "grep ' /v ' /proc/mounts")
    assert "size=1024k" in shown and "uid=1000" in shown


def test_what_a_container_wrote_belongs_to_its_user_on_the_host(cli: Client, image: str, host: Path) -> None:
    host.chmod(0o777)
    cli.ok("run", "--rm", "-u", "1000:50", "-v", f"{host}:/m", image, "touch", "/m/mine")
    status = os.stat(host / "mine")
    assert (status.st_uid, status.st_gid) == (1000, 50)
