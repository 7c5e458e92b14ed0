"""DaemonSets, nodes and pods, as the API shows them."""

from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets.placement import placements
from sampan.kube.controllers.daemonsets.template import HASH, pinned, template_of
from sampan.kube.controllers.daemonsets.view import View, by_node
from sampan.kube.controllers.podcontrol import from_template
from sampan.specs.kubernetes import time as times

NOW = 1_800_000_000.0
OLD, NEW = "old", "new"


def daemon_set(template: Object | None = None, strategy: Object | None = None, **spec: Any) -> Object:
    """`template`: its spec; `strategy`: how it is updated in rolling."""
    rolling = strategy or {"maxUnavailable": 1, "maxSurge": 0}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "d", "namespace": "n", "uid": "set", "generation": 3},
        "spec": {
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": template or {}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            **spec,
        },
    }


def node(name: str, labels: dict[str, str] | None = None, *tainted: Object) -> Object:
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {"taints": list(tainted)}}


def pod(owner: Object, node: str, state: str = "ready", name: str = "", since: float = 100.0) -> Object:
    """`state`: ready, running, failed, done, going; "old ..." for one of the old revision."""
    hash = OLD if state.startswith("old ") else NEW
    state = state.removeprefix("old ")
    found = from_template(pinned(template_of(owner, hash), node), owner, name or f"d-{node}-{hash}")
    metadata = found["metadata"]
    metadata.update(uid=metadata["name"], creationTimestamp=times.text(NOW - since))
    if state == "going":
        metadata["deletionTimestamp"] = times.text(NOW)
    ready = "True" if state in ("ready", "going") else "False"
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": times.text(NOW - since)}
    phases = {"failed": "Failed", "done": "Succeeded"}
    found["status"] = {"phase": phases.get(state, "Running"), "conditions": [condition]}
    found["spec"] = {**found["spec"], "nodeName": node}
    return found


def view(owner: Object, nodes: list[Object], pods: list[Object], **held: float) -> View:
    return View(owner, NEW, placements(owner, nodes), by_node(pods), NOW, held)


def hash_of(pod: Object) -> str:
    return str(pod["metadata"]["labels"][HASH])
