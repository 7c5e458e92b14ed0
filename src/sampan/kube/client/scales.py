"""The scale of any object: how many replicas are wanted of it, and which pods they are.

The subresource `scale` of whatever kind a reference names, in a version that the server has.
"""

import asyncio
from collections.abc import Callable, Iterable

from sampan.errors import NotFound
from sampan.kube.client.discovery import Discovered, discover
from sampan.kube.client.requests import Client, Object, ResourcePath
from sampan.specs.kubernetes.status import StatusError, is_not_found, qualified

FRESH = 300.0  # seconds for which what has been found out is taken to be so
UNKNOWN = 30.0  # the same of a kind that was not there


class Kinds:
    """Which resources the server has for a kind, found out when somebody asks for one that is not known."""

    def __init__(self, client: Client, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._found: list[Discovered] = []
        self._at: float | None = None
        self._looking = asyncio.Lock()

    async def of(self, group: str, kind: str) -> list[ResourcePath]:
        """The preferred version first; raises StatusError and Unavailable."""
        async with self._looking:
            found = _of(self._found, group, kind)
            if self._at is None or self._clock() - self._at > (FRESH if found else UNKNOWN):
                self._found = await discover(self._client)
                self._at = self._clock()
        return _of(self._found, group, kind)


def _of(found: Iterable[Discovered], group: str, kind: str) -> list[ResourcePath]:
    paths = [one for one in found if one.group == group and one.kind == kind]
    return [one.path for one in sorted(paths, key=lambda one: not one.preferred)]


def group_of(reference: Object) -> str:
    return str(reference.get("apiVersion") or "").rpartition("/")[0]


async def read_scale(client: Client, kinds: Kinds, reference: Object, namespace: str) -> Object | None:
    """None if there is no such object; raises NotFound for a kind that has no scale, and StatusError."""
    group, kind = group_of(reference), str(reference.get("kind") or "")
    paths = await kinds.of(group, kind)
    if not paths:
        raise NotFound(f'no matches for kind "{kind}" in group "{group}"')
    path = paths[0]
    try:
        found: Object = await client.request("GET", path.path(namespace, str(reference.get("name")), "scale"))
    except StatusError as error:
        if not is_not_found(error):
            raise
        if error.details and error.details.get("name"):
            return None
        raise NotFound(f"{qualified(group, path.plural)} does not implement the scale subresource") from error
    return found
