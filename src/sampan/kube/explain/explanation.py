"""An answer to "why?": the deciding fact first, then what would change it, then what else was seen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sampan.kube.client.requests import Object
from sampan.specs.terminal import harmless

CONTROLLERS = "the cluster's controllers"

# Who takes a finalizer away, and when.
KEEPERS = {
    "batch.kubernetes.io/job-tracking": "the Job controller, when it has counted the pod",
    "customresourcecleanup.apiextensions.k8s.io": "the API server, when all objects of the kind have gone",
    "foregroundDeletion": "the garbage collector, when all dependents have gone",
    "kubernetes": "the namespace controller, when the namespace is empty",
    "kubernetes.io/pv-protection": f"{CONTROLLERS}, when no claim is bound to the volume",
    "kubernetes.io/pvc-protection": f"{CONTROLLERS}, when no pod uses the claim",
    "networking.k8s.io/service-cidr-finalizer": f"{CONTROLLERS}, when no address of the range is in use",
    "orphan": "the garbage collector, when the dependents have been let go",
    "resource.kubernetes.io/delete-protection": f"{CONTROLLERS}, when no pod uses the claim",
    "service.kubernetes.io/load-balancer-cleanup": "the load balancer's controller",
}


@dataclass(frozen=True)
class Explanation:
    """`state` is a word or two, `because` the deciding fact as a sentence without its full stop."""

    kind: str
    namespace: str
    name: str
    state: str
    because: str
    unblock: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    decisions: tuple[Mapping[str, Any], ...] = ()

    def json(self) -> dict[str, Any]:
        """What `-o json` prints."""
        return {**asdict(self), "decisions": list(self.decisions)}

    def text(self) -> str:
        """A few lines for a terminal."""
        where = f"{self.namespace}/" if self.namespace else ""
        lines = [f"{self.kind} {where}{self.name}: {self.state}", f"  because   {self.because}"]
        lines += [f"  unblock   {one}" for one in self.unblock]
        lines += [f"  also      {one}" for one in self.also]
        return "\n".join(map(harmless, lines)) + "\n"


@dataclass(frozen=True)
class Seen:
    """An object and what was found around it. Events and decisions have the latest last."""

    kind: str
    value: Object
    events: Sequence[Object] = ()
    decisions: Sequence[Mapping[str, Any]] = ()
    around: Mapping[str, Sequence[Object]] = field(default_factory=dict)  # by plural: pods, nodes, ...
    children: Sequence["Seen"] = ()
    now: float = 0.0
    unseen: frozenset[str] = (
        frozenset()
    )  # plurals that could not be looked at: nothing follows from their absence

    @property
    def status(self) -> Object:
        found: Object = self.value.get("status") or {}
        return found

    @property
    def spec(self) -> Object:
        found: Object = self.value.get("spec") or {}
        return found

    def near(self, plural: str) -> Sequence[Object]:
        return self.around.get(plural, ())

    def because(
        self, state: str, because: str, unblock: Sequence[str] = (), also: Sequence[str] = ()
    ) -> Explanation:
        """An explanation of this object."""
        metadata = self.value["metadata"]
        if self.unseen:
            also = [*also, f"could not be looked at: {', '.join(sorted(self.unseen))}"]
        return Explanation(
            self.kind,
            metadata.get("namespace", ""),
            metadata["name"],
            state,
            because.rstrip("."),
            tuple(unblock),
            tuple(also),
            tuple(self.decisions),
        )

    def decided(self, by: str = "") -> Mapping[str, Any] | None:
        """The latest decision of one, or of anybody."""
        found = [one for one in self.decisions if not by or one["by"] == by]
        return found[-1] if found else None

    def last_event(self, *reasons: str) -> Object | None:
        found = [one for one in self.events if one.get("reason") in reasons]
        return found[-1] if found else None

    def warnings(self, most: int = 3) -> list[str]:
        """The last of them, as "Reason: message"."""
        found = [
            f"{one.get('reason')}: {one.get('message')}"
            for one in self.events
            if one.get("type") == "Warning"
        ]
        return list(dict.fromkeys(found))[-most:]


def finalizers(value: Object) -> list[tuple[str, str]]:
    """Each finalizer, and who should take it away."""
    return [(one, keeper(value, one)) for one in value["metadata"].get("finalizers") or ()]


def keeper(value: Object, finalizer: str) -> str:
    """Known by its name, or from the field manager that has put it there."""
    if finalizer in KEEPERS:
        return KEEPERS[finalizer]
    manager = _manager(value, finalizer)
    if manager:
        return f"whoever has set it, which was {manager!r}"
    domain = finalizer.partition("/")[0] if "/" in finalizer else ""
    return f"whoever has set it; its name points to {domain}" if domain else "whoever has set it"


def _manager(value: Object, finalizer: str) -> str:
    for entry in value["metadata"].get("managedFields") or ():
        fields = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:finalizers") or {}
        if f'v:"{finalizer}"' in fields:
            return str(entry.get("manager") or "")
    return ""


def removal(seen: Seen) -> Explanation | None:
    """Why an object that is to go is still there; None of one that is to stay."""
    since = seen.value["metadata"].get("deletionTimestamp")
    if not since:
        return None
    held = finalizers(seen.value)
    if not held:
        return None
    name, who = held[0]
    unblock = [f"{finalizer}: to be removed by {keeper}" for finalizer, keeper in held]
    return seen.because("Terminating", f"it still has the finalizer {name}, to be removed by {who}", unblock)
