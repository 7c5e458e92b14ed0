"""cp in both directions, on running and stopped containers."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from tests.support import rootfs
from tests.support.api import Api
from tests.support.client import Client

STATES = ["created", "running", "exited"]


@pytest.fixture(params=STATES)
def box(request: pytest.FixtureRequest, cli: Client, image: str) -> str:
    if request.param == "running":
        return cli.ok("run", "-d", image, "sleep", "1000")
    made = cli.ok("create", image, "true")
    if request.param == "exited":
        cli.ok("start", "-a", made)
    return made


def read(cli: Client, container: str, path: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(cli("cp", f"{container}:{path}", "-").raw)) as archive:
        stream = archive.extractfile(archive.next() or pytest.fail("empty archive"))
        assert stream
        return stream.read()


def test_a_file_goes_in_and_out(cli: Client, box: str, directory: Path) -> None:
    (directory / "f").write_bytes(b"content")
    (directory / "f").chmod(0o640)
    cli.ok("cp", str(directory / "f"), f"{box}:/tmp/")
    cli.ok("cp", str(directory / "f"), f"{box}:/tmp/renamed")
    assert read(cli, box, "/tmp/f") == read(cli, box, "/tmp/renamed") == b"content"
    cli.ok("cp", f"{box}:/tmp/renamed", str(directory / "back"))
    assert (directory / "back").read_bytes() == b"content"
    assert (directory / "back").stat().st_mode & 0o777 == 0o640


def test_a_directory_goes_in_and_out(cli: Client, box: str, directory: Path) -> None:
    (directory / "d" / "inner").mkdir(parents=True)
    (directory / "d" / "inner" / "f").write_text("deep")
    (directory / "d" / "link").symlink_to("inner/f")
    cli.ok("cp", str(directory / "d"), f"{box}:/tmp")
    cli.ok("cp", f"{directory / 'd'}/.", f"{box}:/var/www")
    assert read(cli, box, "/tmp/d/inner/f") == read(cli, box, "/var/www/inner/f") == b"deep"
    cli.ok("cp", f"{box}:/tmp/d", str(directory / "back"))
    assert (directory / "back" / "link").readlink() == Path("inner/f")
    assert (directory / "back" / "inner" / "f").read_text() == "deep"


def test_a_tar_stream_goes_in_and_out(cli: Client, box: str) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        rootfs.add(archive, "one", b"1", owner=1000, mode=0o600)
        rootfs.add(archive, "two/three", b"3")
    cli.ok("cp", "-", f"{box}:/tmp", stdin=data.getvalue())
    with tarfile.open(fileobj=io.BytesIO(cli("cp", f"{box}:/tmp", "-").raw)) as archive:
        entries = {entry.name: entry for entry in archive}
    assert {"tmp/one", "tmp/two/three"} <= {name.rstrip("/") for name in entries}


def test_owners_are_kept(cli: Client, image: str, directory: Path) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    (directory / "f").write_text("x")
    os.chown(directory / "f", 1234, 1234)
    cli.ok("cp", str(directory / "f"), f"{made}:/plain")
    cli.ok("cp", "-a", str(directory / "f"), f"{made}:/kept")
    assert cli.ok("exec", made, "stat", "-c", "%u", "/plain", "/kept") == "1234\n1234"


def test_links_are_resolved_inside_the_root_only(cli: Client, image: str, directory: Path) -> None:
    line = "ln -s /etc /abs; ln -s ../../../../etc /tmp/up; ln -s /outside/x /dangling; exec sleep 1000"
    made = cli.ok("run", "-d", image, "sh", "-c", line)
    (directory / "f").write_text("inside")
    cli.ok("exec", made, "sh", "-c", "until test -L /dangling; do :; done")
    cli.ok("cp", str(directory / "f"), f"{made}:/abs/from-abs")
    cli.ok("cp", str(directory / "f"), f"{made}:/tmp/up/from-up")
    assert cli.ok("exec", made, "cat", "/etc/from-abs", "/etc/from-up") == "insideinside"
    assert not os.path.exists("/etc/from-abs") and not os.path.exists("/etc/from-up")
    cli.ok("cp", "-L", f"{made}:/abs/passwd", str(directory / "passwd"))
    assert "app:x:1000" in (directory / "passwd").read_text()
    cli.ok("cp", f"{made}:/abs", str(directory / "link"))
    assert (directory / "link").is_symlink()


def test_volumes_are_reached(cli: Client, image: str, unique: str, directory: Path) -> None:
    for running in (True, False):
        made = cli.ok("create", "-v", f"{unique}:/v", image, "sleep", "1000")
        if running:
            cli.ok("start", made)
        (directory / "f").write_text(f"{running}")
        cli.ok("cp", str(directory / "f"), f"{made}:/v/f")
        assert read(cli, made, "/v/f") == f"{running}".encode()
        assert cli.ok("run", "--rm", "-v", f"{unique}:/v", image, "cat", "/v/f") == f"{running}"
        cli.ok("rm", "-f", made)


def test_a_read_only_root_is_not_written(cli: Client, image: str, directory: Path) -> None:
    made = cli.ok("run", "-d", "--read-only", image, "sleep", "1000")
    (directory / "f").write_text("x")
    cli.fails("cp", str(directory / "f"), f"{made}:/f", says="container rootfs is marked read-only")


ERRORS = [
    (["CONTAINER:/no/such", "-"], "Could not find the file /no/such in container"),
    (["HOST/f", "CONTAINER:/no/such/folder/"], "(?i)no such (directory|file)|Could not find the file"),
    (["HOST/f", "CONTAINER:/etc/passwd/x"], "(?i)not a directory|Could not find the file|no such"),
    (["HOST/missing", "CONTAINER:/tmp"], "no such file or directory"),
    (["HOST/f", "no-such-container:/tmp"], "(?i)no such container: no-such-container"),
    (["CONTAINER:/etc/passwd", "HOST/no/such/"], 'directory "HOST/no" does not exist'),
    (["CONTAINER:/etc", "CONTAINER:/tmp"], "copying between containers is not supported"),
    (["HOST/f", "HOST/g"], "must specify at least one container source"),
    (["HOST/folder", "CONTAINER:/etc/passwd"], "(?i)cannot copy a? ?directory"),
]


@pytest.mark.parametrize(("words", "says"), ERRORS)
def test_cp_errors(cli: Client, image: str, directory: Path, words: list[str], says: str) -> None:
    made = cli.ok("create", image)
    (directory / "f").write_text("x")
    (directory / "folder").mkdir()
    cli.fails(
        "cp",
        *[w.replace("CONTAINER", made).replace("HOST", str(directory)) for w in words],
        says=says.replace("HOST", str(directory)),
    )


def test_an_archive_cannot_write_outside_the_container(
    api: Api, docker: Client, image: str, unique: str
) -> None:
    made = docker.ok("run", "-d", image, "sh", "-c", "ln -s /var/tmp /out; exec sleep 1000")
    docker.ok("exec", made, "sh", "-c", "until test -L /out; do :; done")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        rootfs.add(archive, f"../../../../../../var/tmp/{unique}-escaped", b"x")
    api.request("PUT", f"/containers/{made}/archive", data.getvalue(), path="/tmp")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        rootfs.add(archive, "s", kind=tarfile.SYMTYPE, link="/var/tmp")
        rootfs.add(archive, f"s/{unique}-escaped", b"x")
        rootfs.add(archive, f"out/{unique}-escaped", b"x")
    api.request("PUT", f"/containers/{made}/archive", data.getvalue(), path="/")
    assert not os.path.exists(f"/var/tmp/{unique}-escaped")


def test_a_path_is_described_in_a_header(api: Api, docker: Client, image: str) -> None:
    made = docker.ok("create", image)
    answer = api.request("HEAD", f"/containers/{made}/archive", path="/etc/passwd")
    assert answer.status == 200 and "X-Docker-Container-Path-Stat" in answer.headers
    assert api.request("HEAD", f"/containers/{made}/archive", path="/no/such").status == 404


def test_a_large_file_arrives_whole(cli: Client, image: str, directory: Path) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    (directory / "big").write_bytes(os.urandom(1 << 20) * 32)
    cli.ok("cp", str(directory / "big"), f"{made}:/big")
    cli.ok("cp", f"{made}:/big", str(directory / "back"))
    assert (directory / "back").read_bytes() == (directory / "big").read_bytes()
