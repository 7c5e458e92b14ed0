"""What happens that each plugin has a use for, and when it may let a pod pass that it has refused.

Upstream's EventsToRegister and queueing hints. A hint may wake a pod in vain, but never leave one asleep that
has become schedulable.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from sampan.kube.client.requests import Object
from sampan.kube.scheduler import happenings
from sampan.kube.scheduler.happenings import Happening
from sampan.kube.scheduler.queue import Entry
from sampan.specs.kubernetes import labels, labelselector

# (the pod, a plugin, a node's name) -> does the plugin's filter let the pod pass there now?
Fits = Callable[[Object, str, str], bool]


class _Case(NamedTuple):
    """A pod that a plugin has refused, and what happened."""

    pod: Object
    plugin: str
    one: Happening
    fits: Fits


_Rule = Callable[[_Case], bool]


def _always(_case: _Case) -> bool:
    return True


def _on_node(case: _Case) -> bool:
    """The node that came or changed would do now, as far as this plugin is concerned."""
    node = case.one.new
    return node is not None and case.fits(case.pod, case.plugin, node["metadata"]["name"])


def _own(case: _Case) -> bool:
    """It is this very pod that has changed."""
    return case.one.new is not None and case.one.new["metadata"].get("uid") == case.pod["metadata"].get("uid")


def _frees_ports(case: _Case) -> bool:
    return bool(_host_ports(case.pod) & _host_ports(case.one.old or {}))


def _host_ports(pod: Object) -> set[int]:
    """The addresses are left out: the filter looks at them."""
    spec = pod.get("spec") or {}
    containers = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    ports = (port.get("hostPort") or 0 for one in containers for port in one.get("ports") or ())
    return {port for port in ports if port}


def _shares_volume(case: _Case) -> bool:
    """The pod that left used one of the claims or disks of this one."""
    old = case.one.old or {}
    same_namespace = old.get("metadata", {}).get("namespace") == case.pod["metadata"].get("namespace")
    mine, gone = set(claims_of(case.pod)), set(claims_of(old))
    return bool(same_namespace and mine & gone) or bool(_disks(case.pod) & _disks(old))


def _disks(pod: Object) -> set[str]:
    found = set()
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        for kind in ("gcePersistentDisk", "awsElasticBlockStore", "rbd", "iscsi"):
            source = volume.get(kind)
            if source:
                name = source.get("pdName") or source.get("volumeID") or source.get("image")
                found.add(f"{kind}/{name or source.get('iqn')}")
    return found


def _uses_claim(case: _Case) -> bool:
    claim = case.one.new
    if claim is None or claim["metadata"].get("namespace") != case.pod["metadata"].get("namespace"):
        return False
    return claim["metadata"]["name"] in claims_of(case.pod)


def claims_of(pod: Object) -> list[str]:
    """Names of the PersistentVolumeClaims of a pod, those of its ephemeral volumes too."""
    found = []
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        claim = volume.get("persistentVolumeClaim")
        if claim:
            found.append(claim.get("claimName", ""))
        elif volume.get("ephemeral"):
            found.append(f"{pod['metadata']['name']}-{volume.get('name')}")
    return found


def _frees_attachment(case: _Case) -> bool:
    volumes = ((case.one.old or {}).get("spec") or {}).get("volumes") or ()
    return any(one.get("persistentVolumeClaim") or one.get("ephemeral") or one.get("csi") for one in volumes)


def _spread_by_pod(case: _Case) -> bool:
    """A pod counts now, or counts no more, in a constraint of this one."""
    namespace = case.pod["metadata"].get("namespace")
    for other in (case.one.old, case.one.new):
        if other is None or other["metadata"].get("namespace") != namespace:
            continue
        own = other["metadata"].get("labels") or {}
        if any(_selects(one.get("labelSelector"), own) for one in _constraints(case.pod)):
            return True
    return False


def _spread_by_node(case: _Case) -> bool:
    return _has_key(case, (one.get("topologyKey", "") for one in _constraints(case.pod)))


def _constraints(pod: Object) -> Iterator[Mapping[str, Any]]:
    for one in (pod.get("spec") or {}).get("topologySpreadConstraints") or ():
        if one.get("whenUnsatisfiable") == "DoNotSchedule":
            yield one


def _has_key(case: _Case, keys: Iterator[str]) -> bool:
    """The node has, or had, a label of one of these keys."""
    wanted = set(keys)
    nodes = (one for one in (case.one.old, case.one.new) if one is not None)
    return any(wanted & set(node["metadata"].get("labels") or {}) for node in nodes)


def _affinity_by_pod(case: _Case) -> bool:
    """A pod that this one wants beside it is there, or one that kept it away has gone or changed."""
    for other in (case.one.old, case.one.new):
        if other is None:
            continue
        if any(_term_matches(term, case.pod, other) for term in _terms(case.pod)):
            return True
        if any(_term_matches(term, other, case.pod) for term in _terms(other, ("podAntiAffinity",))):
            return True
    return False


def _affinity_by_node(case: _Case) -> bool:
    """Also for the sake of others' terms, whose keys are not known here."""
    own = list(_terms(case.pod))
    return not own or _has_key(case, (term.get("topologyKey", "") for term in own))


def _terms(
    pod: Object, sides: tuple[str, ...] = ("podAffinity", "podAntiAffinity")
) -> Iterator[Mapping[str, Any]]:
    affinity = (pod.get("spec") or {}).get("affinity") or {}
    for side in sides:
        needed = (affinity.get(side) or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
        yield from needed or ()


def _term_matches(term: Mapping[str, Any], owner: Object, other: Object) -> bool:
    """A namespaceSelector is taken to match."""
    if term.get("namespaceSelector") is None:
        namespaces = term.get("namespaces") or (owner["metadata"].get("namespace"),)
        if other["metadata"].get("namespace") not in namespaces:
            return False
    return _selects(term.get("labelSelector"), other["metadata"].get("labels") or {})


def _selects(selector: Any, own: Mapping[str, str]) -> bool:
    return labelselector.can_select(selector) and labels.from_object(selector).matches(own)


def _claims_devices(case: _Case) -> bool:
    """It is a ResourceClaim of this pod, or one that may have set devices free."""
    return bool((case.pod.get("spec") or {}).get("resourceClaims"))


_NODE_CHANGES = (
    happenings.NODE_ADD,
    happenings.NODE_LABEL,
    happenings.NODE_TAINT,
    happenings.NODE_ALLOCATABLE,
)
_VOLUMES = (happenings.VOLUME_ADD, happenings.VOLUME_UPDATE)
_CLAIMS = (happenings.CLAIM_ADD, happenings.CLAIM_UPDATE)
_PODS = (happenings.POD_ADD, happenings.POD_LABEL, happenings.POD_DELETE)
_DEVICES = (
    *(happenings.RESOURCE_CLAIM_ADD, happenings.RESOURCE_CLAIM_UPDATE, happenings.RESOURCE_CLAIM_DELETE),
    *(happenings.DEVICE_CLASS_ADD, happenings.DEVICE_CLASS_UPDATE),
    *(happenings.SLICE_ADD, happenings.SLICE_UPDATE, happenings.OWN_CLAIMS),
)

RULES: Mapping[str, Mapping[str, _Rule]] = {
    "SchedulingGates": {happenings.OWN_GATES: _own},
    "NodeUnschedulable": {
        happenings.NODE_ADD: _on_node,
        happenings.NODE_TAINT: _on_node,
        happenings.OWN_TOLERATION: _own,
    },
    "NodeName": {happenings.NODE_ADD: _on_node},
    "TaintToleration": {
        happenings.NODE_ADD: _on_node,
        happenings.NODE_TAINT: _on_node,
        happenings.OWN_TOLERATION: _own,
    },
    "NodeAffinity": {happenings.NODE_ADD: _on_node, happenings.NODE_LABEL: _on_node},
    "NodePorts": {happenings.NODE_ADD: _always, happenings.POD_DELETE: _frees_ports},
    "NodeResourcesFit": {
        happenings.NODE_ADD: _on_node,
        happenings.NODE_ALLOCATABLE: _on_node,
        happenings.POD_DELETE: _always,
        happenings.POD_SCALE_DOWN: _always,
        happenings.OWN_SCALE_DOWN: _own,
    },
    "VolumeRestrictions": {happenings.POD_DELETE: _shares_volume, **dict.fromkeys(_CLAIMS, _uses_claim)},
    "NodeVolumeLimits": {
        happenings.NODE_ADD: _always,
        happenings.CSI_NODE_ADD: _always,
        happenings.CSI_NODE_UPDATE: _always,
        happenings.POD_DELETE: _frees_attachment,
        happenings.ATTACHMENT_DELETE: _always,
        **dict.fromkeys(_CLAIMS, _uses_claim),
    },
    "VolumeBinding": {
        **dict.fromkeys(_NODE_CHANGES[:3], _always),
        **dict.fromkeys(_CLAIMS, _uses_claim),
        **dict.fromkeys(_VOLUMES, _always),
        happenings.CLASS_ADD: _always,
        happenings.CLASS_UPDATE: _always,
        happenings.CSI_NODE_ADD: _always,
        happenings.CSI_NODE_UPDATE: _always,
        happenings.CSI_DRIVER_UPDATE: _always,
        happenings.CAPACITY_ADD: _always,
        happenings.CAPACITY_UPDATE: _always,
    },
    "VolumeZone": {
        happenings.NODE_ADD: _always,
        happenings.NODE_LABEL: _always,
        happenings.CLASS_ADD: _always,
        **dict.fromkeys(_CLAIMS, _uses_claim),
        **dict.fromkeys(_VOLUMES, _always),
    },
    "PodTopologySpread": {
        **dict.fromkeys(_PODS, _spread_by_pod),
        happenings.NODE_ADD: _spread_by_node,
        happenings.NODE_DELETE: _spread_by_node,
        happenings.NODE_LABEL: _spread_by_node,
        happenings.NODE_TAINT: _spread_by_node,
        happenings.OWN_LABEL: _own,
        happenings.OWN_TOLERATION: _own,
    },
    "InterPodAffinity": {
        **dict.fromkeys(_PODS, _affinity_by_pod),
        happenings.NODE_ADD: _affinity_by_node,
        happenings.NODE_LABEL: _affinity_by_node,
        happenings.OWN_LABEL: _own,
    },
    "DynamicResources": {
        **dict.fromkeys(_DEVICES, _claims_devices),
        **dict.fromkeys(_NODE_CHANGES, _always),
        happenings.POD_DELETE: _claims_devices,
    },
    # Waits for its victims to be told, and is activated after that.
    "DefaultPreemption": {},
}


class Rules:
    """The rules as the queue asks for them."""

    def __init__(self, fits: Fits) -> None:
        self._fits = fits
        kinds = {kind for rules in RULES.values() for kind in rules}
        self._by_kind = {
            kind: tuple(plugin for plugin, rules in RULES.items() if kind in rules) for kind in kinds
        }

    def interested(self, kind: str) -> Collection[str]:
        return self._by_kind.get(kind, ())

    def concerns(self, entry: Entry, plugins: Collection[str], one: Happening) -> bool:
        for plugin in plugins:
            rule = RULES.get(plugin, {}).get(one.kind)
            if rule is not None and rule(_Case(entry.pod, plugin, one, self._fits)):
                return True
        return False
