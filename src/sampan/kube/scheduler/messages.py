"""What a pod is told that finds no node, in kube-scheduler's words: its FitError."""

from collections.abc import Iterable, Mapping
from typing import Any

from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.verdict import Verdict

NO_NODES = "no nodes available to schedule pods"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
EXAMPLES = 3  # nodes named for each reason in what is kept for explanations

# What would let a pod pass that a plugin refuses.
UNBLOCK = {
    "NodeUnschedulable": "uncordon a node",
    "NodeName": "add the node that the pod names",
    "TaintToleration": "tolerate the taints, or remove them from a node",
    "NodeAffinity": "label a node as the pod's selector and affinity want it",
    "NodePorts": "free the host ports on a node, or add a node",
    "NodeResourcesFit": "ask for less, free what is short on a node, or add a node that has it",
    "VolumeRestrictions": "stop the pod that uses the volume",
    "NodeVolumeLimits": "free attached volumes on a node, or add a node",
    "VolumeBinding": "bind the claims, or make volumes that fit them where the pod may run",
    "VolumeZone": "add a node in the zone of the volumes",
    "PodTopologySpread": "make room in the domains with the fewest such pods",
    "InterPodAffinity": "make room beside the pods that it wants, or away from those that exclude it",
    "DynamicResources": "free devices, or add some that the claims accept",
}


def fit_error(nodes: int, refusal: str, counts: Mapping[str, int], more: str = "") -> str:
    """`refusal`: why it can be nowhere; else how many nodes have which reason. `more`: of preemption."""
    text = f"0/{nodes} nodes are available:"
    if refusal:
        text += f" {refusal}."
    elif counts:
        text += f" {', '.join(sorted(f'{count} {reason}' for reason, count in counts.items()))}."
    return f"{text} {more}" if more else text


def counts(verdict: Verdict) -> dict[str, int]:
    """Nodes by reason; a node may have several."""
    found: dict[str, int] = {}
    for failure in verdict.failures:
        for text, rows in failure.texts:
            found[text] = found.get(text, 0) + int(rows.sum())
    return {text: count for text, count in found.items() if count}


def plugins(verdict: Verdict) -> frozenset[str]:
    """Those that refused the pod, anywhere."""
    if verdict.refused is not None:
        return frozenset((verdict.refused.plugin,))
    return frozenset(failure.plugin for failure in verdict.failures if failure.rows.any())


def facts(verdict: Verdict, nodes: int, cluster: Cluster) -> dict[str, Any]:
    """The verdict per filter, with a few nodes each, for whoever asks why."""
    if verdict.refused is not None:
        plugin, text = verdict.refused
        everywhere = {"plugin": plugin, "text": text, "count": nodes, "nodes": [], "preemptible": 0}
        return {"nodes": nodes, "filters": [everywhere]}
    filters = [
        {
            "plugin": failure.plugin,
            "text": text,
            "count": int(rows.sum()),
            "nodes": [cluster.node_name(int(row)) for row in rows.nonzero()[0][:EXAMPLES]],
            "preemptible": int((rows & ~failure.unresolvable).sum()),
        }
        for failure in verdict.failures
        for text, rows in failure.texts
        if rows.any()
    ]
    return {"nodes": nodes, "filters": filters}


def unblock(refused_by: Iterable[str]) -> str:
    """A line for each plugin, in their order: what would help."""
    return "\n".join(UNBLOCK[plugin] for plugin in UNBLOCK if plugin in refused_by)
