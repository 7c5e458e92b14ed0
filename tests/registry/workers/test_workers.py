"""Several processes: one dies, all stop, the configuration changes, the supervisor is killed."""

import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from sampan.interpreter import isolated
from tests.registry.process import Served, free_port, registry_process
from tests.registry.support import sha256
from tests.support.poll import until

DATA = b"x" * (1 << 20)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "config.toml").write_text("")
    with registry_process(tmp_path, "--config", str(tmp_path / "config.toml")) as served:
        yield served


def children(served: Served) -> list[int]:
    assert served.process is not None
    pid = served.process.pid
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """A zombie nobody has collected yet is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def half_an_upload(served: Served) -> socket.socket:
    """A request in progress: half its body has arrived."""
    sock = socket.create_connection(("127.0.0.1", served.port), timeout=30)
    head = f"POST /v2/a/blobs/uploads/?digest={sha256(DATA)} HTTP/1.1\r\nHost: x\r\n"
    sock.sendall(f"{head}Content-Length: {len(DATA)}\r\n\r\n".encode() + DATA[: len(DATA) // 2])
    seen = b"sampan_registry_uploads_in_progress 1"
    until(lambda: seen in served.request("GET", "/metrics")[2], "the upload is seen")
    return sock


def test_a_killed_worker_is_replaced_and_no_connection_refused(served: Served) -> None:
    until(lambda: len(children(served)) == 3, "two workers and the jobs")
    before = children(served)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert served.request("GET", "/v2/")[0] == 200  # waits in the queue meanwhile
    until(lambda: len(children(served)) == 3, "all are there again")
    assert not set(before) & set(children(served))


def test_stopping_lets_requests_finish(served: Served) -> None:
    sock = half_an_upload(served)
    assert served.process is not None
    served.process.send_signal(signal.SIGTERM)
    until(lambda: refused(served), "new connections are refused")
    sock.sendall(DATA[len(DATA) // 2 :])
    assert sock.recv(65536).startswith(b"HTTP/1.1 201")
    assert served.process.wait(20) == 0
    sock.close()


def refused(served: Served) -> bool:
    """Nobody listens: not that a connection would wait for somebody."""
    try:
        with socket.create_connection(("127.0.0.1", served.port), timeout=10):
            return False
    except ConnectionRefusedError:
        return True


def waiting(served: Served, count: int) -> list[socket.socket]:
    """Connections that have asked something while no worker could take them."""
    found = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", served.port), timeout=30)
        sock.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        found.append(sock)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_what_waits_is_answered_when_the_supervisor_goes(served: Served, number: signal.Signals) -> None:
    workers = children(served)
    assert served.process is not None
    upload = half_an_upload(served)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    clients = waiting(served, 20)
    served.process.send_signal(number)
    if number == signal.SIGKILL:
        served.process.wait(10)
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    for sock in clients:
        assert sock.recv(65536).startswith(b"HTTP/1.1 200")
        sock.close()
    until(lambda: refused(served), "new connections are refused")
    assert any(alive(pid) for pid in workers), "the upload is not finished yet"
    upload.sendall(DATA[len(DATA) // 2 :])
    assert upload.recv(65536).startswith(b"HTTP/1.1 201")
    upload.close()
    until(lambda: not any(alive(pid) for pid in workers), "no worker is left")


def test_the_configuration_is_read_again_while_requests_go_on(served: Served, tmp_path: Path) -> None:
    sock = half_an_upload(served)
    before = set(children(served))
    (tmp_path / "config.toml").write_text("read-only = true\n")
    assert served.process is not None
    served.process.send_signal(signal.SIGHUP)
    path = f"/v2/a/blobs/uploads/?digest={sha256(b'y')}"
    until(lambda: served.request("POST", path, b"y")[0] == 403, "the new configuration is served")
    sock.sendall(DATA[len(DATA) // 2 :])
    assert sock.recv(65536).startswith(b"HTTP/1.1 201"), "begun under the old one, and finished"
    sock.close()
    until(lambda: not before & set(children(served)), "the old workers have gone")


def test_a_wrong_configuration_changes_nothing(served: Served, tmp_path: Path) -> None:
    before = children(served)
    (tmp_path / "config.toml").write_text("no-such-setting = 1\n")
    assert served.process is not None
    served.process.send_signal(signal.SIGHUP)
    until(lambda: "not reloaded" in (tmp_path / "log").read_text(), "the failure is logged")
    assert children(served) == before
    assert served.request("GET", "/v2/")[0] == 200


def test_workers_end_with_a_killed_supervisor(served: Served) -> None:
    workers = children(served)
    assert served.process is not None
    served.process.kill()
    served.process.wait(10)
    until(lambda: not any(alive(pid) for pid in workers), "no worker is left")


def test_counters_are_those_of_all_workers(served: Served) -> None:
    for _ in range(20):
        served.request("GET", "/v2/")
    counted = 'sampan_registry_http_requests_total{method="GET",route="version",status="200"} 20\n'

    def text() -> str:
        return served.request("GET", "/metrics")[2].decode()

    until(lambda: counted in text(), "all are counted: an answer is out before it is")
    until(lambda: "sampan_registry_workers 2" in text(), "both have said something of themselves")


def test_blobs_leave_by_sendfile(served: Served, tmp_path: Path) -> None:
    strace = subprocess.run(["which", "strace"], capture_output=True).returncode == 0
    if not strace or os.geteuid():
        pytest.skip("needs strace and root")
    path = f"/v2/a/blobs/uploads/?digest={sha256(DATA)}"
    served.request("POST", path, DATA)
    trace = tmp_path / "trace"
    pids = [f"-p{pid}" for pid in children(served)]
    tracer = subprocess.Popen(
        ["strace", "-f", "-e", "trace=sendfile", "-o", str(trace), *pids], stderr=subprocess.PIPE
    )
    assert tracer.stderr is not None
    tracer.stderr.readline()  # attached
    until(lambda: served.request("GET", f"/v2/a/blobs/{sha256(DATA)}")[2] == DATA and trace.exists()
          and "sendfile(" in trace.read_text(), "sendfile is seen")  # fmt: skip
    tracer.terminate()
    tracer.communicate()


def test_tls_is_served(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(str(tmp_path / "cert.pem"), append=True)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    served = Served(tmp_path / "root", free_port())
    (tmp_path / "root").mkdir()
    served.arguments = ("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", served.port), timeout=5) as plain:
                with trusting.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
                    sock.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
                    return sock.recv(1000).startswith(b"HTTP/1.1 200")
        except ConnectionRefusedError:
            return False

    served._answers = answers  # type: ignore[method-assign]
    served.start()
    served.kill(signal.SIGTERM)


UPSTREAM = '[[upstream]]\nrepository = "a/**"\nurl = "https://x"\n'
HOPELESS = [
    ("no such user file", 'auth.htpasswd = "/nowhere/users"', "/nowhere/users"),
    ("no such password file", f'{UPSTREAM}password-file = "/nowhere/p"', "/nowhere/p"),
    ("no place for the access log", '[log]\naccess = "/nowhere/log"', "/nowhere/log"),
    ("a certificate that is none", 'tls-cert = "/dev/null"\ntls-key = "/dev/null"', "/dev/null"),
]


@pytest.mark.parametrize(("text", "named"), [row[1:] for row in HOPELESS], ids=[row[0] for row in HOPELESS])
def test_what_cannot_work_is_said_at_once_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    command = isolated("sampan.registry", "serve", "--root", str(tmp_path / "root"))
    command += ["--addr", "127.0.0.1:0", "--config", str(tmp_path / "config.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert named in done.stderr and "Traceback" not in done.stderr
