"""Which resource a kind is, and what its scale says."""

import asyncio
from typing import Any

import pytest

from sampan.errors import NotFound
from sampan.kube.client.requests import Client, Object, ResourcePath
from sampan.kube.client.scales import Kinds, read_scale
from sampan.specs.kubernetes.status import StatusError, no_such_path, not_found

SCALE = "/apis/example.com/v2/namespaces/n/boats/b/scale"
REFERENCE = {"apiVersion": "example.com/v1", "kind": "Boat", "name": "b"}


def version(name: str) -> Object:
    resource = {
        "resource": "boats",
        "scope": "Namespaced",
        "responseKind": {"kind": "Boat"},
        "verbs": ["get"],
    }
    return {"version": name, "resources": [resource]}


class Server(Client):
    """Has boats in some versions, and counts how often it is asked what it has."""

    def __init__(self, *versions: str, scale: Any = None) -> None:
        self.versions = versions
        self.scale = scale
        self.asked = 0

    async def request(self, _method: str, path: str, body: Any = None, **_options: Any) -> Any:
        if path == SCALE:
            if isinstance(self.scale, StatusError):
                raise self.scale
            return self.scale
        self.asked += path == "/apis"
        group = {"metadata": {"name": "example.com"}, "versions": [version(one) for one in self.versions]}
        return {"items": [group] if path == "/apis" and self.versions else []}


def test_the_preferred_version_comes_first() -> None:
    kinds = Kinds(Server("v2", "v1"), lambda: 0.0)
    assert asyncio.run(kinds.of("example.com", "Boat")) == [
        ResourcePath("example.com/v2", "boats"),
        ResourcePath("example.com/v1", "boats"),
    ]


def test_what_was_found_is_looked_for_again_after_a_while() -> None:
    server, now = Server("v1"), [0.0]
    kinds = Kinds(server, lambda: now[0])

    async def look(kind: str, at: float) -> int:
        now[0] = at
        await kinds.of("example.com", kind)
        return server.asked

    async def scenario() -> list[int]:
        return [
            await look("Boat", 0.0),
            await look("Boat", 299.0),
            await look("Car", 299.5),  # not known, and last looked for long ago
            await look("Car", 310.0),
            await look("Boat", 600.0),
        ]

    assert asyncio.run(scenario()) == [1, 1, 2, 2, 3]


def test_a_scale_is_read_whatever_version_is_named() -> None:
    scale = {"spec": {"replicas": 3}}
    server = Server("v2", scale=scale)
    assert asyncio.run(read_scale(server, Kinds(server, lambda: 0.0), REFERENCE, "n")) == scale


def test_an_object_that_is_not_there_has_none() -> None:
    server = Server("v2", scale=not_found("example.com", "boats", "b"))
    assert asyncio.run(read_scale(server, Kinds(server, lambda: 0.0), REFERENCE, "n")) is None


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        (("v2",), "boats.example.com does not implement the scale subresource"),
        ((), 'no matches for kind "Boat" in group "example.com"'),
    ],
)
def test_a_kind_without_a_scale(versions: tuple[str, ...], message: str) -> None:
    server = Server(*versions, scale=no_such_path())
    with pytest.raises(NotFound) as caught:
        asyncio.run(read_scale(server, Kinds(server, lambda: 0.0), REFERENCE, "n"))
    assert caught.value.message == message
