"""Which daemon is talked to, Docker's contexts, and the files around them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sampan.cli import config
from sampan.cli import endpoint as endpoints
from sampan.cli.context import store
from sampan.cli.errors import CliError
from sampan.cli.flags import parse
from sampan.cli.main import GLOBAL_FLAGS, run
from sampan.cli.system.service import unit_text


def endpoint(args, environ, directory, settings=None):
    options, _ = parse(GLOBAL_FLAGS, args)
    return endpoints.find_endpoint(options, environ, str(directory), settings or {})


def test_the_default_socket_is_the_daemons():
    from sampan.paths import SOCKET

    assert f"unix://{SOCKET}" == endpoints.DEFAULT_HOST


@pytest.mark.parametrize(
    ("args", "environ", "address", "default"),
    [
        ([], {}, "unix:///run/sampan.sock", True),
        ([], {"DOCKER_HOST": "unix:///d.sock"}, "unix:///d.sock", False),
        ([], {"DOCKER_HOST": "unix:///d.sock", "SAMPAN_HOST": "unix:///s.sock"}, "unix:///s.sock", False),
        (["-H", "unix:///h.sock"], {"SAMPAN_HOST": "unix:///s.sock"}, "unix:///h.sock", False),
        (["-H", "tcp://h"], {}, "tcp://h:2375", False),
        (["-H", "h:99"], {}, "tcp://h:99", False),
        (["-H", "tcp://[::1]:99"], {}, "tcp://[::1]:99", False),
    ],
)
def test_who_decides_the_host(tmp_path, args, environ, address, default):
    found = endpoint(args, environ, tmp_path)
    assert (found.address, found.default, found.tls) == (address, default, None)


def test_a_context_decides_where_no_host_is_given(tmp_path):
    meta = {
        "Name": "far",
        "Metadata": {},
        "Endpoints": {"docker": {"Host": "tcp://far:1", "SkipTLSVerify": False}},
    }
    store.save(str(tmp_path), "far", meta, {"ca": b"CA"})
    for args, environ, settings in (
        (["-c", "far"], {"DOCKER_HOST": "unix:///d.sock"}, {}),
        ([], {"DOCKER_CONTEXT": "far"}, {}),
        ([], {}, {"currentContext": "far"}),
    ):
        found = endpoint(args, environ, tmp_path, settings)
        assert found.address == "tcp://far:1"
        assert found.tls is not None and found.tls.ca.endswith("/docker/ca.pem") and found.tls.verify
    assert (
        endpoint([], {"DOCKER_HOST": "unix:///d.sock"}, tmp_path, {"currentContext": "far"}).address
        == "unix:///d.sock"
    )
    with pytest.raises(CliError, match='context "nope": context not found'):
        endpoint(["-c", "nope"], {}, tmp_path)
    with pytest.raises(CliError, match="cannot specify both --host and --context"):
        endpoint(["-c", "far", "-H", "tcp://x"], {}, tmp_path)


def test_tls_needs_its_files(tmp_path):
    with pytest.raises(CliError, match=r"open .*ca\.pem: no such file or directory"):
        endpoint(["--tlsverify", "-H", "tcp://h"], {}, tmp_path)
    (tmp_path / "ca.pem").write_text("x")
    found = endpoint(
        ["-H", "tcp://h"], {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}, tmp_path
    )
    assert found.address == "tcp://h:2376"
    assert found.tls.verify and found.tls.ca == str(tmp_path / "ca.pem") and found.tls.cert == ""


@pytest.mark.parametrize("name", ["a", "a/b", "-ab", "a b", "ä", "default", ""])
def test_names_no_context_can_have(name):
    with pytest.raises(CliError):
        store.check_name(name)


def test_a_context_from_creation_to_removal(tmp_path, capsys):
    def sampan(*args):
        code = run(args, {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)})
        out, err = capsys.readouterr()
        return code, out, err

    create = ("context", "create", "far", "--docker", "host=tcp://far:1", "--description", "d")
    assert sampan(*create) == (0, "far\n", 'Successfully created context "far"\n')
    assert sampan(*create) == (1, "", 'context "far" already exists\n')
    assert sampan("context", "use", "far")[0] == 0
    assert json.loads((tmp_path / "config.json").read_text()) == {"currentContext": "far"}
    assert sampan("context", "show") == (0, "far\n", "")
    assert "far *     d" in sampan("context", "ls")[1]
    code, out, _ = sampan("context", "inspect", "far")
    assert (code, json.loads(out)[0]["Endpoints"]["docker"]["Host"]) == (0, "tcp://far:1")
    assert sampan("context", "rm", "far") == (1, "", 'context "far" is in use, set -f flag to force remove\n')
    assert sampan("context", "rm", "-f", "far") == (0, "far\n", "")
    assert sampan("context", "show") == (0, "default\n", "")
    assert list((tmp_path / "contexts" / "meta").iterdir()) == []


def test_a_broken_configuration_is_reported_and_ignored(tmp_path, capsys):
    (tmp_path / "config.json").write_text("{")
    assert config.read_config(str(tmp_path)) == {}
    assert "WARNING: Error loading config file" in capsys.readouterr().err


def test_the_systemd_unit(tmp_path, monkeypatch, capsys):
    program = tmp_path / "sampand"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "sampan")])
    path = tmp_path / "sampand.service"
    assert run(["system", "service", "install", "--path", str(path)], {}) == 0
    text = path.read_text()
    for line in (f"ExecStart={program}", "Delegate=yes", "KillMode=process", "Restart=always"):
        assert line in text.splitlines()
    assert run(["system", "service", "remove"], {}) == 1
    assert 'ExecStart="/a b/50%%/sampand"' in unit_text("/a b/50%/sampand")


HEAVY = {
    *("re", "typing", "dataclasses", "enum", "inspect", "argparse", "socket", "http", "email", "json", "ssl"),
    *("logging", "pathlib", "subprocess", "asyncio", "aiohttp", "click", "tarfile", "signal"),
}


@pytest.mark.parametrize(
    "module",
    [
        "container.ls",
        "container.run",
        "container.exec",
        "container.rm",
        "container.logs",
        "image.ls",
        "system.inspect",
    ],
)
def test_commands_import_nothing_that_is_slow_to_import(module):
    code = (
        f"import sys; import sampan.cli.main, sampan.cli.http, sampan.cli.endpoint, sampan.cli.{module};"
        f"print(sorted(set(sys.modules) & set({HEAVY!r})))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "[]\n"
