"""Which pods an object makes: how many, and of what template. Pure."""

from collections.abc import Iterable, Sequence

from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets import placement, template
from sampan.kube.controllers.podcontrol import from_template
from sampan.specs.kubernetes.intorstring import scaled

REPLICATED = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
MOST = 5_000  # pods of one object that are placed in thought
KINDS = (*REPLICATED, "DaemonSet", "Job", "CronJob", "Pod")


def pods_of(value: Object, nodes: Iterable[Object]) -> list[Object]:
    """To be placed; each of a DaemonSet's asks for its node, a CronJob's are of one run."""
    kind, spec = value.get("kind"), value.get("spec") or {}
    if kind == "Pod":
        return [value]
    if kind == "CronJob":
        job = {
            "kind": "Job",
            "apiVersion": "batch/v1",
            "spec": (spec.get("jobTemplate") or {}).get("spec") or {},
        }
        return pods_of({**job, "metadata": value["metadata"]}, nodes)
    if not spec.get("template"):
        return []
    owner = owner_of(value)
    if kind != "DaemonSet":
        return [from_template(spec["template"], owner)] * size(value)
    made = template.template_of(owner, "")
    wanted = sorted(name for name, rule in placement.placements(value, nodes).items() if rule.run)
    return [from_template(template.pinned(made, name), owner) for name in wanted]


def owner_of(value: Object) -> Object:
    """What will control the pods, as far as is known of what is not there yet."""
    metadata = {"uid": "simulated", **value["metadata"]}
    if value.get("kind") != "Deployment":
        return {**value, "metadata": metadata}
    spec = {"selector": (value.get("spec") or {}).get("selector")}
    return {"apiVersion": value["apiVersion"], "kind": "ReplicaSet", "metadata": metadata, "spec": spec}


def size(value: Object) -> int:
    """How many of its pods are looked at."""
    return min(wanted(value), MOST)


def wanted(value: Object) -> int:
    """How many pods it has at once when all goes well."""
    spec = value.get("spec") or {}
    if value.get("kind") == "Job":
        if spec.get("suspend"):
            return 0
        parallelism, completions = spec.get("parallelism", 1), spec.get("completions")
        return int(parallelism if completions is None else min(parallelism, completions))
    return int(spec.get("replicas", 1))


def steps(value: Object) -> tuple[int, int]:
    """Of a rolling update of a Deployment: pods that may be there beside, pods that may be missing."""
    strategy, pods = (value.get("spec") or {}).get("strategy") or {}, wanted(value)
    if strategy.get("type") == "Recreate":
        return 0, pods
    rolling = strategy.get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", "25%"), pods, up=True)
    missing = scaled(rolling.get("maxUnavailable", "25%"), pods, up=False)
    return surge, missing if surge or missing else 1


def differs(old: Object, new: Object) -> bool:
    """Does the change make new pods?"""
    return (old.get("spec") or {}).get("template") != (new.get("spec") or {}).get("template")


def grouped(names: Sequence[str]) -> str:
    """ "a x2, b" """
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{name} x{count}" if count > 1 else name for name, count in sorted(counts.items()))
