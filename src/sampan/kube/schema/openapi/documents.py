"""The documents themselves: made when they are first asked for, kept compressed, and made again once what is
served has changed.

How a document is named (its hash) is told from what it is made of, so that the index needs none of them.
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence

import orjson

from sampan.kube.schema import builtin
from sampan.kube.schema.openapi import gnostic, operations, schemas
from sampan.kube.schema.openapi.merging import merge
from sampan.kube.schema.openapi.schemas import META, Schema
from sampan.kube.schema.openapi.shapes import Group, ResourceShape

JSON = "application/json"
PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
PROTOBUF_OLD = PROTOBUF.replace("v2.v1.0", "v2@v1.0")
_KEY = {
    "BearerToken": {
        "type": "apiKey",
        "description": "Bearer Token authentication",
        "name": "authorization",
        "in": "header",
    }
}
_SECURITY: list[Schema] = [{"BearerToken": []}]
# Documents of what is no group: path -> tag of its one operation.
_ROOTS = {
    ".well-known/openid-configuration": "WellKnown",
    "api": "core",
    "apis": "apis",
    "openid/v1/jwks": "openid",
    "version": "version",
}


class Documents:
    """`groups` tells what is served at present, `generation` changes whenever that does; `parts` are those of
    other servers' documents of version 2.
    """

    def __init__(
        self,
        groups: Callable[[], Sequence[Group]],
        generation: Callable[[], int],
        release: str,
        parts: Callable[[], Sequence[bytes]] = tuple,
    ) -> None:
        self._parts = parts
        self._groups = groups
        self._generation = generation
        self._release = release
        self._made: dict[str, tuple[str, bytes]] = {}  # path -> (hash, compressed)
        self._paths: dict[str, list[ResourceShape]] = {}
        self._hashes: dict[str, str] = {}
        self._seen = -1

    def v2(self, accept: str) -> tuple[bytes, str, str] | None:
        """(body, media type, ETag); None if that form is not offered."""
        form = _form(accept)
        if form is None:
            return None
        self._look()
        name = f"v2 {form}"
        tag = _hash([name, *self._hashes.values(), *map(_digest, self._parts())])
        return self._kept(name, tag, lambda: self._second(form)), form, tag

    def v3_index(self, others: Mapping[str, str]) -> bytes:
        """Where there is a document for each group version; `others` says it of those of other servers."""
        self._look()
        own = {path: f"/openapi/v3/{path}?hash={tag}" for path, tag in self._hashes.items()}
        found = {**own, **others}
        return orjson.dumps(
            {"paths": {path: {"serverRelativeURL": where} for path, where in sorted(found.items())}}
        )

    def v3(self, path: str) -> tuple[bytes, str, str] | None:
        """Of "apis/apps/v1"; None if there is no such group version."""
        self._look()
        tag = self._hashes.get(path)
        if tag is None:
            return None
        return self._kept(path, tag, lambda: orjson.dumps(self._third(path))), JSON, tag

    # --- what there is

    def _look(self) -> None:
        if self._seen == self._generation():
            return
        self._seen = self._generation()
        groups = self._groups()
        self._paths = {path: [] for path in _ROOTS}
        for group in groups:
            self._paths |= _paths_of(group)
        self._hashes = {path: self._hash_of(path, shapes) for path, shapes in self._paths.items()}

    def _hash_of(self, path: str, shapes: list[ResourceShape]) -> str:
        return _hash([self._release, path, *(repr(shape) for shape in shapes)])

    def _kept(self, name: str, tag: str, make: Callable[[], bytes]) -> bytes:
        known = self._made.get(name)
        if known is None or known[0] != tag:
            body = make()
            self._made[name] = tag, zlib.compress(body, 1)
            return body
        return zlib.decompress(known[1])

    # --- documents

    def _third(self, path: str) -> Schema:
        shapes = self._paths[path]
        return {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": self._release},
            "paths": _operations(path, shapes, 3),
            "components": {"schemas": _definitions(path, shapes, 3), "securitySchemes": _KEY},
            "security": _SECURITY,
        }

    def _second(self, form: str) -> bytes:
        paths: Schema = {}
        definitions: Schema = {}
        for path, shapes in self._paths.items():
            paths |= _operations(path, shapes, 2)
            definitions |= _definitions(path, shapes, 2)
        for part in self._parts():
            merge(paths, definitions, part)
        found = {
            "swagger": "2.0",
            "info": {"title": "Kubernetes", "version": self._release},
            "paths": dict(sorted(paths.items())),
            "definitions": dict(sorted(definitions.items())),
            "securityDefinitions": _KEY,
            "security": _SECURITY,
        }
        return orjson.dumps(found) if form == JSON else gnostic.document(found)


def _form(accept: str) -> str | None:
    for wish in accept.split(","):
        media = wish.partition(";")[0].strip()
        if media in ("", "*/*", "application/*", JSON):
            return JSON
        if media in (PROTOBUF, PROTOBUF_OLD):
            return PROTOBUF
    return None


def _digest(part: bytes) -> str:
    return hashlib.sha256(part).hexdigest()


def _hash(parts: list[str]) -> str:
    return hashlib.sha512("\n".join(parts).encode()).hexdigest().upper()


def _paths_of(group: Group) -> dict[str, list[ResourceShape]]:
    base = f"apis/{group.name}" if group.name else "api"
    found = {f"{base}/{version}": shapes for version, shapes in group.versions.items()}
    return {base: [], **found} if group.name else found


def _operations(path: str, shapes: list[ResourceShape], version: int) -> Schema:
    if not shapes:
        answer = {"api": META + "APIVersions", "apis": META + "APIGroupList"}.get(path, META + "APIGroup")
        if path in _ROOTS and path not in ("api", "apis"):
            return {
                f"/{path}": {"get": {"responses": {"200": {"description": "OK"}}, "tags": [_ROOTS[path]]}}
            }
        return operations.discovery(f"/{path}/", path.removeprefix("apis/").split(".")[0], answer, version)
    tag = f"{shapes[0].group.split('.')[0] or 'core'}_{shapes[0].version}"
    found = operations.discovery(f"/{path}/", tag, META + "APIResourceList", version)
    for shape in sorted(shapes, key=lambda shape: shape.plural):
        found |= operations.paths(shape, version)
    return found


def _definitions(path: str, shapes: list[ResourceShape], version: int) -> Schema:
    if not shapes:
        roots = {"api": ["APIVersions"], "apis": ["APIGroupList"], "version": []}
        names = [] if path in _ROOTS and path not in roots else roots.get(path, ["APIGroup"])
        return _built_in([META + name for name in names], version)
    names = list(schemas.COMMON)
    found: Schema = {}
    for shape in shapes:
        if shape.schema is not None:
            found |= schemas.custom(shape, version)
            names += [META + "ObjectMeta", META + "ListMeta"]
        else:
            names += [shape.definition, f"{shape.definition}List" if "list" in shape.verbs else ""]
        names += [sub.definition for sub in shape.subresources if sub.definition not in found]
    names = [name for name in names if name.startswith("io.k8s.") and name not in found]
    return _built_in(names, version) | found


def _built_in(names: Sequence[str], version: int) -> Schema:
    return {name: schemas.definition(name, version, _kinds(name)) for name in schemas.reachable(names)}


def _kinds(name: str) -> list[Schema]:
    kind = builtin.raw(name).get("kind")
    if kind:
        return [{"group": kind[0], "kind": kind[2], "version": kind[1]}]
    short = name.rpartition(".")[2]
    return (
        [{"group": "", "kind": short, "version": "v1"}] if name in schemas.COMMON and short != "Patch" else []
    )
