"""What happens that each plugin has a use for, and when it may let a pod pass that it has refused.

Upstream's EventsToRegister and queueing hints. A hint may wake a pod in vain, but never leave one asleep that
has become schedulable.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from sampan.kube.scheduler import happenings
from sampan.kube.scheduler.devices.podclaims import claim_names
from sampan.kube.scheduler.entries import Entry
from sampan.kube.scheduler.happenings import Happening
from sampan.kube.scheduler.podinfo import PodInfo, Shape
from sampan.kube.scheduler.podterms import Term
from sampan.specs.kubernetes.resourceclaims import allocation

log = logging.getLogger("sampan.kube")

# (the pod, a plugin, a node's name) -> does the plugin's filter let the pod pass there now?
Fits = Callable[[PodInfo, str, str], bool]


class _Case(NamedTuple):
    """A pod that a plugin has refused, and what happened."""

    info: PodInfo
    plugin: str
    one: Happening
    fits: Fits


_Rule = Callable[[_Case], bool]


def _always(_case: _Case) -> bool:
    return True


def _on_node(case: _Case) -> bool:
    """The node that came or changed would do now, as far as this plugin is concerned."""
    node = case.one.new
    return node is not None and case.fits(case.info, case.plugin, node["metadata"]["name"])


def _own(case: _Case) -> bool:
    """It is this very pod that has changed."""
    return case.one.new is not None and case.one.new["metadata"].get("uid") == case.info.uid


def _frees_ports(case: _Case) -> bool:
    """The addresses are left out: the filter looks at them."""
    wanted = {port.number for port in case.info.shape.ports}
    return any(port.number in wanted for other in case.one.pods for port in other.shape.ports)


def _shares_volume(case: _Case) -> bool:
    """The pod that left used one of the claims or disks of this one."""
    shape = case.info.shape
    mine = {use.name for use in shape.claims}
    for other in (info.shape for info in case.one.pods):
        if shape.disks and other.disks:
            return True
        if other.namespace == shape.namespace and any(use.name in mine for use in other.claims):
            return True
    return False


def _uses_claim(case: _Case) -> bool:
    claim, shape = case.one.new, case.info.shape
    if claim is None or claim["metadata"].get("namespace") != shape.namespace:
        return False
    return any(use.name == claim["metadata"]["name"] for use in shape.claims)


def _frees_attachment(case: _Case) -> bool:
    volumes = ((case.one.old or {}).get("spec") or {}).get("volumes") or ()
    return any(one.get("persistentVolumeClaim") or one.get("ephemeral") or one.get("csi") for one in volumes)


def _spread_by_pod(case: _Case) -> bool:
    """A pod counts now, or counts no more, in a constraint of this one."""
    constraints = [one for one in case.info.shape.constraints if one.hard]
    return any(
        one.predicate.matches(other.shape.namespace, other.shape.labels, {})
        for other in case.one.pods
        for one in constraints
    )


def _spread_by_node(case: _Case) -> bool:
    return _has_key(case, (one.topology_key for one in case.info.shape.constraints if one.hard))


def _has_key(case: _Case, keys: Iterable[str]) -> bool:
    """The node has, or had, a label of one of these keys."""
    wanted = set(keys)
    nodes = (one for one in (case.one.old, case.one.new) if one is not None)
    return any(wanted & set(node["metadata"].get("labels") or {}) for node in nodes)


def _affinity_by_pod(case: _Case) -> bool:
    """A pod that this one wants beside it is there, or one that kept it away has gone or changed."""
    mine = case.info.shape
    for other in (info.shape for info in case.one.pods):
        if any(_means(term, other) for term in (*mine.affinity.required, *mine.affinity.forbidden)):
            return True
        if any(_means(term, mine) for term in other.affinity.forbidden):
            return True
    return False


def _means(term: Term, shape: Shape) -> bool:
    """What selects namespaces by their labels is taken to select all."""
    predicate = term.predicate
    there = predicate.anywhere or shape.namespace in predicate.namespaces
    return there and predicate.selector.matches(shape.labels)


def _affinity_by_node(case: _Case) -> bool:
    """Also for the sake of others' terms, whose keys are not known here."""
    affinity = case.info.shape.affinity
    own = (*affinity.required, *affinity.forbidden)
    return not own or _has_key(case, (term.topology_key for term in own))


def _wants_devices(case: _Case) -> bool:
    return bool(case.info.shape.resource_claims)


def _frees_devices(case: _Case) -> bool:
    """A claim has gone that had devices, or has them no more."""
    before, after = case.one.old, case.one.new
    freed = before is not None and allocation(before) and (after is None or not allocation(after))
    return bool(freed and case.info.shape.resource_claims)


def _claim_news(case: _Case) -> bool:
    """Devices are free, or there is news of the pod's own claim: not only of what keeps it."""
    if _frees_devices(case):
        return True
    claim, old = case.one.new, case.one.old
    if claim is None or claim["metadata"].get("namespace") != case.info.shape.namespace:
        return False
    if old is not None and old.get("status") == claim.get("status"):
        return False
    return any(name == claim["metadata"]["name"] for _, name in claim_names(case.info.object))


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
        happenings.RESOURCE_CLAIM_ADD: _claim_news,
        happenings.RESOURCE_CLAIM_UPDATE: _claim_news,
        happenings.RESOURCE_CLAIM_DELETE: _frees_devices,
        **dict.fromkeys(_DEVICES, _wants_devices),
        **dict.fromkeys(_NODE_CHANGES, _always),
        happenings.POD_DELETE: _wants_devices,
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
            if rule is not None and self._holds(rule, entry, plugin, one):
                return True
        return False

    def _holds(self, rule: _Rule, entry: Entry, plugin: str, one: Happening) -> bool:
        try:
            return rule(_Case(entry.info, plugin, one, self._fits))
        except Exception:  # an object that nobody thought of: better wake in vain
            log.exception("%s: what %s means for %s", plugin, one.kind, entry.key)
            return True
