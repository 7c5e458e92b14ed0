"""Paths that are no resources: discovery, version, health, OpenAPI, keys of tokens, metrics."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from sampan.kube.api import answers, discovery, negotiation
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.extensiondocuments import ExtensionDocuments
from sampan.kube.api.health import Health
from sampan.kube.api.negotiation import JSON, OFFERED, Form
from sampan.kube.api.paths import Target
from sampan.kube.api.verbs import not_allowed
from sampan.specs.kubernetes import status

VERSION = {
    "major": "1",
    "minor": "35",
    "emulationMajor": "1",
    "emulationMinor": "35",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "34",
    "gitVersion": "v1.35.3",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "cpython",
    "platform": "linux/amd64",
}
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Documents(Protocol):
    """OpenAPI: bytes that are made when they are first asked for, and again when the resources change."""

    def v2(self, accept: str) -> tuple[bytes, str, str] | None:
        """(body, media type, ETag); None if that form is not offered."""
        ...

    def v3_index(self, others: Mapping[str, str]) -> bytes:
        """`others`: where the documents of other servers are, by the paths of their group versions."""
        ...

    def v3(self, path: str) -> tuple[bytes, str, str] | None:
        """Of "apis/apps/v1"; None if there is no such group version."""
        ...


@dataclass
class Roots:
    """`more` has exact paths that other parts answer (/metrics, /openid/v1/jwks)."""

    catalog: Catalog
    others: ExtensionDocuments
    health: Health
    documents: Documents
    address: str
    more: Mapping[str, Answer]

    async def answer(self, request: web.BaseRequest, target: Target) -> web.StreamResponse | None:
        """None: 404."""
        path = target.path
        if path in self.more:
            return await self._read_only(request, self.more[path])
        parts = [part for part in path.split("/") if part]
        first = parts[0] if parts else ""
        if first in ("api", "apis"):
            return self._discovery(request, parts)
        if first in ("healthz", "livez", "readyz"):
            query = request.query
            return await self.health.answer(path, query, query.getall("exclude", []))
        if parts == ["version"]:
            return self._version(request)
        if first == "openapi":
            return self._openapi(request, parts[1:])
        return answers.answer({"paths": self.paths()}) if not parts else None

    async def _read_only(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        if request.method != "GET":
            raise not_allowed()
        return await answer(request)

    def _version(self, request: web.BaseRequest) -> web.Response:
        if request.method != "GET":
            raise not_allowed()
        negotiation.choose(request.headers.get("Accept", ""), (JSON,))
        return answers.answer(VERSION, Form(parameters={"pretty": "true"}))

    def _discovery(self, request: web.BaseRequest, parts: list[str]) -> web.Response | None:
        accept = request.headers.get("Accept", "")
        kinds = (discovery.AGGREGATED,) if len(parts) == 1 else ()
        if (parts[0] == "api" and len(parts) == 2) or len(parts) == 3:
            if request.method != "GET" and self._resources(parts) is not None:
                raise not_allowed()
            value = self._resources(parts)
            missing = len(parts) == 3 and parts[1] not in self.catalog.groups
            if value is None and not missing:
                raise status.no_such_path()
        elif len(parts) == 2:
            value = discovery.group(self.others.order(self.catalog), parts[1])
        elif len(parts) == 1:
            if request.method not in ("GET", "HEAD"):
                raise not_allowed()
            value = self._root(parts[0], negotiation.choose(accept, OFFERED, kinds))
        else:
            value = None
        if value is None:
            return None
        form = negotiation.choose(accept, OFFERED, kinds)
        return answers.answer(value, form)

    def _resources(self, parts: list[str]) -> dict[str, Any] | None:
        if parts[0] == "api":
            return discovery.resources(self.catalog, "", parts[1])
        return discovery.resources(self.catalog, parts[1], parts[2])

    def _root(self, name: str, form: Form) -> dict[str, Any]:
        if name == "api" and not form.kind:
            return discovery.versions(self.address)
        order = self.others.order(self.catalog)
        if form.kind:
            return discovery.aggregated(self.catalog, order, self.others.told, core=name == "api")
        return discovery.groups(order)

    def _openapi(self, request: web.BaseRequest, parts: list[str]) -> web.Response | None:
        accept = request.headers.get("Accept", "")
        if parts == ["v2"]:
            found = self.documents.v2(accept)
            return _document(request, found) if found is not None else _empty(406)
        if parts == ["v3"]:
            return answers.plain(self.documents.v3_index(self.others.schemas()).decode())
        if parts[:1] == ["v3"]:
            found = self.documents.v3("/".join(parts[1:]))
            return _document(request, found) if found is not None else _empty(404)
        return None

    def paths(self) -> list[str]:
        """Of everything that is no resource."""
        found = {
            "/.well-known/openid-configuration",
            "/openid/v1/jwks",
            "/version",
            "/metrics",
            "/metrics/slis",
        }
        found |= {"/openapi/v2", "/openapi/v3", "/openapi/v3/", "/api", "/apis", "/apis/"}
        for name, versions in self.others.order(self.catalog).items():
            base = f"/apis/{name}" if name else "/api"
            found.add(base)
            found |= {f"{base}/{version}" for version in versions}
        return sorted(found | self.health.paths())


def _empty(code: int) -> web.Response:
    response = web.Response(status=code)
    response.headers.pop("Content-Type", None)
    return response


def _document(request: web.BaseRequest, found: tuple[bytes, str, str]) -> web.Response:
    body, media, tag = found
    headers = {"ETag": f'"{tag}"', "Content-Type": media, "Vary": "Accept"}
    if "hash" in request.query:
        # Its address names what is in it.
        headers["Cache-Control"] = "public, immutable"
    if request.headers.get("If-None-Match", "").strip('W/"') == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers)
