"""Whatever is sent to whatever path: an answer in the protocol's form, and a server that lives on.

SAMPAN_FUZZ_ROUNDS requests are sent (a few thousand if that is not set), from SAMPAN_FUZZ_SEED on, which is
told where a test fails.
"""

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.kube.attacks import oddities
from tests.kube.attacks.client import Answer, Hostile, memory, tracebacks
from tests.support.cluster import ClusterProcess

ROUNDS = int(os.environ.get("SAMPAN_FUZZ_ROUNDS", "1600"))
SEED = int(os.environ.get("SAMPAN_FUZZ_SEED", str(time.time_ns() % 10**9)))
CLIENTS = 4
LARGEST = 250  # MiB more than before
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW")
# There is no node behind these, or a webhook is asked that nobody answers.
UNREACHED = ("/proxy", "/exec", "/attach", "/log", "/portforward")
# What is answered with 500, as by kube-apiserver: a version that is no number, values of a wrong type or form in
# what is applied, elements without their key in a strategic merge.
AS_UPSTREAM = (
    b"strconv.ParseUint: parsing",
    b"failed to create typed patch object",
    b"Internal error occurred: parsing time",
    b"does not contain declared merge key",
    b"target.kind: Unsupported value",
    b"target.name: Required value",
)


@dataclass(frozen=True)
class Route:
    group: str
    version: str
    name: str
    kind: str
    namespaced: bool

    def path(self, namespace: str, name: str) -> str:
        plural, _, subresource = self.name.partition("/")
        start = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return start + place + "/" + "/".join(part for part in (plural, name, subresource) if part)


def routes(client: Hostile) -> Iterator[Route]:
    groups = [one["preferredVersion"]["groupVersion"] for one in client.send("GET", "/apis").json["groups"]]
    for version in ("v1", *groups):
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        group, _, short = version.rpartition("/")
        for one in client.send("GET", path).json["resources"]:
            yield Route(group, short, one["name"], one["kind"], one["namespaced"])


@pytest.fixture(scope="module")
def table(cluster: ClusterProcess) -> list[Route]:
    client = Hostile(cluster)
    made = client.json("POST", "/api/v1/namespaces", {"metadata": {"name": "fuzz"}})
    assert made.code == 201
    return list(routes(client))


def wrong(answer: Answer, method: str, path: str) -> str:
    """What is wrong with an answer; "" if nothing is."""
    bare = path.partition("?")[0]
    if answer.code >= 500 and not (answer.code in (501, 503) and any(one in bare for one in UNREACHED)):
        return "" if any(one in answer.body for one in AS_UPSTREAM) else "server error"
    if answer.code < 400 or method in ("HEAD", "BREW"):
        return ""
    media = answer.headers.get("content-type", "")
    if media == "application/json":
        return "" if answer.json["kind"] == "Status" and answer.json["code"] == answer.code else "no Status"
    if media.startswith(("application/yaml", "application/vnd.kubernetes.protobuf")):
        return "" if b"Status" in answer.body else "no Status"
    return "" if answer.code in (404, 405) else f"an answer of {media}"


def request(chance: random.Random, table: list[Route]) -> tuple[str, str, bytes, dict[str, str]]:
    route = chance.choice(table)
    method = chance.choice(VERBS[:5] if chance.random() < 0.95 else VERBS)
    name = chance.choice(("a", "b", "", "a.b", "..", "%2e%2e", "A%00", "%ff", "a%2fb", "1.2.3.4", "x" * 300))
    name = name if chance.random() < 0.4 else chance.choice("ab")
    if method == "POST" and "/" not in route.name and chance.random() < 0.9:
        name = ""
    namespace = "fuzz" if chance.random() < 0.95 else chance.choice(("", "none", "%2f", "..", "Fuzz"))
    path = route.path(namespace, name) + ("/a/%2e%2e/b" if chance.random() < 0.02 else "")
    made = oddities.typed(route.group, route.version, route.kind, name or chance.choice("ab"), chance)
    body, media = oddities.body(chance, made)
    if method == "PATCH" and chance.random() < 0.9:
        media = chance.choice(oddities.PATCHES)
    headers = {"Content-Type": media} if media else {}
    if chance.random() < 0.3:
        headers["Accept"] = chance.choice(oddities.ACCEPTS)
    if chance.random() < 0.03:
        headers["Content-Encoding"] = "gzip"
    if method == "GET":
        body = b""
    return method, path + oddities.query(chance), body, headers


def attack(cluster: ClusterProcess, table: list[Route], seed: int, rounds: int) -> list[Any]:
    chance = random.Random(seed)
    client = Hostile(cluster)
    found = []
    for number in range(rounds):
        method, path, body, headers = request(chance, table)
        start = time.monotonic()
        try:
            answer = client.send(method, path, body, headers)
            why = wrong(answer, method, path)
            said: Any = (answer.code, answer.body[:300])
        except (OSError, ValueError) as error:
            why, said = repr(error), None
            client.close()
        if why or time.monotonic() - start > 5:
            why = why or f"{time.monotonic() - start:.1f} seconds"
            found.append((seed, number, why, said, method, path, headers, body[:2000]))
    client.close()
    return found


def test_no_request_makes_an_error_of_the_server(cluster: ClusterProcess, table: list[Route]) -> None:
    before = memory(cluster)
    with ThreadPoolExecutor(CLIENTS) as pool:
        all_found = pool.map(
            lambda number: attack(cluster, table, SEED + number, ROUNDS // CLIENTS), range(CLIENTS)
        )
    found = [one for part in all_found for one in part]
    assert not found, f"seed {SEED}: {len(found)} of {ROUNDS}; " + "\n\n".join(map(str, found[:40]))
    assert not tracebacks(cluster)
    assert Hostile(cluster).send("GET", "/readyz").code == 200
    assert memory(cluster) - before < LARGEST
