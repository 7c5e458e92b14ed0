"""Several -H at once, TLS on tcp, daemon.json."""

import json
import os
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.conformance.conftest import Start
from tests.registry.process import free_port
from tests.support.api import Api
from tests.support.client import Client
from tests.support.engine import EXEC_PARENT, Sampand, sampand_program
from tests.support.poll import until


def call(docker: Client, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {key: value for key, value in docker.env.items() if key != "DOCKER_HOST"}
    return subprocess.run([*docker.program, *words], capture_output=True, text=True, env=env, timeout=60)


def test_several_addresses_serve_the_same_engine(start: Start, docker: Client) -> None:
    other = f"unix://{EXEC_PARENT}/sampan-test-second-{os.getpid()}.sock"
    port = free_port()
    engine = start("-H", other, "-H", f"tcp://127.0.0.1:{port}")
    wanted = engine.api.get("/info").json["ID"]
    assert Api(other).get("/info").json["ID"] == wanted
    done = call(docker, "-H", f"tcp://127.0.0.1:{port}", "info", "--format", "{{.ID}}")
    assert done.stdout.strip() == wanted, done.stderr
    engine.terminate()
    assert not os.path.exists(other.removeprefix("unix://")), "the socket is removed on the way out"


def test_the_socket_is_for_root_and_its_group_only(own: Sampand) -> None:
    mode = os.stat(own.host.removeprefix("unix://"))
    assert stat.S_IMODE(mode.st_mode) == 0o660 and mode.st_uid == 0


@dataclass(frozen=True)
class Certificates:
    ca: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]
    stranger: tuple[Path, Path]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    directory = tmp_path_factory.mktemp("tls")

    def write(name: str, issued: trustme.LeafCert) -> tuple[Path, Path]:
        cert, key = directory / f"{name}.pem", directory / f"{name}.key"
        issued.private_key_pem.write_to_path(key)
        for blob in issued.cert_chain_pems:
            blob.write_to_path(cert, append=True)
        return cert, key

    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    return Certificates(
        directory / "ca.pem",
        write("server", authority.issue_cert("127.0.0.1", "localhost")),
        write("client", authority.issue_cert("client.example.org")),
        write("stranger", other.issue_cert("stranger.example.org")),
    )


def flags(certificates: Certificates, pair: tuple[Path, Path]) -> list[str]:
    return ["--tlsverify", f"--tlscacert={certificates.ca}", f"--tlscert={pair[0]}", f"--tlskey={pair[1]}"]


def test_tls_lets_known_clients_in_only(
    start: Start, docker: Client, certificates: Certificates, image: str, own: Sampand
) -> None:
    port = free_port()
    engine = start("-H", f"tcp://127.0.0.1:{port}", *flags(certificates, certificates.server))
    host = ["-H", f"tcp://127.0.0.1:{port}"]
    known = [*host, *flags(certificates, certificates.client)]
    done = call(docker, *known, "info", "--format", "{{.ID}}")
    assert done.stdout.strip() == engine.api.get("/info").json["ID"], done.stderr
    assert call(docker, *host, "info").returncode != 0, "plain text"
    assert call(docker, *host, *flags(certificates, certificates.stranger), "info").returncode != 0
    assert call(docker, *host, "--tls", "info").returncode != 0, "no certificate"
    assert engine.api.alive()
    # A session over TLS is carried by the daemon: streams both ways, and the exit code.
    saved = docker("save", image).raw
    env = {key: value for key, value in docker.env.items() if key != "DOCKER_HOST"}
    subprocess.run([*docker.program, *known, "load"], input=saved, env=env, check=True, capture_output=True)
    run = subprocess.run(
        [*docker.program, *known, "run", "--rm", "-i", image, "sh", "-c", "cat; echo err >&2; exit 7"],
        input=b"over tls\n", env=env, capture_output=True, timeout=60,
    )  # fmt: skip
    assert (run.returncode, run.stdout, run.stderr) == (7, b"over tls\n", b"err\n")
    made = call(docker, *known, "run", "-d", "-i", image, "sh", "-c", "read x; echo got $x; exit 6")
    container = made.stdout.strip()
    line = ["exec", "-i", container, "sh", "-c", "cat; echo err >&2; exit 8"]
    done = subprocess.run(
        [*docker.program, *known, *line], input=b"x" * 300_000, env=env, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (8, b"x" * 300_000, b"err\n")
    attach = [*docker.program, *known, "attach", container]
    # Standard input stays open until the answer is here: at its end docker's client may leave before that.
    with subprocess.Popen(attach, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as attached:
        assert attached.stdin and attached.stdout
        attached.stdin.write(b"word\n")
        attached.stdin.flush()
        assert attached.stdout.readline() == b"got word\n"
        assert attached.wait(60) == 6
    assert call(docker, *known, "rm", container).returncode == 0


def test_daemon_json_sets_what_flags_do(start: Start, directory: Path) -> None:
    config = directory / "daemon.json"
    config.write_text(
        json.dumps({"labels": ["tier=test"], "log-driver": "local", "log-opts": {"max-size": "1m"}})
    )
    info = start("--config-file", str(config)).api.get("/info").json
    assert info["Labels"] == ["tier=test"] and info["LoggingDriver"] == "local"


BAD = [
    ("{", "(?i)json|eof|expect"),
    (
        json.dumps({"no-such-key": 1}),
        "the following directives don't match any configuration option: no-such-key",
    ),
    (json.dumps({"debug": "yes"}), "debug"),
    (
        json.dumps({"data-root": "/x"}),
        "the following directives are specified both as a flag and in the configuration file: data-root",
    ),
]


@pytest.mark.parametrize(("text", "says"), BAD)
def test_a_wrong_daemon_json_is_refused(own: Sampand, directory: Path, text: str, says: str) -> None:
    config = directory / "daemon.json"
    config.write_text(text)
    command = [
        *sampand_program(),
        "--data-root",
        str(directory / "data"),
        "--exec-root",
        str(directory / "exec"),
    ]
    command += ["-H", f"unix://{directory}/x.sock", "--config-file", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert re.search(says, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_default_limits_and_log_options_apply(
    start: Start, docker: Client, image: str, directory: Path
) -> None:
    engine = start(
        "--default-ulimit", "nofile=321:654", "--default-shm-size", "12m", "--log-opt", "max-file=2"
    )
    host = ["-H", engine.host]
    env = {key: value for key, value in docker.env.items() if key != "DOCKER_HOST"}
    subprocess.run(
        [*docker.program, *host, "load"],
        input=docker("save", image).raw,
        env=env,
        check=True,
        capture_output=True,
    )
    done = call(docker, *host, "run", "--rm", image, "sh", "-c", "ulimit -n; grep shm /proc/mounts")
    assert done.stdout.startswith("321\n") and "size=12288k" in done.stdout, done.stderr


def test_a_reload_takes_new_labels(start: Start, directory: Path) -> None:
    config = directory / "daemon.json"
    config.write_text(json.dumps({"labels": ["a=1"]}))
    engine = start("--config-file", str(config))
    config.write_text(json.dumps({"labels": ["a=2"]}))
    os.kill(engine.pid, 1)
    until(lambda: engine.api.get("/info").json["Labels"] == ["a=2"], "the new label")
