"""Pods roll when a ConfigMap or Secret that they use changes, if an annotation of their workload asks for it.

`sampan.dev/roll-on-change: "true"` on a Deployment, StatefulSet or DaemonSet. What its pods use is noted in
an annotation of the workload; when that has other contents, the pod template gets an annotation with their
hash, as `kubectl rollout restart` gives it one with the time, and the workload's own strategy does the rest.
What is seen for the first time is noted and rolls nothing: neither a new workload nor a new reference does.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sampan.kube.client.informer import Informer, key_of
from sampan.kube.client.recorder import NORMAL
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import (
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    SECRETS,
    STATEFUL_SETS,
)
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes import podreferences
from sampan.specs.kubernetes.objects import annotations_of, is_going

ANNOTATION = "sampan.dev/roll-on-change"
SEEN = "sampan.dev/configuration-seen"  # of the workload: "configmaps/a:4f1c...,secrets/b:77ab..."
HASH = "sampan.dev/configuration-hash"  # of the pod template

USES = "uses"  # an index of workloads
WORKLOADS = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS)
SOURCES = {CONFIG_MAPS.plural: CONFIG_MAPS, SECRETS.plural: SECRETS}
NAMES = {CONFIG_MAPS.plural: "ConfigMap", SECRETS.plural: "Secret"}
DIGITS = 12


@dataclass(frozen=True)
class Change:
    """What a workload's annotations are to say; `changed`: what its pods have to roll for."""

    seen: dict[str, str]
    changed: tuple[str, ...] = ()

    @property
    def patch(self) -> Object:
        patch: Object = {"metadata": {"annotations": {SEEN: _text(self.seen)}}}
        if self.changed:
            digest = hashlib.sha256(_text(self.seen).encode()).hexdigest()[: 2 * DIGITS]
            patch["spec"] = {"template": {"metadata": {"annotations": {HASH: digest}}}}
        return patch


def uses(workload: Object) -> list[str]:
    """What its pods read, "configmaps/name", if it asks for being rolled."""
    if annotations_of(workload).get(ANNOTATION) != "true":
        return []
    spec = (workload["spec"].get("template") or {}).get("spec") or {}
    maps = (f"{CONFIG_MAPS.plural}/{name}" for name in podreferences.config_maps(spec))
    return sorted([*maps, *(f"{SECRETS.plural}/{name}" for name in podreferences.read_secrets(spec))])


def digest(value: Object) -> str:
    """Of its contents; of a Secret's, keyed with its uid: who sees the workload could guess what is short."""
    contents = {name: value[name] for name in ("data", "binaryData", "type") if value.get(name)}
    raw = json.dumps(contents, sort_keys=True, separators=(",", ":")).encode()
    key = value["metadata"]["uid"].encode() if "type" in contents else b""
    return hmac.digest(key, raw, "sha256").hex()[:DIGITS]


def decide(workload: Object, found: Mapping[str, Object]) -> Change | None:
    """`found`: what there is of what it uses. What is missing for a while is remembered as it was."""
    known = _seen(workload)
    seen = {}
    for name in uses(workload):
        if name in found:
            seen[name] = digest(found[name])
        elif name in known:
            seen[name] = known[name]
    changed = tuple(name for name, own in seen.items() if known.get(name, own) != own)
    return Change(seen, changed) if seen != known else None


def _seen(workload: Object) -> dict[str, str]:
    text = annotations_of(workload).get(SEEN, "")
    pairs = (one.rpartition(":") for one in text.split(","))
    return {name: own for name, _, own in pairs if name}


def _text(seen: Mapping[str, str]) -> str:
    return ",".join(f"{name}:{own}" for name, own in seen.items())


def controller(context: Context) -> Controller:
    return RollOnChange(context).controller


class RollOnChange:
    """Its `controller` handles one workload at a time: "deployments/namespace/name"."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._workloads = {path.plural: context.informers.of(path) for path in WORKLOADS}
        self._followed: dict[str, Informer] = {}
        self.controller = Controller(context.name, self._reconcile, self._workloads.values())
        for plural, informer in self._workloads.items():
            informer.index(USES, lambda value: [_place(value, one) for one in uses(value)])
            self.controller.watch(informer, _keys(plural))

    async def _source(self, plural: str) -> Informer:
        """Secrets may be many and large, so that they are followed only once somebody needs them."""
        found = self._followed.get(plural)
        if found is None:
            found = self._followed[plural] = self._context.informers.of(SOURCES[plural])
            found.on_change(lambda _what, value, _old: self._source_changed(plural, value))
        await found.synced.wait()
        return found

    def _source_changed(self, plural: str, value: Object) -> None:
        place = _place(value, f"{plural}/{value['metadata']['name']}")
        for workloads, informer in self._workloads.items():
            for workload in informer.by(USES, place):
                self.controller.queue.add(f"{workloads}/{key_of(workload)}")

    async def _reconcile(self, key: str) -> None:
        plural, _, rest = key.partition("/")
        workload = self._workloads[plural].get(rest)
        if workload is None or is_going(workload) or not uses(workload):
            return
        change = decide(workload, await self._found(workload))
        if change is None:
            return
        metadata = workload["metadata"]
        patch = change.patch
        patch["metadata"]["resourceVersion"] = metadata["resourceVersion"]
        resource = next(path for path in WORKLOADS if path.plural == plural)
        await self._context.client.patch(resource, metadata["namespace"], metadata["name"], patch)
        if change.changed:
            names = ", ".join(f"{NAMES[kind]} {name}" for kind, name in map(_split, change.changed))
            message = f"Rolling its pods, since what they use has changed: {names}"
            self._context.recorder.event(workload, NORMAL, "ConfigurationChanged", message)

    async def _found(self, workload: Object) -> dict[str, Object]:
        found = {}
        for one in uses(workload):
            plural, name = _split(one)
            source = await self._source(plural)
            value = source.get(f"{workload['metadata']['namespace']}/{name}")
            if value is not None:
                found[one] = value
        return found


def _keys(plural: str) -> Callable[[Object], Iterable[str]]:
    return lambda value: [f"{plural}/{key_of(value)}"]


def _place(value: Object, name: str) -> str:
    return f"{value['metadata'].get('namespace', '')}/{name}"


def _split(name: str) -> tuple[str, str]:
    plural, _, own = name.partition("/")
    return plural, own
