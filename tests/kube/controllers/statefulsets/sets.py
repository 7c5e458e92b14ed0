"""StatefulSets, their pods and claims, as the API shows them."""

from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.controllers.statefulsets.identity import new_pod
from sampan.kube.controllers.statefulsets.plan import View
from sampan.specs.kubernetes import time as times

NOW = 1_800_000_000.0
OLD, NEW = "w-old", "w-new"


def revision(name: str) -> Object:
    template = {"$patch": "replace", "metadata": {"labels": {"app": "x"}}, "spec": {"v": name}}
    return {"metadata": {"name": name}, "revision": 1, "data": {"spec": {"template": template}}}


def stateful_set(replicas: int = 3, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "w", "namespace": "n", "uid": "set", "generation": 2},
        "spec": {
            "replicas": replicas,
            "serviceName": "svc",
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"v": NEW}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "podManagementPolicy": "OrderedReady",
            **spec,
        },
        "status": {},
    }


def pod(owner: Object, number: int, state: str = "ready", revision: str = NEW, since: float = 0.0) -> Object:
    """`state`: ready, running, pending, failed, going (and ready)."""
    found = new_pod(owner, owner["spec"]["template"], revision, number)
    found["metadata"]["uid"] = f"pod-{number}"
    if state == "going":
        found["metadata"]["deletionTimestamp"] = times.text(NOW)
    phases = {"failed": "Failed", "done": "Succeeded", "pending": "Pending"}
    ready = "True" if state in ("ready", "going") else "False"
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": times.text(NOW - since)}
    found["status"] = {"phase": phases.get(state, "Running"), "conditions": [condition]}
    return found


def view(owner: Object, pods: list[Object], claims: list[Object] | None = None, current: str = NEW) -> View:
    by_name = {one["metadata"]["name"]: one for one in claims or ()}
    return View(owner, revision(current), revision(NEW), 0, pods, by_name, NOW)
