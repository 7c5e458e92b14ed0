"""New nodes are not ready, and pods stay a while on nodes that fail.

Kubernetes: plugin/pkg/admission/nodetaint, plugin/pkg/admission/defaulttolerationseconds.
"""

from typing import Any

from sampan.kube.access.admission.refusing import is_of
from sampan.kube.access.admission.request import AdmissionRequest, Plugin

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
PATIENCE = 300  # seconds


class TaintNodesByCondition(Plugin):
    """No pod comes to a node before its controller has looked at it."""

    async def mutate(self, request: AdmissionRequest) -> None:
        if not is_of(request, "nodes", "CREATE") or request.object is None:
            return
        taint = {"key": NOT_READY, "effect": "NoSchedule"}
        spec = request.object.setdefault("spec", {})
        taints = spec.get("taints") or []
        if not any(_same(taint, one) for one in taints):
            spec["taints"] = [*taints, taint]


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one.get("key"), one.get("effect")) == (other.get("key"), other.get("effect"))


class DefaultTolerationSeconds(Plugin):
    def __init__(self, not_ready: int = PATIENCE, unreachable: int = PATIENCE) -> None:
        self._seconds = {NOT_READY: not_ready, UNREACHABLE: unreachable}

    async def mutate(self, request: AdmissionRequest) -> None:
        if not is_of(request, "pods", "CREATE", "UPDATE") or request.object is None:
            return
        spec = request.object["spec"]
        tolerations = list(spec.get("tolerations") or ())
        missing = [key for key in self._seconds if not any(_tolerates(one, key) for one in tolerations)]
        if missing:
            spec["tolerations"] = tolerations + [self._toleration(key) for key in missing]

    def _toleration(self, key: str) -> dict[str, Any]:
        return {
            "key": key,
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": self._seconds[key],
        }


def _tolerates(toleration: dict[str, Any], key: str) -> bool:
    return toleration.get("key", "") in ("", key) and toleration.get("effect", "") in ("", "NoExecute")
