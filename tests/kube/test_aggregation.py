"""API groups that other servers serve, through the door of this one."""

import base64
import json
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.kube.attacks.client import Answer, Hostile, tracebacks
from tests.support.cluster import ClusterProcess, running
from tests.support.extensionserver import ExtensionServer, extension_server
from tests.support.poll import until

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
DISCOVERY = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    directory = tmp_path_factory.mktemp("cluster")
    tokens = directory / "tokens.csv"
    tokens.write_text('nobody,nobody,n-1,"some"\n')
    with running(directory, "--token-auth-file", str(tokens)) as found:
        yield found


@pytest.fixture(scope="module")
def group() -> str:
    return f"{secrets.token_hex(4)}.example.com"


@pytest.fixture(scope="module")
def extension(
    cluster: ClusterProcess, group: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExtensionServer]:
    """A server that is registered and available."""
    clients = cluster.data / "pki" / "front-proxy-ca.crt"
    place = tmp_path_factory.mktemp("extension")
    with extension_server(place, group, ["boats.default.svc"], clients) as server:
        admin = Hostile(cluster)
        external_service(admin, "boats")
        register(admin, server, "boats", caBundle=base64.b64encode(server.authority).decode())
        until(lambda: condition(admin, group)[:2] == ("True", "Passed"), "it is available")
        yield server
        assert admin.send("DELETE", f"{SERVICES}/v1.{group}").code == 200
        until(lambda: group not in groups(admin), "it is forgotten")
        assert admin.send("GET", f"/apis/{group}/v1/boats").code == 404


def external_service(admin: Hostile, name: str) -> None:
    """Leads to this machine, as no endpoint may."""
    spec = {"type": "ExternalName", "externalName": "localhost"}
    made = admin.json(
        "POST", "/api/v1/namespaces/default/services", {"metadata": {"name": name}, "spec": spec}
    )
    assert made.code == 201, made.body


def register(admin: Hostile, server: ExtensionServer, service: str, **spec: Any) -> None:
    where = {"namespace": "default", "name": service, "port": server.port}
    whole = {"group": server.group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10}
    value = {"metadata": {"name": f"v1.{server.group}"}, "spec": {**whole, "service": where, **spec}}
    made = admin.json("POST", SERVICES, value)
    assert made.code == 201, made.body


def condition(admin: Hostile, group: str) -> tuple[str, str, str]:
    found = admin.send("GET", f"{SERVICES}/v1.{group}").json["status"].get("conditions") or [{}]
    return found[0].get("status", ""), found[0].get("reason", ""), found[0].get("message", "")


def groups(admin: Hostile) -> list[str]:
    return [one["name"] for one in admin.send("GET", "/apis").json["groups"]]


def aggregated(admin: Hostile, group: str) -> dict[str, Any]:
    items = admin.send("GET", "/apis", headers=DISCOVERY).json["items"]
    return next(one["versions"][0] for one in items if one["metadata"]["name"] == group)


@pytest.fixture
def admin(cluster: ClusterProcess) -> Iterator[Hostile]:
    found = Hostile(cluster)
    yield found
    found.close()


def stream(cluster: ClusterProcess, head: str) -> ssl.SSLSocket:
    """A connection on which a request has begun."""
    sock = Hostile(cluster).connect()
    sock.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    return sock


def read_until(sock: ssl.SSLSocket, end: bytes) -> bytes:
    data = b""
    while end not in data:
        part = sock.recv(65536)
        assert part, data
        data += part
    return data


# --- who asks


def test_the_server_hears_who_asks_and_from_whom(
    cluster: ClusterProcess, extension: ExtensionServer, admin: Hostile
) -> None:
    forged = {
        "X-Remote-User": "evil",
        "X-Remote-Group": "evil",
        "X-Remote-Uid": "0",
        "X-Remote-Extra-Scopes": "all",
        "X_Remote_User": "evil",
        "Authorization": "Basic eDp5",
        "Impersonate-User": "jane",
        "Impersonate-Group": "system:masters",
        "Impersonate-Uid": "j-1",
        "Impersonate-Extra-Deck%2Flevel": "one",
        "X-Forwarded-For": "192.0.2.1",
        "Connection": "keep-alive, X-Secret",
        "X-Secret": "for this connection only",
        "X-Kept": "yes",
    }
    answer = admin.send("GET", f"/apis/{extension.group}/v1/boats?limit=5&x=%2F", headers=forged)
    assert answer.code == 200, answer.body
    assert answer.headers["x-own"] == "yes" and "x-hop" not in answer.headers
    asked = extension.last("/boats")
    assert asked.path == f"/apis/{extension.group}/v1/boats?limit=5&x=%2F"
    assert asked.client == "front-proxy-client"
    assert asked.all("X-Remote-User") == ["jane"]
    assert asked.all("X-Remote-Group") == ["system:masters", "system:authenticated"]
    assert asked.all("X-Remote-Uid") == ["j-1"]
    assert asked.all("X-Remote-Extra-Deck%2flevel") == ["one"]
    assert asked.all("X-Forwarded-For") == ["192.0.2.1, 127.0.0.1"]
    assert asked.all("X-Kept") == ["yes"]
    for gone in ("Authorization", "Impersonate-User", "X_Remote_User", "X-Remote-Extra-Scopes", "X-Secret"):
        assert asked.all(gone) == []


def test_who_may_not_ask_is_not_handed_on(cluster: ClusterProcess, extension: ExtensionServer) -> None:
    stranger = Hostile(cluster, certificate=False)
    before = len(extension.asked)
    path = f"/apis/{extension.group}/v1/namespaces/default/refused"
    for headers, code in (
        ({"Authorization": "Bearer nobody"}, 403),
        ({"Authorization": "Bearer x"}, 401),
        ({}, 403),
    ):
        assert stranger.send("GET", path, headers=headers).code == code
    stranger.close()
    assert not [one for one in extension.asked[before:] if "refused" in one.path]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("/namespaces/a%2Fboats/x", "/namespaces/a/boats/x"),
        ("//namespaces//a/boats/", "/namespaces/a/boats/"),
        ("/namespaces/a/boats/%41%20%25", "/namespaces/a/boats/A%20%25"),
        ("/namespaces/a/../b/boats", None),
        ("/namespaces/a/%2e%2e/boats", None),
    ],
)
def test_a_path_means_the_same_to_both(
    extension: ExtensionServer, admin: Hostile, sent: str, expected: str | None
) -> None:
    before = len(extension.asked)
    answer = admin.send("GET", f"/apis/{extension.group}/v1{sent}")
    seen = [one.path for one in extension.asked[before:] if "/namespaces/" in one.path]
    assert answer.code == (200 if expected else 404)
    assert seen == ([f"/apis/{extension.group}/v1{expected}"] if expected else [])


# --- bodies


def test_bodies_pass_in_both_forms(
    cluster: ClusterProcess, extension: ExtensionServer, admin: Hostile
) -> None:
    path = f"/apis/{extension.group}/v1/boats"
    body = b"x" * (5 << 20)  # more than a body of this server's own may have
    assert admin.send("POST", path, body).body == body
    head = f"PUT {path}/a HTTP/1.1\nHost: x\nTransfer-Encoding: chunked"
    with closing(stream(cluster, head)) as sock:
        for part in (b"one ", b"two"):
            sock.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        sock.sendall(b"0\r\n\r\n")
        assert read_until(sock, b"one two").startswith(b"HTTP/1.1 200")
    assert admin.send("DELETE", f"{path}/a").body == b"{}"
    assert admin.send("HEAD", f"{path}/a").code == 200


def test_events_of_a_watch_come_as_they_happen(cluster: ClusterProcess, extension: ExtensionServer) -> None:
    extension.left.clear()
    with closing(
        stream(cluster, f"GET /apis/{extension.group}/v1/watched?watch=1 HTTP/1.1\nHost: x")
    ) as sock:
        read_until(sock, b"\r\n\r\n")
        for number in range(3):
            extension.go_on.release()
            assert b'"n":%d' % number in read_until(sock, b"}\n")
    assert extension.left.wait(10), "the watch ends with its client"


# --- tunnels


@pytest.mark.parametrize("protocol", ["websocket", "SPDY/3.1"])
def test_connections_that_become_something_else(
    cluster: ClusterProcess, extension: ExtensionServer, protocol: str
) -> None:
    head = (
        f"GET /apis/{extension.group}/v1/namespaces/a/boats/b/tunnel HTTP/1.1\nHost: x\nConnection: Upgrade"
    )
    with closing(stream(cluster, f"{head}\nUpgrade: {protocol}\nX-Remote-User: evil")) as sock:
        answer = read_until(sock, b"hello ")
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"\r\nsec-websocket-accept: x\r\n" in answer.lower()
        data = secrets.token_bytes(3 << 20)
        received = bytearray()

        def read() -> None:
            while len(received) < len(data):
                received.extend(sock.recv(65536))

        reader = threading.Thread(target=read)
        reader.start()
        sock.sendall(data)
        reader.join(20)
        assert bytes(received) == data
    asked = extension.last("/tunnel")
    assert asked.all("X-Remote-User") == ["kubernetes-admin"] and asked.client == "front-proxy-client"


def test_a_refused_tunnel_is_an_ordinary_answer(cluster: ClusterProcess, extension: ExtensionServer) -> None:
    head = (
        f"GET /apis/{extension.group}/v1/notunnel HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket"
    )
    with closing(stream(cluster, head)) as sock:
        answer = read_until(sock, b'"code":403}')
    assert answer.startswith(b"HTTP/1.1 403 ")


def test_a_body_comes_before_an_offer_of_another_protocol(
    cluster: ClusterProcess, extension: ExtensionServer
) -> None:
    path = f"/apis/{extension.group}/v1/boats"
    head = f"POST {path} HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: h2c\nContent-Length: 4"
    with closing(stream(cluster, head)) as sock:
        sock.sendall(b"body")
        assert read_until(sock, b"body").startswith(b"HTTP/1.1 200")
    assert extension.last("/boats").all("Upgrade") == []


def test_watches_and_tunnels_end_with_the_server(tmp_path: Path) -> None:
    own = ClusterProcess(tmp_path / "own")
    policy, log = tmp_path / "policy.yaml", tmp_path / "audit.log"
    policy.write_text("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Metadata}]}")
    audit = ("--audit-policy-file", str(policy), "--audit-log-path", str(log))
    own.up("--controllers", "false", *audit)
    admin = Hostile(own)
    clients = own.data / "pki" / "front-proxy-ca.crt"
    with extension_server(tmp_path, "ending.example.com", ["ending.default.svc"], clients) as server:
        external_service(admin, "ending")
        register(admin, server, "ending", insecureSkipTLSVerify=True)
        until(lambda: condition(admin, server.group)[1] == "Passed", "it is available")
        base = f"/apis/{server.group}/v1"
        upgrade = f"GET {base}/tunnel HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket"
        with (
            closing(stream(own, f"GET {base}/watched?watch=1 HTTP/1.1\nHost: x")) as watching,
            closing(stream(own, upgrade)) as tunnel,
        ):
            read_until(watching, b"\r\n\r\n")
            read_until(tunnel, b"hello ")
            answered = admin.send("GET", f"{base}/namespaces/a/boats/b")
            start = time.monotonic()
            own.down()
            assert time.monotonic() - start < 10
            for sock in (watching, tunnel):
                with suppress(OSError):
                    assert sock.recv(100) == b""
    assert tracebacks(own) == ""
    # Both servers' logs know the request by one name.
    events = [json.loads(line) for line in log.read_text().splitlines()]
    event = next(one for one in reversed(events) if one["requestURI"] == f"{base}/namespaces/a/boats/b")
    assert server.last("/boats/b").all("Audit-Id") == [event["auditID"]] == [answered.headers["audit-id"]]
    assert event["objectRef"]["resource"] == "boats" and event["responseStatus"]["code"] == 200
    admin.close()


# --- discovery


def test_its_group_is_among_the_others(
    extension: ExtensionServer, admin: Hostile, cluster: ClusterProcess
) -> None:
    assert groups(admin)[-1] == extension.group  # the least priority
    found = admin.send("GET", f"/apis/{extension.group}").json
    version = {"groupVersion": f"{extension.group}/v1", "version": "v1"}
    assert found["preferredVersion"] == version and found["versions"] == [version]
    assert admin.send("GET", f"/apis/{extension.group}/v1").json["resources"][0]["name"] == "boats"
    assert "boats" in cluster.kubectl("api-resources", "--api-group", extension.group)


def test_its_resources_are_in_the_aggregated_document(extension: ExtensionServer, admin: Hostile) -> None:
    until(lambda: aggregated(admin, extension.group)["freshness"] == "Current", "it was told")
    kind = {"group": "", "version": "", "kind": "Boat"}
    boats = {"resource": "boats", "responseKind": kind, "verbs": ["get", "list"], "scope": "Namespaced"}
    scale = {"subresource": "scale", "responseKind": {**kind, "kind": "Scale"}, "verbs": ["get"]}
    assert aggregated(admin, extension.group)["resources"] == [
        {**boats, "singularResource": "boat", "subresources": [scale]}
    ]


def test_its_schema_is_found_and_no_other_is_replaced(extension: ExtensionServer, admin: Hostile) -> None:
    path = f"apis/{extension.group}/v1"
    paths = until(
        lambda: (found := admin.send("GET", "/openapi/v3").json["paths"]) and path in found and found,
        "it is told",
    )
    assert paths[path]["serverRelativeURL"] == f"/openapi/v3/{path}?hash=1"
    assert "evil" not in json.dumps(paths["apis/apps/v1"])
    assert admin.send("GET", paths[path]["serverRelativeURL"]).json["info"] == {"title": "boats"}


def test_its_schema_is_a_part_of_the_whole(extension: ExtensionServer, admin: Hostile) -> None:
    path = f"/apis/{extension.group}/v1/boats"
    found = until(
        lambda: path in (one := admin.send("GET", "/openapi/v2").json)["paths"] and one,
        "it is told",
        every=0.5,
    )
    assert found["definitions"]["Boat"] == {"type": "object", "description": "A boat."}
    assert "Unused" not in found["definitions"]
    assert "post" in found["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments"]
    assert "/apis/apps/v1/deployments" in found["paths"]
    assert found["paths"]["/apis/apps/v1/deployments"]["get"]["responses"]["200"]["description"] == "OK"
    assert "operationId" in found["paths"]["/apis/apps/v1/deployments"]["get"]


# --- servers that are broken or hostile


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("redirect", 502, "the backend attempted to redirect this request, which is not permitted"),
        ("garbage", 503, "error trying to reach service: malformed HTTP response"),
        ("endless", 503, "error trying to reach service: malformed HTTP response"),
        ("close", 503, "error trying to reach service: EOF\n"),
        ("long", 200, "{}"),
    ],
)
def test_what_a_server_does_wrong_is_told(
    extension: ExtensionServer, admin: Hostile, path: str, code: int, text: str
) -> None:
    answer = admin.send("GET", f"/apis/{extension.group}/v1/{path}")
    assert (answer.code, answer.body.decode()[: len(text)]) == (code, text)
    assert not [one for one in extension.asked if "followed" in one.path]
    again = admin.send("GET", f"/apis/{extension.group}/v1/boats")
    assert again.code == 200 and "x-smuggled" not in again.headers


def test_an_answer_that_is_cut_is_no_whole_answer(
    cluster: ClusterProcess, extension: ExtensionServer
) -> None:
    with closing(stream(cluster, f"GET /apis/{extension.group}/v1/short HTTP/1.1\nHost: x")) as sock:
        data = read_until(sock, b"only this")
        assert b"Content-Length: 1000" in data
        with suppress(OSError):
            while part := sock.recv(65536):
                data += part
    assert data.endswith(b"only this")


def test_a_server_that_never_answers_holds_nobody_else(
    cluster: ClusterProcess, extension: ExtensionServer, admin: Hostile
) -> None:
    waiting = []
    for _ in range(120):
        waiting.append(stream(cluster, f"GET /apis/{extension.group}/v1/hang HTTP/1.1\nHost: x"))
    try:
        until(
            lambda: admin.send("GET", f"/apis/{extension.group}/v1/boats").code == 429, "no more are let in"
        )
        refused = admin.send("GET", f"/apis/{extension.group}/v1/boats")
        assert refused.headers["retry-after"] == "1"
        start = time.monotonic()
        for _ in range(20):
            assert admin.send("GET", "/api/v1/namespaces/default").code == 200
        assert time.monotonic() - start < 5
    finally:
        for sock in waiting:
            sock.close()
    until(lambda: admin.send("GET", f"/apis/{extension.group}/v1/boats").code == 200, "their places are free")


def test_a_broken_server_becomes_unavailable_and_comes_back(
    extension: ExtensionServer, admin: Hostile
) -> None:
    extension.healthy = False
    touch(admin, "boats")
    until(lambda: condition(admin, extension.group)[1] == "FailedDiscoveryCheck", "it is found out")
    url = f"https://localhost:{extension.port}/apis/{extension.group}/v1"
    said = f"failing or missing response from {url}: bad status from {url}: 500"
    assert condition(admin, extension.group) == ("False", "FailedDiscoveryCheck", said)
    until(lambda: refused(admin.send("GET", f"/apis/{extension.group}/v1/boats")), "it is asked no more")
    until(lambda: aggregated(admin, extension.group)["freshness"] == "Stale", "its resources are stale")
    assert extension.group in groups(admin)
    extension.healthy, extension.modern = True, True
    until(lambda: condition(admin, extension.group)[1] == "Passed", "it has come back", seconds=40)
    until(lambda: aggregated(admin, extension.group)["freshness"] == "Current", "it is told anew")
    kind = {"group": extension.group, "version": "v1", "kind": "Boat"}
    boats = {"resource": "boats", "responseKind": kind, "verbs": ["get"], "scope": "Namespaced"}
    assert aggregated(admin, extension.group)["resources"] == [{**boats, "singularResource": ""}]


def test_a_namespace_waits_for_servers_that_may_have_something_in_it(
    cluster: ClusterProcess, admin: Hostile
) -> None:
    """Else what is there would be nobody's."""
    group, name = f"{secrets.token_hex(4)}.example.com", f"waiting-{secrets.token_hex(3)}"
    service = {"namespace": "default", "name": "nosuch"}
    spec = {
        "group": group,
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 10,
        "service": service,
    }
    value = {"metadata": {"name": f"v1.{group}"}, "spec": {**spec, "insecureSkipTLSVerify": True}}
    assert admin.json("POST", SERVICES, value).code == 201
    assert admin.json("POST", "/api/v1/namespaces", {"metadata": {"name": name}}).code == 201
    assert admin.send("DELETE", f"/api/v1/namespaces/{name}").code == 200

    def failure() -> str:
        found = admin.send("GET", f"/api/v1/namespaces/{name}").json["status"].get("conditions") or ()
        kind = "NamespaceDeletionDiscoveryFailure"
        return next((one["message"] for one in found if one["type"] == kind and one["status"] == "True"), "")

    said = f"{group}/v1: stale GroupVersion discovery: {group}/v1"
    assert until(failure, "it is told") == (
        "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
        + said
    )
    assert admin.send("DELETE", f"{SERVICES}/v1.{group}").code == 200
    until(lambda: admin.send("GET", f"/api/v1/namespaces/{name}").code == 404, "then it goes")


def refused(answer: Answer) -> bool:
    return (answer.code, answer.body) == (503, b"service unavailable\n")


def touch(admin: Hostile, service: str) -> None:
    body = {"metadata": {"annotations": {"touched": secrets.token_hex(4)}}}
    path = f"/api/v1/namespaces/default/services/{service}"
    assert admin.json("PATCH", path, body, "application/merge-patch+json").code == 200


@pytest.mark.parametrize(
    ("trust", "names", "said"),
    [
        ("other", ["wrong.default.svc"], "x509: certificate signed by unknown authority"),
        ("own", ["elsewhere.default.svc"], "x509: Hostname mismatch"),
        ("skip", ["elsewhere.default.svc"], ""),
        ("nothing", ["wrong.default.svc"], "x509: certificate signed by unknown authority"),
    ],
)
def test_a_server_has_to_show_the_right_certificate(
    cluster: ClusterProcess, admin: Hostile, tmp_path: Path, trust: str, names: list[str], said: str
) -> None:
    name = f"wrong-{secrets.token_hex(3)}"
    names = [name + one.removeprefix("wrong") if one.startswith("wrong") else one for one in names]
    ours = base64.b64encode((cluster.data / "pki" / "ca.crt").read_bytes()).decode()
    with extension_server(
        tmp_path, f"{name}.example.com", names, cluster.data / "pki" / "front-proxy-ca.crt"
    ) as server:
        spec: dict[str, Any] = {"other": {"caBundle": ours}, "skip": {"insecureSkipTLSVerify": True}}.get(
            trust, {}
        )
        if trust == "own":
            spec = {"caBundle": base64.b64encode(server.authority).decode()}
        external_service(admin, name)
        register(admin, server, name, **spec)
        # As upstream: whether a server is there is asked of whoever answers.
        until(lambda: condition(admin, server.group)[1] == "Passed", "it is available")
        answer = until(
            lambda: not refused(found := admin.send("GET", f"/apis/{server.group}/v1/boats")) and found,
            "it is asked",
        )
        if said:
            begin = "error trying to reach service: tls: failed to verify certificate: "
            assert answer.code == 503 and answer.body.decode().startswith(begin + said)
            assert not [one for one in server.asked if "/boats" in one.path]
        else:
            assert answer.code == 200
        assert admin.send("DELETE", f"{SERVICES}/v1.{server.group}").code == 200


# --- where it is


def own_address() -> str:
    """An address of this machine that is no loopback, which no endpoint may be."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback")
        found = str(sock.getsockname()[0])
    if found.startswith("127."):
        pytest.skip("this machine has no address but the loopback")
    return found


def test_why_it_is_not_available(cluster: ClusterProcess, admin: Hostile, tmp_path: Path) -> None:
    """From nothing to a Service with an address, step by step."""
    name, address = f"steps-{secrets.token_hex(3)}", own_address()
    clients = cluster.data / "pki" / "front-proxy-ca.crt"
    with extension_server(
        tmp_path, f"{name}.example.com", [f"{name}.default.svc"], clients, address
    ) as server:
        where = f'service/{name} in "default"'
        value: dict[str, Any] = {"group": server.group, "version": "v1", "insecureSkipTLSVerify": True}
        value |= {"groupPriorityMinimum": 100, "versionPriority": 10}
        value["service"] = {"namespace": "default", "name": name}
        made = admin.json("POST", SERVICES, {"metadata": {"name": f"v1.{server.group}"}, "spec": value})
        assert made.code == 201, made.body

        def becomes(reason: str, message: str) -> None:
            wanted = ("True" if reason == "Passed" else "False", reason, message)
            until(lambda: condition(admin, server.group) == wanted, f"{reason}: {message}")

        becomes("ServiceNotFound", f"{where} is not present")
        ports = [{"name": "https", "port": 8443, "targetPort": server.port}]
        services = "/api/v1/namespaces/default/services"
        assert (
            admin.json("POST", services, {"metadata": {"name": name}, "spec": {"ports": ports}}).code == 201
        )
        becomes("ServicePortError", f"{where} is not listening on port 443")
        ports[0]["port"] = 443
        patch = {"spec": {"ports": ports}}
        assert admin.json("PATCH", f"{services}/{name}", patch, "application/merge-patch+json").code == 200
        becomes("EndpointsNotFound", f"cannot find endpointslices for {where}")
        slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
        piece = {"metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}}}
        endpoint = {"addresses": [address], "conditions": {"ready": False}}
        ended = {
            **piece,
            "addressType": "IPv4",
            "endpoints": [endpoint],
            "ports": [{"name": "https", "port": server.port}],
        }
        assert admin.json("POST", slices, ended).code == 201
        becomes("MissingEndpoints", f'endpointslices for {where} have no addresses with port name "https"')
        ready = {"endpoints": [{"addresses": [address], "conditions": {"ready": True}}]}
        assert admin.json("PATCH", f"{slices}/{name}", ready, "application/merge-patch+json").code == 200
        becomes("Passed", "all checks passed")
        until(lambda: admin.send("GET", f"/apis/{server.group}/v1/boats").code == 200, "it is asked")
        assert admin.send("DELETE", f"{services}/{name}").code == 200
        becomes("ServiceNotFound", f"{where} is not present")
        assert admin.send("DELETE", f"{SERVICES}/v1.{server.group}").code == 200


def test_groups_of_definitions_are_registered(cluster: ClusterProcess, admin: Hostile) -> None:
    """And registered again, if somebody takes that away, until the definition goes."""
    group = f"{secrets.token_hex(4)}.example.com"
    schema = {"openAPIV3Schema": {"type": "object"}}
    versions = [
        {"name": name, "served": name == "v1", "storage": name == "v1", "schema": schema}
        for name in ("v1", "v2")
    ]
    names = {"plural": "boats", "kind": "Boat"}
    spec = {"group": group, "scope": "Cluster", "names": names, "versions": versions}
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert admin.json("POST", crds, {"metadata": {"name": f"boats.{group}"}, "spec": spec}).code == 201
    found = until(
        lambda: (one := admin.send("GET", f"{SERVICES}/v1.{group}")).code == 200 and one.json,
        "it is registered",
    )
    assert found["spec"] == {
        "group": group,
        "version": "v1",
        "groupPriorityMinimum": 1000,
        "versionPriority": 100,
    }
    assert found["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
    assert condition(admin, group) == ("True", "Local", "Local APIServices are always available")
    assert admin.send("GET", f"{SERVICES}/v2.{group}").code == 404
    assert admin.send("DELETE", f"{SERVICES}/v1.{group}").code == 200
    until(lambda: admin.send("GET", f"{SERVICES}/v1.{group}").code == 200, "it is there again")
    assert admin.send("DELETE", f"{crds}/boats.{group}").code == 200
    until(lambda: admin.send("GET", f"{SERVICES}/v1.{group}").code == 404, "it has gone")


def test_nothing_unexpected_happened(cluster: ClusterProcess) -> None:
    assert tracebacks(cluster) == ""
