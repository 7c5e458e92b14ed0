"""Mounts cannot be led astray: not onto /proc, not out of the root, and masks hide what they are to hide."""

import io
import os
import tarfile
import threading
from pathlib import Path

import pytest

from tests.security.support import Containers
from tests.support import rootfs
from tests.support.api import Api
from tests.support.client import Client
from tests.support.engine import Sampand

INSIDE = "cannot be mounted because it is inside /proc"
NOT_PROC = "cannot be mounted because it is not of type proc"


@pytest.mark.parametrize(
    ("destination", "says"),
    [
        ("/proc", NOT_PROC),
        ("/proc/sys", INSIDE),
        ("/proc/sys/kernel", INSIDE),
        ("/proc/self/attr", INSIDE),
        ("/proc/1", INSIDE),
        ("/proc/../proc/sys", INSIDE),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--privileged"]], ids=["", "privileged"])
def test_a_volume_on_proc_is_refused(
    docker: Client, image: str, unique: str, destination: str, says: str, flags: list[str]
) -> None:
    docker.fails("run", "--rm", *flags, "-v", f"{unique}:{destination}", image, "true", code=125, says=says)
    docker.fails("run", "--rm", *flags, "--tmpfs", destination, image, "true", code=125, says=says)


def test_files_on_proc_are_refused_but_for_those_that_lxcfs_makes(
    docker: Client, image: str, directory: Path
) -> None:
    file = directory / "file"
    file.write_text("mine\n")
    for path in ("/proc/sys/kernel/core_pattern", "/proc/self/oom_score_adj", "/proc/version"):
        docker.fails("run", "--rm", "-v", f"{file}:{path}", image, "true", code=125, says=INSIDE)
    for path in ("/proc/cpuinfo", "/proc/meminfo", "/proc/uptime", "/proc/loadavg", "/proc/stat"):
        assert docker.ok("run", "--rm", "-v", f"{file}:{path}", image, "cat", path) == "mine"
    assert docker.ok("run", "--rm", "-v", "/proc:/proc", "--privileged", image, "cat", "/proc/1/comm")


@pytest.mark.parametrize(
    ("link", "target", "destination", "says"),
    [
        ("way", "/proc/sys/kernel", "/way", INSIDE),
        ("way", "proc/self/attr", "/way/", INSIDE),
        ("way", "/proc", "/way", NOT_PROC),
        ("way", "/proc", "/way/sys/kernel", INSIDE),
        ("way", "../../../proc/sys", "/way", INSIDE),
    ],
)
def test_a_link_in_the_image_leads_no_mount_onto_proc(
    docker: Client, image: str, unique: str, link: str, target: str, destination: str, says: str
) -> None:
    """CVE-2023-27561, CVE-2023-28642, CVE-2019-19921."""
    docker.ok("run", "--name", unique, image, "ln", "-s", target, f"/{link}")
    docker.ok("commit", unique, f"{unique}:linked")
    docker.fails(
        "run", "--rm", "-v", f"{unique}:{destination}", f"{unique}:linked", "true", code=125, says=says
    )


@pytest.mark.parametrize(
    ("name", "target"),
    [("proc", "/tmp"), ("sys", "/tmp"), ("proc", "sys"), ("dev", "/proc"), ("dev", "/proc/1")],
)
def test_an_image_whose_system_directories_are_links(
    api: Api, docker: Client, unique: str, name: str, target: str
) -> None:
    """CVE-2019-16884 and CVE-2019-19921: the real one would be somewhere else, and unmasked."""
    body = _image_with(name, target)
    made = api.request(
        "POST", "/images/create", body, fromSrc="-", repo=f"{unique}-link", changes='CMD ["sh"]'
    )
    assert made.status == 200, made.body
    says = "ordinary directory|not of type proc|inside /proc"
    docker.fails("run", "--rm", f"{unique}-link", "true", code=125, says=says)


def _image_with(name: str, target: str) -> bytes:
    """The suite's image with one of its directories replaced by a link."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(rootfs.tar())) as old, tarfile.open(fileobj=made, mode="w") as new:
        for entry in old:
            if entry.name == name:
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
            new.addfile(entry, old.extractfile(entry) if entry.isreg() else None)
    return made.getvalue()


MASKED = [name for name in ("/proc/kcore", "/proc/keys", "/proc/interrupts") if os.path.exists(name)]
FAKES = {
    "a file": "echo shown > /dev/null",
    "a link": "ln -sf /proc/version /dev/null",
    "another device": "mknod /dev/null c 1 5",
    "a fifo": "mkfifo /dev/null",
    "a directory": "mkdir /dev/null",
    "nothing": "true",
}


@pytest.mark.parametrize("fake", FAKES.values(), ids=FAKES)
def test_masks_are_no_files_of_the_containers_choice(
    docker: Client, image: str, unique: str, fake: str
) -> None:
    """CVE-2025-31133: with a volume over /dev, /dev/null is what the volume holds."""
    line = fake.replace("/dev", "/v")
    docker.ok("run", "--rm", "-v", f"{unique}:/v", image, "sh", "-c", line)
    shell = f"for f in {' '.join(MASKED)}; do stat -c '%F %t:%T' $f; head -c 64 $f; done"
    shown = docker.ok("run", "--rm", "-v", f"{unique}:/dev", image, "sh", "-c", shell)
    assert shown.splitlines() == ["character special file 1:3"] * len(MASKED), shown


def test_what_tells_of_others_on_the_machine_is_masked(docker: Client, image: str, unique: str) -> None:
    docker.ok("run", "-d", "--name", unique, image, "sleep", "1000")
    masked = docker.inspect(unique)["HostConfig"]["MaskedPaths"]
    assert {"/proc/interrupts", "/proc/kcore", "/sys/firmware", "/sys/devices/virtual/powercap"} <= set(
        masked
    )
    for path in masked:
        shell = f"[ ! -e {path} ] || [ -d {path} ] && ls {path} || head -c 64 {path}"
        assert docker("exec", unique, "sh", "-c", shell).out == "", path
    throttles = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle")
    assert {str(path) for path in throttles} <= set(masked)


def test_a_terminal_is_opened_on_a_devpts_only(docker: Client, image: str, unique: str) -> None:
    """CVE-2025-52565: /dev/pts and /dev/console are the volume's."""
    shell = "cd /v && mkdir pts && echo > pts/ptmx && ln -s /proc/sys/kernel/core_pattern console"
    docker.ok("run", "--rm", "-v", f"{unique}:/v", image, "sh", "-c", shell)
    result = docker("run", "--rm", "-t", "-v", f"{unique}:/dev", image, "true")
    assert result.code == 125 and "not a devpts" in result.err, str(result)
    shell = "rm -r /v/pts; ln -s /proc/self /v/pts"
    docker.ok("run", "--rm", "-v", f"{unique}:/v", image, "sh", "-c", shell)
    assert docker("run", "--rm", "-t", "-v", f"{unique}:/dev", image, "true").code == 125


def test_a_volume_whose_target_is_swapped_for_a_link_stays_inside(
    own: Sampand, docker: Client, containers: Containers, image: str, unique: str
) -> None:
    """CVE-2021-30465: a container swaps what another one, with the same volume, is about to mount on."""
    swap = "cd /v; while :; do mkdir -p a; ln -sfn / b; mv a c; mv b a; rm -rf a b c; done 2>/dev/null"
    containers.start(image, "sh", "-c", swap, host={"Binds": [f"{unique}:/v"]})
    before = sorted(os.listdir("/"))
    look = "ls /v/a /v/c / >/dev/null 2>&1; grep -c ' /v/a ' /proc/self/mountinfo; cat /proc/1/mountinfo"
    for _ in range(15):
        result = docker(
            "run", "--rm", "-v", f"{unique}:/v", "-v", f"{unique}-2:/v/a", image, "sh", "-c", look
        )
        assert "Traceback" not in result.err
        for mount in result.lines[1:]:
            assert str(own.data) not in mount.split(" ")[4], "a mount point outside"
    assert sorted(os.listdir("/")) == before
    shown = Path("/proc/self/mountinfo").read_text()
    assert f"{unique}" not in shown


def test_a_subpath_that_is_swapped_for_a_link_stays_inside(
    docker: Client, containers: Containers, image: str, unique: str
) -> None:
    """CVE-2017-1002101, of Kubernetes: the same by a volume's subpath."""
    docker.ok("run", "--rm", "-v", f"{unique}:/v", image, "ln", "-s", "/", "/v/root")
    docker.ok("run", "--rm", "-v", f"{unique}:/v", image, "ln", "-s", "../../../../etc", "/v/up")
    for name in ("root", "up", "root/etc", "../../.."):
        mount = f"type=volume,source={unique},target=/w,volume-subpath={name}"
        result = docker(
            "run", "--rm", "--mount", mount, image, "cat", "/w/shadow", "/w/etc/shadow", "/w/hostname"
        )
        assert "root:" not in result.out and result.code != 0, str(result)


def test_copying_follows_links_inside_the_container_only(
    docker: Client, containers: Containers, image: str, unique: str, directory: Path
) -> None:
    """CVE-2018-15664: docker cp through a link that the container swaps meanwhile."""
    secret = directory / "secret"
    secret.write_text("of the host")
    target = str(directory)
    swap = f"while :; do mkdir -p /w; rmdir /w; ln -s {target} /w; rm /w; done 2>/dev/null"
    made = containers.start(image, "sh", "-c", swap)
    (directory / "planted").write_text("x")
    for _ in range(25):
        out = docker("cp", f"{made.id}:/w/secret", "-")
        assert b"of the host" not in out.raw
        docker("cp", str(directory / "planted"), f"{made.id}:/w/new")
    assert sorted(os.listdir(directory)) == ["planted", "secret"]


def test_no_program_of_the_image_runs_for_a_copy(
    docker: Client, attacker: str, containers: Containers, unique: str, tmp_path: Path
) -> None:
    """CVE-2019-14271: libraries and modules that the image holds are not loaded by who enters it."""
    made = containers.start(attacker, "sleep", "1000")
    directory = "/lib/x86_64-linux-gnu"
    copy = f"for l in libnss_files.so.2 libnss_dns.so.2 libz.so.1; do cp /bin/busybox {directory}/$l; done"
    made.exec("sh", "-c", f"mkdir -p {directory}; {copy}; : > /etc/nsswitch.conf")
    made.exec("sh", "-c", 'for m in tarfile zlib pwd grp; do echo \'open("/ran","w")\' > /$m.py; done')
    docker.ok("cp", f"{made.id}:/etc", str(tmp_path / "etc"))
    docker.ok("cp", str(tmp_path / "etc"), f"{made.id}:/copied")
    docker.ok("export", made.id, "-o", str(tmp_path / "all.tar"))
    assert made.exec("ls", "/ran")[0] != 0


def test_mount_points_are_made_inside_only(docker: Client, image: str, unique: str) -> None:
    """CVE-2024-45310: empty files and directories made on the host for a mount behind a link."""
    docker.ok("run", "--name", unique, image, "ln", "-s", f"/{unique}-outside", "/way")
    docker.ok("commit", unique, f"{unique}:way")
    docker.ok("run", "--rm", "-v", f"{unique}:/way/in", f"{unique}:way", "true")
    docker.ok("run", "--rm", "-v", f"{unique}:/way/../../../../../{unique}-up", f"{unique}:way", "true")
    assert not list(Path("/").glob(f"{unique}*"))


def test_the_data_of_the_engine_is_for_root_alone(
    own: Sampand, docker: Client, image: str, unique: str
) -> None:
    """CVE-2021-41091: other users of the host could walk into containers and volumes with set-id programs."""
    docker.ok("run", "-d", "--name", unique, "-v", f"{unique}:/v", image, "sleep", "1000")
    for path in (own.data / "containers", own.data / "volumes", own.data / "layers", own.exec / "containers"):
        assert os.stat(path).st_mode & 0o007 == 0, path


def test_swaps_by_threads_of_the_host_do_not_matter_either(
    docker: Client, image: str, directory: Path
) -> None:
    """A bind source that changes under the engine is bound as one or the other."""
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            (directory / "s").mkdir(exist_ok=True)
            (directory / "s").rmdir()

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(10):
            result = docker(
                "run", "--rm", "--mount", f"type=bind,src={directory}/s,dst=/s", image, "ls", "/s"
            )
            assert "Traceback" not in result.err
    finally:
        ended.set()
        thread.join()


def test_an_image_without_proc_gets_no_volume_there(api: Api, docker: Client, unique: str) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(rootfs.tar())) as old, tarfile.open(fileobj=made, mode="w") as new:
        for entry in old:
            if entry.name != "proc":
                new.addfile(entry, old.extractfile(entry) if entry.isreg() else None)
    answer = api.request("POST", "/images/create", made.getvalue(), fromSrc="-", repo=f"{unique}-bare")
    assert answer.status == 200, answer.body
    assert docker.ok("run", "--rm", f"{unique}-bare", "cat", "/proc/1/comm") == "cat"
    for destination in ("/proc", "/proc/", "//proc/.", "/tmp/../proc"):
        line = ["run", "--rm", "-v", f"{unique}:{destination}", f"{unique}-bare", "true"]
        docker.fails(*line, code=125, says=NOT_PROC)
