"""Names that the image or a client chooses lead to nothing that the engine has open (CVE-2024-21626)."""

import pytest

from tests.security.support import Containers
from tests.support.api import Api
from tests.support.client import Client
from tests.support.contexts import context

OUTSIDE = "outside of container mount namespace root"
NUMBERS = range(3, 25)
NO_SUCH = "no such file or directory|not a directory"


def refused(output: str) -> bool:
    return OUTSIDE in output or any(text in output for text in NO_SUCH.split("|"))


@pytest.mark.parametrize("door", ["/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/", "/way/"])
def test_a_working_directory_by_a_descriptor(docker: Client, image: str, unique: str, door: str) -> None:
    """`/way` is a link in the image to the descriptors."""
    docker.ok("run", "--name", unique, image, "ln", "-s", "/proc/self/fd", "/way")
    docker.ok("commit", unique, f"{unique}:way")
    for number in NUMBERS:
        result = docker("run", "--rm", "-w", f"{door}{number}", f"{unique}:way", "pwd")
        assert result.code != 0 and refused(result.err), str(result)


@pytest.mark.parametrize(
    "path",
    [
        "/proc/self/fd/9/../../../..",
        "/proc/self/cwd",
        "/proc/self/root",
        "/proc/1/root/etc",
        "/proc/1/cwd",
        "/proc/self/task/1/root",
    ],
)
def test_a_working_directory_by_another_magic_link(
    docker: Client, containers: Containers, image: str, path: str
) -> None:
    result = docker("run", "--rm", "-w", path, image, "pwd")
    assert result.code != 0 and refused(result.err), str(result)
    made = containers.start(image, "sleep", "1000")
    code, output = made.exec("pwd", WorkingDir=path)
    assert code != 0 and "\n/" not in f"\n{output}", output


def test_an_exec_by_a_descriptor(containers: Containers, image: str) -> None:
    made = containers.start(image, "sleep", "1000")
    made.exec("ln", "-s", "/proc/self/fd", "/way")
    for number in NUMBERS:
        for door in ("/proc/self/fd", "/way"):
            code, output = made.exec("pwd", WorkingDir=f"{door}/{number}")
            assert code != 0 and "\n/" not in f"\n{output}", output


def test_a_workdir_of_a_dockerfile(api: Api, image: str) -> None:
    for number in NUMBERS:
        dockerfile = f"FROM {image}\nRUN ln -s /proc/self/fd /way\nWORKDIR /way/{number}\nRUN pwd && ls\n"
        answer = api.post("/build", context({"Dockerfile": dockerfile}))
        assert "error" in answer.lines[-1], answer.body


def test_a_program_by_a_descriptor(docker: Client, containers: Containers, image: str) -> None:
    """args[0] is looked up while the engine's descriptors are still open; their files are the layers'."""
    made = containers.start(image, "sleep", "1000")
    for number in NUMBERS:
        for path in (f"/proc/self/fd/{number}/bin/busybox", f"/proc/self/fd/{number}/../../bin/sh"):
            result = docker("run", "--rm", image, path, "true")
            assert result.code != 0 and "stat /proc/self/fd" in result.err, str(result)
            code, output = made.exec(path, "true")
            assert code != 0, output


def test_ordinary_working_directories_still_work(docker: Client, image: str, unique: str) -> None:
    for path, wanted in [
        ("/home/app", "/home/app"),
        ("/new/below", "/new/below"),
        ("/proc/1", "/proc/1"),
        ("/proc/self", "/proc/1"),
    ]:
        assert docker.ok("run", "--rm", "-w", path, image, "pwd", "-P") == wanted
    docker.ok("run", "--name", unique, image, "ln", "-s", "gone/there", "/link")
    docker.ok("commit", unique, f"{unique}:link")
    assert docker.ok("run", "--rm", "-w", "/link", f"{unique}:link", "pwd", "-P") == "/gone/there"
    docker.fails(
        "run", "--rm", "-w", "/etc/passwd", image, "pwd", code=125, says="Cannot mkdir: /etc/passwd is not a"
    )


def test_a_directory_only_its_user_may_enter(docker: Client, image: str, unique: str) -> None:
    shell = "mkdir -m 700 /w/own && chown 1000 /w/own"
    docker.ok("run", "--rm", "-v", f"{unique}:/w", image, "sh", "-c", shell)
    line = ["run", "--rm", "-v", f"{unique}:/w", "-u", "1000", "--cap-drop", "ALL", "-w", "/w/own"]
    assert docker.ok(*line, image, "pwd") == "/w/own"
