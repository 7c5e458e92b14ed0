"""What an API server has: its resources, from the aggregated discovery documents."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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


async def discover(client: Client) -> list[Discovered]:
    """Every resource in every version that is served; raises StatusError and Unavailable."""
    found: list[Discovered] = []
    for root in ("/api", "/apis"):
        document = await client.request("GET", root, accept=AGGREGATED)
        for group in document.get("items") or ():
            name = (group.get("metadata") or {}).get("name", "")
            found += _of_group(name, group.get("versions") or ())
    return found


def _of_group(name: str, versions: Iterable[dict[str, Any]]) -> list[Discovered]:
    found = []
    seen: set[str] = set()
    for version in versions:
        api_version = f"{name}/{version['version']}" if name else str(version["version"])
        for resource in version.get("resources") or ():
            plural = resource["resource"]
            path = ResourcePath(api_version, plural, resource["scope"] == "Namespaced")
            kind = resource["responseKind"]["kind"]
            found.append(Discovered(path, kind, frozenset(resource["verbs"]), plural not in seen))
            seen.add(plural)
    return found
