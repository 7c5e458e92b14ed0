"""The options of `sampan build` as its request, and what stands for a context."""

from __future__ import annotations

import base64
import io
import tarfile

import pytest

from sampan.cli.build import attributes, contexts, request, upload
from sampan.cli.build.flags import BUILD_FLAGS
from sampan.cli.errors import CliError
from sampan.cli.flags import FlagError, parse


class Session:
    def __init__(self, environ=None, config=None):
        self.environ = environ or {}
        self.config = config or {}
        self.endpoint = type("Endpoint", (), {"address": "unix:///x.sock"})()


def document(*words, environ=None, config=None):
    options, _ = parse(BUILD_FLAGS, [*words, "."])
    return request.document(Session(environ, config), options)


IMAGE = [{"Type": "image", "Attrs": {}}]
ROWS = [
    ("nothing asked", [], {"Outputs": IMAGE}),
    ("a target", ["--target", "t"], {"Target": "t", "Outputs": IMAGE}),
    (
        "arguments",
        ["--build-arg", "A=1", "--build-arg", "B"],
        {"BuildArgs": {"A": "1", "B": "env"}, "Outputs": IMAGE},
    ),
    ("an argument nobody has", ["--build-arg", "NOPE"], {"Outputs": IMAGE}),
    (
        "labels and tags",
        ["--label", "a=b", "-t", "x:1", "-t", "y"],
        {"Labels": {"a": "b"}, "Tags": ["x:1", "y"], "Outputs": IMAGE},
    ),
    (
        "limits",
        ["-m", "64m", "--ulimit", "nofile=5:6", "--shm-size", "1m"],
        {
            "HostConfig": {
                "Memory": 64 << 20,
                "ShmSize": 1 << 20,
                "Ulimits": [{"Name": "nofile", "Soft": 5, "Hard": 6}],
            },
            "Outputs": IMAGE,
        },
    ),
    ("hosts", ["--add-host", "a=1.2.3.4,b:::1"], {"ExtraHosts": ["a:1.2.3.4", "b:::1"], "Outputs": IMAGE}),
    (
        "platforms",
        ["--platform", "linux/amd64,linux/arm64"],
        {"Platforms": ["linux/amd64", "linux/arm64"], "Outputs": IMAGE},
    ),
    ("a push", ["--push"], {"Outputs": [{"Type": "image", "Attrs": {"push": "true"}}]}),
    ("a registry", ["-o", "type=registry"], {"Outputs": [{"Type": "image", "Attrs": {"push": "true"}}]}),
    ("a directory", ["-o", "out"], {"Outputs": [{"Type": "local", "Attrs": {"dest": "out"}}]}),
    ("stdout", ["-o", "-"], {"Outputs": [{"Type": "tar", "Attrs": {"dest": "-"}}]}),
    (
        "annotations",
        ["--annotation", "index:a=b", "--annotation", "c=d"],
        {
            "Outputs": [{"Type": "image", "Attrs": {"annotation-index.a": "b", "annotation.c": "d"}}],
        },
    ),
    (
        "caches",
        ["--cache-from", "a:b", "--cache-to", "type=inline"],
        {
            "CacheFrom": [{"Type": "registry", "Attrs": {"ref": "a:b"}}],
            "CacheTo": [{"Type": "inline", "Attrs": {}}],
            "Outputs": IMAGE,
        },
    ),
    ("a check", ["--check"], {"Call": "check"}),
    ("a network", ["--network", "default"], {"Outputs": IMAGE}),
    ("provenance refused politely", ["--provenance=false", "--sbom=false"], {"Outputs": IMAGE}),
]


@pytest.mark.parametrize(("what", "words", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_options_as_a_request(what, words, expected):
    assert document(*words, environ={"B": "env"}) == expected


def test_proxies_of_the_configuration_and_the_epoch_are_build_arguments():
    config = {"proxies": {"default": {"httpProxy": "http://p"}, "unix:///x.sock": {"noProxy": "n"}}}
    found = document("--build-arg", "no_proxy=mine", environ={"SOURCE_DATE_EPOCH": "7"}, config=config)
    assert found["BuildArgs"] == {"no_proxy": "mine", "NO_PROXY": "n", "SOURCE_DATE_EPOCH": "7"}


REFUSED = [
    (["-t", "UPPER"], 'ERROR: invalid tag "UPPER": repository name'),
    (["--push", "--load"], "push and load"),
    (["--sbom", "true"], "Attestation is not supported"),
    (["--builder", "other"], 'no builder "other" found'),
    (["-o", "type=local"], "dest is required"),
    (["--call", "dance"], "is not known"),
    (["-q", "--progress", "plain"], "cannot be used together"),
    (["--secret", "id=x,src=/no/such/file"], "failed to stat /no/such/file"),
]


@pytest.mark.parametrize(
    ("words", "says"), REFUSED, ids=[row[0][0] + str(i) for i, row in enumerate(REFUSED)]
)
def test_what_cannot_be_asked(words, says):
    with pytest.raises(CliError) as failure:
        document(*words)
    assert says in failure.value.message


BAD_VALUES = [
    (["-o", "type=magic"], 'exporter "magic" could not be found'),
    (["-o", "dest=x,y=z"], "type is required for output"),
    (["--secret", "src=x"], "secret missing ID"),
    (["--secret", "id=x,what=y"], "unexpected key 'what'"),
    (["--cache-to", "dest=x"], "type required form"),
    (["--annotation", "x"], "expected key=value"),
    (["--annotation", "magic:x=y"], "unrecognized annotation type: magic"),
    (["--progress", "loud"], "must be one of"),
    (["--add-host", "nohost"], "bad format for add-host"),
]


@pytest.mark.parametrize(("words", "says"), BAD_VALUES, ids=[row[0][1] for row in BAD_VALUES])
def test_values_that_make_no_sense(words, says):
    with pytest.raises(FlagError) as failure:
        parse(BUILD_FLAGS, [*words, "."])
    assert says in str(failure.value)


def test_secrets_come_from_files_and_variables(tmp_path, monkeypatch):
    (tmp_path / "s").write_bytes(b"\xffvalue")
    monkeypatch.setenv("VARIABLE", "v")
    found = document(
        "--secret", f"id=a,src={tmp_path / 's'}", "--secret", "id=b,env=VARIABLE", "--secret", "id=VARIABLE"
    )
    assert {name: base64.b64decode(text) for name, text in found["Secrets"].items()} == {
        "a": b"\xffvalue",
        "b": b"v",
        "VARIABLE": b"v",
    }


def test_a_secret_may_not_be_huge(tmp_path):
    (tmp_path / "s").write_bytes(bytes(attributes.SECRET_LIMIT + 1))
    with pytest.raises(CliError, match="too big"):
        document("--secret", f"id=a,src={tmp_path / 's'}")


def test_the_daemon_is_not_told_where_results_go():
    outputs = [{"Type": "local", "Attrs": {"dest": "/home/me/out", "x": "y"}}]
    assert request.without_destinations(outputs) == [{"Type": "local", "Attrs": {"dest": "-", "x": "y"}}]


# Contexts


def test_a_directory_is_named_with_its_dockerfiles_directory(tmp_path):
    (tmp_path / "Dockerfile").touch()
    files = contexts.prepare(str(tmp_path), "", [])
    assert files.directories == {"context": str(tmp_path), "dockerfile": str(tmp_path)}
    assert files.request == {"Dockerfile": {"Name": "Dockerfile"}}


def test_a_dockerfile_elsewhere(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/My.Dockerfile").touch()
    files = contexts.prepare(str(tmp_path), str(tmp_path / "other/My.Dockerfile"), [])
    assert files.directories["dockerfile"] == str(tmp_path / "other")
    assert files.request == {"Dockerfile": {"Name": "My.Dockerfile"}}


def test_named_contexts(tmp_path):
    named = [
        f"dir={tmp_path}",
        "img=docker-image://x",
        f"lay=oci-layout://{tmp_path}:v1",
        "web=https://x/y.git",
    ]
    files = contexts.prepare("https://example.org/repo.git", "d/Dockerfile", named)
    assert files.request == {
        "Context": {"URL": "https://example.org/repo.git"},
        "Dockerfile": {"Name": "d/Dockerfile"},
        "Contexts": {
            "dir": {},
            "img": {"URL": "docker-image://x"},
            "lay": {"Layout": ":v1"},
            "web": {"URL": "https://x/y.git"},
        },
    }
    assert files.directories == {"context-dir": str(tmp_path), "context-lay": str(tmp_path)}


def test_what_is_not_there_is_no_context():
    with pytest.raises(CliError, match='unable to prepare context: path "/no/such" not found'):
        contexts.prepare("/no/such", "", [])


def archive(format):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        tar.addfile(tarfile.TarInfo("x"))
    return buffer.getvalue()


def test_archives_are_told_from_dockerfiles():
    assert contexts.is_archive(archive(tarfile.USTAR_FORMAT)[:512])
    assert contexts.is_archive(archive(tarfile.GNU_FORMAT)[:512])
    old = bytearray(archive(tarfile.USTAR_FORMAT)[:512])
    old[257:265] = bytes(8)
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old)
    assert contexts.is_archive(bytes(old))
    assert contexts.is_archive(b"\x1f\x8b\x08rest")
    assert not contexts.is_archive(b"FROM busybox\n" * 50)
    assert not contexts.is_archive(b"")


# Uploads


def names(chunks):
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        return [(entry.name, entry.uid) for entry in tar]


def test_an_upload_leaves_out_what_is_ignored(tmp_path):
    for name in ("a/keep", "a/drop", "b/x", "c.log", "Dockerfile"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text("a\n!a/keep\n*.log\nDockerfile\n.dockerignore\n")
    found = names(upload.context(str(tmp_path), "Dockerfile"))
    assert found == [(name, 0) for name in (".dockerignore", "Dockerfile", "a", "a/keep", "b", "b/x")]


def test_the_ignore_file_of_a_dockerfile_wins(tmp_path):
    (tmp_path / "x").touch()
    (tmp_path / "y").touch()
    (tmp_path / ".dockerignore").write_text("x")
    (tmp_path / "D.dockerignore").write_text("y")
    assert [name for name, _ in names(upload.context(str(tmp_path), "D"))] == [
        ".dockerignore",
        "D.dockerignore",
        "x",
    ]


def test_hard_links_and_symlinks_are_sent_as_such(tmp_path):
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    (tmp_path / "link").symlink_to("one")
    with tarfile.open(fileobj=io.BytesIO(b"".join(upload.everything(str(tmp_path))))) as tar:
        kinds = {entry.name: (entry.type, entry.linkname) for entry in tar}
    assert kinds == {
        "link": (tarfile.SYMTYPE, "one"),
        "one": (tarfile.REGTYPE, ""),
        "two": (tarfile.LNKTYPE, "one"),
    }


def test_a_broken_ignore_file_is_named(tmp_path):
    (tmp_path / ".dockerignore").write_text("[")
    with pytest.raises(CliError, match="dockerignore"):
        list(upload.context(str(tmp_path), "Dockerfile"))
