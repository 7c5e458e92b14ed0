"""Pods: containers that run together on one node."""

from typing import Any

from sampan.kube.kinds.core.podephemeral import EPHEMERAL_CONTAINERS
from sampan.kube.kinds.core.podresize import RESIZE
from sampan.kube.kinds.core.podspec import annotations, warnings
from sampan.kube.kinds.core.podspec.affinity import put_label_keys_into_selectors
from sampan.kube.kinds.core.podspec.containers import with_paths
from sampan.kube.kinds.core.podspec.defaults import default_pod
from sampan.kube.kinds.core.podspec.resources import qos_class
from sampan.kube.kinds.core.podspec.spec import pod_errors
from sampan.kube.kinds.core.podstatus import STATUS
from sampan.kube.kinds.core.podtable import COLUMNS, cells, row_conditions
from sampan.kube.kinds.core.podupdate import update_errors
from sampan.kube.kinds.resource import Context, Object, Resource, Subresource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden


def _prepare_create(pod: Object, context: Context) -> None:
    spec = pod["spec"]
    if name := spec.get("serviceAccountName"):
        spec["serviceAccount"] = name
    pod["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}
    if spec.get("schedulingGates"):
        pod["status"]["conditions"] = [_gated(context)]
    put_label_keys_into_selectors(spec, (pod.get("metadata") or {}).get("labels") or {})
    _take_over_app_armor(pod)


def _gated(context: Context) -> Object:
    return {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": context.now,
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


def _take_over_app_armor(pod: Object) -> None:
    """What old annotations say of profiles becomes fields; applyAppArmorVersionSkew."""
    written = (pod.get("metadata") or {}).get("annotations") or {}
    spec = pod["spec"]
    if not written or (spec.get("os") or {}).get("name") == "windows":
        return
    for _, container in with_paths(spec, ""):
        text = written.get(annotations.APP_ARMOR + container.get("name", ""))
        context = container.get("securityContext") or {}
        if text is None or context.get("appArmorProfile") is not None:
            continue
        if profile := _profile(text):
            container["securityContext"] = {**context, "appArmorProfile": profile}


def _profile(text: str) -> Object | None:
    if text == "unconfined":
        return {"type": "Unconfined"}
    if text == "runtime/default":
        return {"type": "RuntimeDefault"}
    if text.startswith("localhost/") and text != "localhost/":
        return {"type": "Localhost", "localhostProfile": text.removeprefix("localhost/")}
    return None


def _prepare_update(new: Object, old: Object, _context: Context) -> None:
    new["status"] = old.get("status") or {}


def _errors(pod: Object, _context: Context) -> list[FieldError]:
    found = pod_errors(pod)
    spec = pod.get("spec") or {}
    if spec.get("ephemeralContainers"):
        found.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        detail = "cannot be set until all schedulingGates have been cleared"
        found.append(forbidden("spec.nodeName", detail))
    if written := (pod.get("metadata") or {}).get("annotations"):
        found += annotations.seccomp_match_errors(written, spec, "spec")
        found += annotations.app_armor_match_errors(written, spec, "spec")
    return found


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    # Upstream says nothing of updates: hardly ever are they made by a person.
    if old is not None:
        return []
    found: list[str] = []
    if messages := names.dns1123_label((new.get("metadata") or {}).get("name", "")):
        found.append(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
            f"a DNS label is recommended: [{' '.join(messages)}]"
        )
    return found + warnings.pod_warnings(new)


def grace(pod: Object, asked: int | None) -> int:
    """Seconds that a pod has to end; none if there is nothing running."""
    spec, phase = pod.get("spec") or {}, (pod.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Failed", "Succeeded"):
        return 0
    seconds = asked if asked is not None else spec.get("terminationGracePeriodSeconds") or 0
    return seconds if seconds >= 0 else 1


def _of_spec(name: str) -> Any:
    return lambda pod: (pod.get("spec") or {}).get(name, "")


def _of_status(name: str) -> Any:
    return lambda pod: (pod.get("status") or {}).get(name, "")


def _pod_ip(pod: Object) -> str:
    addresses = (pod.get("status") or {}).get("podIPs") or [{}]
    found: str = addresses[0].get("ip", "")
    return found


RESOURCE = Resource(
    kind="Pod",
    plural="pods",
    short_names=("po",),
    categories=("all",),
    subresources=(
        Subresource("attach", verbs=("create", "get"), kind="PodAttachOptions"),
        Subresource("binding", verbs=("create",), kind="Binding"),
        EPHEMERAL_CONTAINERS,
        Subresource("eviction", verbs=("create",), group="policy", version="v1", kind="Eviction"),
        Subresource("exec", verbs=("create", "get"), kind="PodExecOptions"),
        Subresource("log", verbs=("get",)),
        Subresource("portforward", verbs=("create", "get"), kind="PodPortForwardOptions"),
        Subresource(
            "proxy",
            verbs=("create", "delete", "get", "patch", "update"),
            kind="PodProxyOptions",
        ),
        RESIZE,
        STATUS,
    ),
    default=default_pod,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_errors,
    validate_update=update_errors,
    warnings=_warnings,
    generation=("spec",),
    reset_fields={
        "": ("status",),
        "status": ("spec", "metadata.deletionTimestamp", "metadata.ownerReferences"),
        "ephemeralcontainers": ("status",),
        "resize": ("status",),
    },
    selectable={
        "spec.nodeName": _of_spec("nodeName"),
        "spec.restartPolicy": _of_spec("restartPolicy"),
        "spec.schedulerName": _of_spec("schedulerName"),
        "spec.serviceAccountName": _of_spec("serviceAccountName"),
        "spec.hostNetwork": lambda pod: "true" if (pod.get("spec") or {}).get("hostNetwork") else "false",
        "status.phase": _of_status("phase"),
        "status.podIP": _pod_ip,
        "status.podIPs": lambda _pod: "",  # may be asked for, and is never there
        "status.nominatedNodeName": _of_status("nominatedNodeName"),
    },
    columns=COLUMNS,
    cells=cells,
    row_conditions=row_conditions,
    deletion_returns_object=True,
    grace=grace,
)
