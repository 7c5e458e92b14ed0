"""Webhooks that answer nonsense, too much, too slowly or never."""

import base64
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.kube.attacks.client import Hostile, encoded, log_of, memory, tracebacks
from tests.support.cluster import ClusterProcess

HOOKS = "/apis/admissionregistration.k8s.io/v1/"
MAPS = "/api/v1/namespaces/default/configmaps"
DOUBLING = [{"op": "add", "path": "/data", "value": {"a": "x" * 1000}}]
DOUBLING += [{"op": "copy", "from": "/data", "path": f"/data/d{number}"} for number in range(60)]
UID = "00000000-0000-0000-0000-000000000000"


def review(uid: str, **response: Any) -> bytes:
    value = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": uid, **response},
    }
    return json.dumps(value).encode()


def patched(uid: str, patch: Any) -> bytes:
    return review(uid, allowed=True, patchType="JSONPatch", patch=encoded(json.dumps(patch)))


def answer(path: str, uid: str) -> bytes:
    found: dict[str, bytes] = {
        "/empty": b"",
        "/null": b"null",
        "/list": b"[1]",
        "/html": b"<html>",
        "/deep": b"[" * 100_000,
        "/long": b'{"a":"' + b"a" * (8 << 20) + b'"}',
        "/other": review(UID, allowed=True),
        "/types": review(uid, allowed="yes", status=[1], warnings={"a": 1}, auditAnnotations=[1]),
        "/status": review(uid, allowed=False, status={"code": "x", "message": {"a": 1}, "details": 1}),
        "/code": review(uid, allowed=False, status={"code": 99, "reason": "\ud800"}),
        "/warnings": review(uid, allowed=True, warnings=["a\r\nX: y\ud800" * 900, 1] * 900),
        "/patch": patched(uid, {"op": "add"}),
        "/base64": review(uid, allowed=True, patchType="JSONPatch", patch="%"),
        "/type": review(uid, allowed=True, patchType="Other", patch="e30="),
        "/whole": patched(uid, [{"op": "replace", "path": "", "value": []}]),
        "/metadata": patched(uid, [{"op": "replace", "path": "/metadata", "value": 1}]),
        "/name": patched(uid, [{"op": "replace", "path": "/metadata/name", "value": "../x"}]),
        "/kind": patched(uid, [{"op": "replace", "path": "/kind", "value": {"a": 1}}]),
        "/number": patched(uid, [{"op": "add", "path": "/data", "value": {"a": int("9" * 400)}}]),
        "/cut": review(uid, allowed=True),
        "/doubling": patched(uid, DOUBLING),
    }
    return found[path.partition("?")[0]]


PATHS = (
    *(
        "/empty",
        "/null",
        "/list",
        "/html",
        "/deep",
        "/long",
        "/other",
        "/types",
        "/status",
        "/code",
        "/patch",
    ),
    *("/warnings", "/base64", "/type", "/whole", "/metadata", "/name", "/kind", "/number", "/doubling"),
    *("/redirect", "/hang", "/drip", "/cut"),
)


class Webhook(BaseHTTPRequestHandler):
    ended = threading.Event()
    followed = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.partition("?")[0]
        if path == "/redirect":
            self.send_response(307)
            self.send_header("Location", "/followed")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path == "/hang":
            self.ended.wait(20)
        elif path == "/drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            while not self.ended.wait(0.1):
                self.wfile.write(b" ")
        elif path == "/followed":
            Webhook.followed = True
        else:
            data = answer(path, body["request"]["uid"])
            self.send_response(200)
            self.send_header("Content-Length", str(len(data) + (path == "/cut")))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass  # the client has gone


@pytest.fixture(scope="module")
def webhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    place = tmp_path_factory.mktemp("webhook")
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=webhook"]
    line += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{place}/key", "-out", f"{place}/crt"]
    subprocess.run(line, check=True, capture_output=True)
    server = Quiet(("127.0.0.1", 0), Webhook)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{place}/crt", f"{place}/key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    bundle = base64.b64encode(Path(place, "crt").read_bytes()).decode()
    yield f"https://127.0.0.1:{server.server_port}", bundle
    Webhook.ended.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
@pytest.mark.parametrize("path", PATHS)
def test_a_webhook_hurts_only_what_it_is_asked_of(
    cluster: ClusterProcess, webhook: tuple[str, str], path: str, policy: str
) -> None:
    admin = Hostile(cluster)
    before, log = memory(cluster), log_of(cluster)
    address, bundle = webhook
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    hook = {
        "name": "hostile.example.com",
        "clientConfig": {"url": address + path, "caBundle": bundle},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": policy,
        "timeoutSeconds": 1,
        "objectSelector": {"matchLabels": {"asked": "yes"}},
    }
    made = admin.json(
        "POST", HOOKS + "mutatingwebhookconfigurations", {"metadata": {"name": "hostile"}, "webhooks": [hook]}
    )
    assert made.code == 201, made.body
    start = time.monotonic()
    value = {"metadata": {"generateName": "hooked-", "labels": {"asked": "yes"}}}
    asked = admin.json("POST", MAPS, value)
    assert time.monotonic() - start < 4
    # Upstream answers 500 for a webhook that fails; an exception that nobody expected would be in the log.
    assert asked.code < 300 or asked.json["kind"] == "Status"
    assert "x" not in asked.headers and not Webhook.followed
    assert admin.json("POST", MAPS, {"metadata": {"generateName": "free-"}}).code == 201
    assert admin.send("DELETE", HOOKS + "mutatingwebhookconfigurations/hostile").code == 200
    admin.close()
    assert not tracebacks(cluster, log)
    assert memory(cluster) - before < 60
