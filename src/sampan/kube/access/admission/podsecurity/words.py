"""How what a pod may not do is told."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sampan.kube.access.admission.refusing import containers_of
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote


class Pod(NamedTuple):
    """`annotations` and `spec` of a pod or of what makes pods; `minor`: which version's rules."""

    annotations: dict[str, str]
    spec: Object
    minor: int

    def containers(self) -> Iterator[Object]:
        return (one for _, one in containers_of(self.spec))

    @property
    def context(self) -> Object:
        return self.spec.get("securityContext") or {}

    @property
    def own_users(self) -> bool:
        """Is its root nobody outside?"""
        return self.minor >= 35 and self.spec.get("hostUsers") is False

    @property
    def windows(self) -> bool:
        return self.minor >= 25 and (self.spec.get("os") or {}).get("name") == "windows"


# The reason and the detail, or None if there is nothing to say.
Finding = tuple[str, str] | None
Check = Callable[[Pod], Finding]


def context_of(container: Object) -> Object:
    return container.get("securityContext") or {}


def names(pod: Pod, wrong: Callable[[Object], Any]) -> list[str]:
    """Of the containers that are wrong."""
    return [one.get("name", "") for one in pod.containers() if wrong(one)]


def number(singular: str, plural: str, count: int) -> str:
    return singular if count == 1 else plural


def quoted(texts: Sequence[str]) -> str:
    return ", ".join(quote(one) for one in texts)


def containers(found: Sequence[str]) -> str:
    return f"{number('container', 'containers', len(found))} {quoted(found)}"


def setters(pod_too: bool, found: Sequence[str]) -> str:
    """Who has set it: the pod, containers, or both."""
    return " and ".join((["pod"] if pod_too else []) + ([containers(found)] if found else []))
