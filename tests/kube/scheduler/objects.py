"""Nodes and pods to schedule."""

from typing import Any

from sampan.kube.client.requests import Object


def node(name: str, *, labels: dict[str, str] | None = None, **more: Any) -> Object:
    """One of 4 CPUs, 8 GiB and 110 pods; `allocatable`, `taints`, `unschedulable` and `images` in `more`."""
    allocatable = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "10Gi"}
    spec = {key: more[key] for key in ("taints", "unschedulable") if key in more}
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": spec,
        "status": {
            "allocatable": {**allocatable, **more.get("allocatable", {})},
            "images": more.get("images", []),
        },
    }


def pod(
    name: str,
    *,
    namespace: str = "default",
    labels: dict[str, str] | None = None,
    on: str = "",
    requests: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    """One container that asks for `requests`; `on`: the node that it runs on."""
    container = {"name": "c", "image": "i", "resources": {"requests": requests or {}}}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"{namespace}-{name}",
            "labels": labels or {},
        },
        "spec": {"containers": [container], **({"nodeName": on} if on else {}), **spec},
    }
