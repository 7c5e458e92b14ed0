"""Pods are told in which zone and region they are. plugin/pkg/admission/podtopologylabels"""

from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.kinds.resource import Object, Reader

LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels(Plugin):
    """What binds a pod to a node gets the node's labels, and a pod that has its node from the start too."""

    async def mutate(self, request: AdmissionRequest) -> None:
        value = request.object
        if request.operation != "CREATE" or request.resource.name != "pods" or value is None:
            return
        node = _node(value, request.subresource)
        found = topology(request.reader, node) if node else {}
        if found:
            labels = value.setdefault("metadata", {}).get("labels") or {}
            value["metadata"]["labels"] = {
                **labels,
                **{key: found[key] for key in found if key not in labels},
            }


def _node(value: Object, subresource: str) -> str:
    if not subresource:
        return value["spec"].get("nodeName") or ""
    target = value.get("target") or {}
    is_node = subresource == "binding" and target.get("kind") == "Node"
    return (target.get("name") or "") if is_node else ""


def topology(reader: Reader, name: str) -> dict[str, str]:
    """Where a node is; nothing of one that is not there."""
    node = reader.get("nodes", "", name)
    labels = (node["metadata"].get("labels") or {}) if node is not None else {}
    return {key: labels[key] for key in LABELS if key in labels}
