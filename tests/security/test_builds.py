"""Dockerfiles that attack: sources of mounts and their stubs, the cache, privileges, secrets. By buildx."""

import json
import os
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.client import Client
from tests.support.contexts import context
from tests.support.engine import Sampand

CANARY = "canary-of-the-host"


@pytest.fixture
def secret(directory: Path) -> Path:
    """A host's directory that anybody may read, so that only being outside protects it."""
    (directory / "file").write_text(CANARY)
    (directory / "kept").mkdir()
    (directory / "empty").touch()
    return directory


def build(docker: Client, where: Path, dockerfile: str, *flags: str) -> str:
    (where / "Dockerfile").write_text(dockerfile)
    result = docker("buildx", "build", "--progress=plain", "--no-cache", *flags, str(where), timeout=120)
    assert "Traceback" not in result.err and "internal error" not in result.err, str(result)
    return result.out + result.err


def untouched(secret: Path) -> None:
    assert sorted(os.listdir(secret)) == ["empty", "file", "kept"]
    assert (secret / "file").read_text() == CANARY


@pytest.mark.parametrize(
    "run",
    [
        "RUN --mount=type=cache,id=ID,target=/m,source=way cat /m/file",
        "RUN --mount=type=cache,id=ID,target=/m,from=linked,source=way cat /m/file",
        "RUN --mount=type=bind,from=linked,source=way,target=/m cat /m/file",
        "RUN --mount=type=bind,from=linked,source=way/file,target=/m cat /m",
        "RUN --mount=type=bind,from=linked,source=up,target=/m cat /m/etc/shadow",
        "RUN --mount=type=bind,from=linked,source=root-by-proc,target=/m cat /m/SECRET/file",
        "RUN --mount=type=bind,from=linked,source=proc/1/root,target=/m cat /m/SECRET/file",
        "COPY --from=linked /way/file /x\nRUN cat /x",
        "COPY --from=linked /root-by-proc/SECRET/file /x\nRUN cat /x",
    ],
)
def test_a_mounts_source_stays_in_what_it_is_taken_from(
    docker: Client, image: str, unique: str, tmp_path: Path, secret: Path, run: str
) -> None:
    """CVE-2024-23651: a subpath of a cache, and a link there."""
    links = f"ln -s {secret} /way && ln -s ../../../../.. /up && ln -s /proc/1/root /root-by-proc"
    fill = f"ln -sfn {secret} /m/way && ln -sfn ../../../../../.. /m/up"
    dockerfile = (
        f"FROM {image} AS linked\nRUN {links}\n"
        f"FROM {image}\nRUN --mount=type=cache,id={unique},target=/m {fill}\n"
        + run.replace("ID", unique).replace("SECRET", str(secret).lstrip("/"))
    )
    assert CANARY not in build(docker, tmp_path, dockerfile + "\n")
    untouched(secret)


def test_a_cache_that_changes_while_it_is_mounted(
    docker: Client, image: str, unique: str, tmp_path: Path, secret: Path
) -> None:
    """CVE-2024-23651, the race: one step swaps a directory of the cache for a link, another mounts it."""
    mount = f"RUN --mount=type=cache,id={unique},target=/m"
    swap = f"ln -sfn {secret} l; mkdir -p d; mv d o; mv l d; rm -rf d; mv o d"
    stages = [
        f"FROM {image} AS one",
        f"{mount} cd /m && mkdir -p d && for i in $(seq 3000); do {swap}; done 2>/dev/null; true",
    ]
    for n in range(6):
        look = f"cat /m/file; touch /m/new{n} /s{n}"
        stages += [f"FROM {image} AS s{n}", f"{mount},source=d {look}"]
    copies = [f"COPY --from=s{n} /s{n} /all/" for n in range(6)]
    dockerfile = "\n".join([*stages, f"FROM {image}", "COPY --from=one /bin/sh /all/", *copies, ""])
    assert CANARY not in build(docker, tmp_path, dockerfile)
    untouched(secret)


@pytest.mark.parametrize("target", ["/way/empty", "/way/kept", "/way/new", "/up/SECRET/empty", "/way"])
@pytest.mark.parametrize("kind", ["cache", "tmpfs", "bind,from=IMAGE,source=/etc"])
def test_the_stub_of_a_mount_is_removed_inside_only(
    docker: Client, image: str, tmp_path: Path, secret: Path, target: str, kind: str
) -> None:
    """CVE-2024-23652: what was made for a mount is removed after it, through a link by then."""
    target = target.replace("SECRET", str(secret).lstrip("/"))
    kind = kind.replace("IMAGE", image)
    mount = f"RUN --mount=type={kind}"
    swap = f"rm -rf /stub 2>/dev/null; rmdir /stub; ln -s {secret} /stub; true"
    lines = [f"FROM {image}", f"RUN ln -s {secret} /way; ln -s ../../../../.. /up"]
    lines += [f"{mount},target={target} true", f"{mount},target=/stub/file {swap}"]
    dockerfile = "\n".join([*lines, ""])
    build(docker, tmp_path, dockerfile)
    untouched(secret)


def test_a_step_that_swaps_a_mounts_parent_removes_nothing_outside(
    docker: Client, image: str, tmp_path: Path, secret: Path
) -> None:
    """The same by moving what the mount point lies in."""
    dockerfile = (
        f"FROM {image}\n"
        f"RUN --mount=type=tmpfs,target=/a/kept mv /a /b; ln -s {secret} /a; true\n"
        f"RUN --mount=type=cache,target=/c/file mv /c /d; ln -s {secret} /c; true\n"
        f"RUN --mount=type=secret,id=none,target=/e/empty mv /e /f; ln -s {secret} /e; true\n"
    )
    build(docker, tmp_path, dockerfile)
    untouched(secret)


@pytest.mark.parametrize("flag", ["--security=insecure", "--network=host"])
def test_privileges_of_a_step_must_be_allowed(docker: Client, image: str, tmp_path: Path, flag: str) -> None:
    """CVE-2024-23653: entitlements that nobody had given."""
    shown = build(
        docker, tmp_path, f"FROM {image}\nRUN {flag} grep CapEff /proc/self/status; ls /sys/class/net\n"
    )
    assert "000001ff" not in shown and "eth0" not in shown.replace("RUN", "")
    assert "not allowed" in shown or "entitlement" in shown, shown


def test_a_step_has_the_capabilities_of_a_container(
    docker: Client, api: Api, image: str, tmp_path: Path
) -> None:
    dockerfile = f"FROM {image}\nRUN grep -E 'Cap|Seccomp:|NoNew' /proc/self/status; ls /dev\n"
    answer = api.post("/build", context({"Dockerfile": dockerfile}), nocache="1")
    classic = "".join(line.get("stream", "") for line in answer.lines)
    for shown in (classic, build(docker, tmp_path, dockerfile)):
        assert "CapEff:\t00000000a80425fb" in shown and "CapInh:\t0000000000000000" in shown
        assert "Seccomp:\t2" in shown and "kmsg" not in shown


def test_secrets_and_agents_leave_nothing_in_an_image(
    docker: Client, image: str, unique: str, tmp_path: Path
) -> None:
    """Nor in its history, the cache or the log."""
    (tmp_path / "word").write_text("hunter2-hunter2")
    dockerfile = f"FROM {image}\nRUN --mount=type=secret,id=w wc -c /run/secrets/w\nRUN ls -la /run || true\n"
    shown = build(
        docker, tmp_path, dockerfile, "--secret", f"id=w,src={tmp_path}/word", "-t", f"{unique}:s", "--load"
    )
    assert "hunter2" not in shown
    (tmp_path / "word").unlink()
    assert b"hunter2" not in docker("save", f"{unique}:s").raw
    assert "hunter2" not in json.dumps(docker.inspect(f"{unique}:s", "image"))


@pytest.mark.parametrize(
    "platform", ["/", "linux/", "//", "linux/amd64/v9/x", "\\x00", "linux/" + "a" * 70_000, "windows/amd64"]
)
def test_a_malformed_platform_is_an_error_of_that_build(
    own: Sampand, api: Api, image: str, platform: str
) -> None:
    """CVE-2024-23650: a malformed request ended the daemon."""
    if len(platform) < 8000:
        api.post("/build", context({"Dockerfile": f"FROM --platform={platform} {image}\n"}))
        api.post("/build", context({"Dockerfile": f"FROM {image}\n"}), platform=platform)
    else:
        api.post("/build", context({"Dockerfile": f"FROM --platform={platform} {image}\n"}))
    assert own.running and own.api.alive()


def test_copying_follows_links_of_the_image_in_the_image(
    docker: Client, image: str, tmp_path: Path, secret: Path
) -> None:
    (tmp_path / "new").write_text("new")
    links = f"RUN ln -s {secret} /way; ln -s ../../../../{secret} /up"
    lines = [f"FROM {image}", links, "COPY new /way/", "COPY new /up/new", "ADD new /up/", ""]
    build(docker, tmp_path, "\n".join(lines))
    untouched(secret)


@pytest.mark.parametrize(
    "remote",
    [
        "ssh://-oProxyCommand=touch%20MARK/x.git",
        "ssh://-oProxyCommand=touch%20MARK@127.0.0.1/x.git",
        "-oProxyCommand=touch${IFS}MARK@127.0.0.1:x.git",
        "git://127.0.0.1/x.git#--upload-pack=touch MARK",
        "https://127.0.0.1:1/x.git#--upload-pack=touch${IFS}MARK:y",
        "ext::sh -c touch% MARK",
        "file://MARK/..",
        "/etc",
    ],
)
def test_a_remote_context_runs_no_command_and_reads_no_file(
    own: Sampand, api: Api, secret: Path, remote: str
) -> None:
    """CVE-2019-13139: a reference that git took for an option."""
    mark = secret / "mark"
    answer = api.post("/build", b"", remote=remote.replace("MARK", str(mark)), timeout=60)
    assert answer.status >= 400 or "error" in answer.lines[-1], answer.body
    assert "root:" not in answer.body.decode(errors="replace")
    untouched(secret)
    assert own.running
