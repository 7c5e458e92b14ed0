"""Which handler a path finds."""

import pytest
from aiohttp import web

from sampan.http.routing import Table, split_version


def table(*paths: str) -> tuple[Table, dict[object, str]]:
    names: dict[object, str] = {}
    result = Table([])
    for path in paths:

        async def answer(request: web.Request) -> web.Response:
            return web.Response()

        names[answer] = path
        result.add("GET", path, answer)
    return result, names


@pytest.mark.parametrize(
    ("path", "pattern", "parameters"),
    [
        ("/containers/json", "/containers/json", {}),
        ("/containers/web/json", "/containers/{id}/json", {"id": "web"}),
        ("/containers/json/json", "/containers/{id}/json", {"id": "json"}),
        ("/containers/a%2Fb/json", "/containers/{id}/json", {"id": "a/b"}),
        ("/images/library/busybox:1/json", "/images/{name:.*}/json", {"name": "library/busybox:1"}),
        ("/images/localhost:5000/a/b/json", "/images/{name:.*}/json", {"name": "localhost:5000/a/b"}),
        ("/containers/web", "/containers/{id}", {"id": "web"}),
    ],
)
def test_a_path_finds_its_handler(path: str, pattern: str, parameters: dict[str, str]) -> None:
    routes, names = table(
        "/containers/json", "/containers/{id}/json", "/containers/{id}", "/images/{name:.*}/json"
    )
    found = routes.find("GET", path)
    assert found is not None
    assert names[found[0]] == pattern
    assert found[1] == parameters


@pytest.mark.parametrize(
    "path", ["/", "", "/containers", "/containers/", "/containers/a/b/json", "/nope", "//"]
)
def test_an_unknown_path_finds_nothing(path: str) -> None:
    routes, _ = table("/containers/json", "/containers/{id}/json")
    assert routes.find("GET", path) is None


def test_the_method_matters() -> None:
    routes, _ = table("/containers/json")
    assert routes.find("POST", "/containers/json") is None


@pytest.mark.parametrize(
    ("path", "version", "rest"),
    [
        ("/v1.47/info", (1, 47), "/info"),
        ("/v1.24/containers/json", (1, 24), "/containers/json"),
        ("/info", None, "/info"),
        ("/volumes/x", None, "/volumes/x"),
        ("/v1/info", None, "/v1/info"),
        ("/v1.47", None, "/v1.47"),
    ],
)
def test_the_version_is_split_off(path: str, version: tuple[int, int] | None, rest: str) -> None:
    assert split_version(path) == (version, rest)
