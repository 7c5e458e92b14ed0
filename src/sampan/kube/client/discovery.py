"""What an API server has: its resources, from the aggregated discovery documents."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sampan.errors import Unavailable
from sampan.kube.client.requests import Client, ResourcePath

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Discovered:
    path: ResourcePath
    kind: str
    verbs: frozenset[str]
    preferred: bool  # is this the first version of its group that has the resource?

    @property
    def group(self) -> str:
        return self.path.api_version.rpartition("/")[0]


@dataclass(frozen=True)
class Survey:
    """`stale`: versions of groups whose own servers do not answer now: what they have may not be all here."""

    resources: list[Discovered]
    stale: frozenset[str]


async def survey(client: Client) -> Survey:
    """Every resource in every version that is served; raises StatusError and Unavailable."""
    found: list[Discovered] = []
    stale: set[str] = set()
    for root in ("/api", "/apis"):
        document = await client.request("GET", root, accept=AGGREGATED)
        try:
            _read(document, found, stale)
        except (KeyError, TypeError, AttributeError) as error:
            # The server passes on what others, whose APIs it aggregates, say of themselves.
            raise Unavailable(f"what {root} tells of its resources is nothing to go by: {error!r}") from error
    return Survey(found, frozenset(stale))


async def discover(client: Client) -> list[Discovered]:
    """The resources of a survey."""
    return (await survey(client)).resources


def _read(document: dict[str, Any], found: list[Discovered], stale: set[str]) -> None:
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name", "")
        versions = group.get("versions") or ()
        found += _of_group(name, versions)
        stale.update(_api_version(name, one) for one in versions if one.get("freshness") == "Stale")


def _api_version(group: str, version: dict[str, Any]) -> str:
    return f"{group}/{version['version']}" if group else str(version["version"])


def _of_group(name: str, versions: Iterable[dict[str, Any]]) -> list[Discovered]:
    found = []
    seen: set[str] = set()
    for version in versions:
        api_version = _api_version(name, version)
        for resource in version.get("resources") or ():
            plural = resource["resource"]
            path = ResourcePath(api_version, plural, resource["scope"] == "Namespaced")
            kind = resource["responseKind"]["kind"]
            found.append(Discovered(path, kind, frozenset(resource["verbs"]), plural not in seen))
            seen.add(plural)
    return found
