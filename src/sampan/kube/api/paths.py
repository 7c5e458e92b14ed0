"""What a path of the API means. k8s.io/apiserver/pkg/endpoints/request, RequestInfo"""

from dataclasses import dataclass, field
from urllib.parse import unquote

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True, slots=True)
class Target:
    """A path below /api or /apis that names a resource, or (`resource` is empty) any other path.

    `rest`: what follows the subresource, for proxies. `watch`: by the old form /api/v1/watch/... `parts`: of
    the whole path, decoded.
    """

    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    watch: bool = False
    parts: tuple[str, ...] = field(default=(), compare=False)


def parse(path: str) -> Target:
    """`path` is still percent-encoded, without its query."""
    # Decoded before it is cut, as Go does: whoever a request is handed on to must see the parts that we see.
    parts = tuple(part for part in unquote(path).split("/") if part)
    if len(parts) >= 3 and parts[0] == "api":
        return _resource(path, "", parts[1], parts, 2)
    if len(parts) >= 4 and parts[0] == "apis":
        return _resource(path, parts[1], parts[2], parts, 3)
    return Target(path, parts=parts)


def _resource(path: str, group: str, version: str, whole: tuple[str, ...], begin: int) -> Target:
    parts = whole[begin:]
    watch = parts[0] == "watch" and len(parts) > 1
    if watch:
        parts = parts[1:]
    namespace = ""
    # /namespaces/x is the namespace itself, /namespaces/x/status a part of it, /namespaces/x/pods is in it.
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in ("status", "finalize"):
            parts = parts[2:]
    resource, name, subresource, rest = (*parts[:3], *[""] * (3 - len(parts)), "/".join(parts[3:]))
    if resource == "namespaces" and not group:
        namespace = ""
    return Target(path, group, version, namespace, resource, name, subresource, rest, watch, whole)
