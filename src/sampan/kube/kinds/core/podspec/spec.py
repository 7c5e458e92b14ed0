"""A pod's spec as a whole, and the templates in which others keep one."""

from collections.abc import Sequence

from sampan.kube.kinds.core.podspec import resources, windows
from sampan.kube.kinds.core.podspec.affinity import affinity_errors
from sampan.kube.kinds.core.podspec.annotations import annotations_errors, seccomp_match_errors
from sampan.kube.kinds.core.podspec.containers import (
    PodFacts,
    containers_errors,
    ephemeral_containers_errors,
    image_padding_errors,
    init_containers_errors,
    with_paths,
)
from sampan.kube.kinds.core.podspec.environment import file_ref_volume_errors
from sampan.kube.kinds.core.podspec.naming import dns_errors, host_aliases_errors, hostname_errors
from sampan.kube.kinds.core.podspec.scheduling import gates_errors, spread_errors, tolerations_errors
from sampan.kube.kinds.core.podspec.security import INT32, pod_security_errors
from sampan.kube.kinds.core.podspec.volumes import volumes_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_PREEMPTION = ("PreemptLowerPriority", "Never")


def spec_errors(spec: Object, path: str, *, pod_name: str = "", of_pod: bool = False) -> list[FieldError]:
    """Of a pod (`of_pod`), whose name is known unless it is missing, or of a template."""
    found: list[FieldError] = []
    if spec.get("terminationGracePeriodSeconds") is None:
        found.append(required(f"{path}.terminationGracePeriodSeconds"))
    volumes: dict[str, Object] = {}
    if spec.get("volumes"):
        volumes, found = volumes_errors(spec["volumes"], pod_name, f"{path}.volumes")
    if claims := spec.get("resourceClaims"):
        found += resources.pod_claims_errors(claims, f"{path}.resourceClaims")
    found += _all_containers_errors(spec, PodFacts(spec, volumes), path)
    found += _host_network_errors(spec, path, of_pod)
    found += _policies_errors(spec, path)
    if labels := spec.get("nodeSelector"):
        found += names.labels_errors(labels, f"{path}.nodeSelector")
    found += pod_security_errors(spec, f"{path}.securityContext")
    if affinity := spec.get("affinity"):
        found += affinity_errors(affinity, f"{path}.affinity")
    found += dns_errors(spec, f"{path}.dnsConfig")
    found += _gates_errors(spec, path)
    if constraints := spec.get("topologySpreadConstraints"):
        found += spread_errors(constraints, f"{path}.topologySpreadConstraints")
    containers = with_paths(spec, path)
    found += windows.host_process_errors(spec, containers, path)
    found += _host_users_errors(spec, containers, path)
    found += hostname_errors(spec, path)
    found += _names_errors(spec, path)
    found += _late_errors(spec, path)
    found += windows.os_errors(spec, containers, path)
    return found + file_ref_volume_errors(containers, spec.get("volumes") or [])


def _all_containers_errors(spec: Object, pod: PodFacts, path: str) -> list[FieldError]:
    regular, initial = spec.get("containers") or [], spec.get("initContainers") or []
    found = containers_errors(regular, pod, f"{path}.containers")
    if initial:
        found += init_containers_errors(initial, regular, pod, f"{path}.initContainers")
    if ephemeral := spec.get("ephemeralContainers"):
        where = f"{path}.ephemeralContainers"
        found += ephemeral_containers_errors(ephemeral, [*regular, *initial], pod, where)
    return found + resources.pod_level_errors(spec, pod.claims, path)


def _host_network_errors(spec: Object, path: str, of_pod: bool) -> list[FieldError]:
    found: list[FieldError] = []
    if not spec.get("hostNetwork"):
        return found
    for at, container in enumerate(spec.get("containers") or ()):
        for number, port in enumerate(container.get("ports") or ()):
            # A template may leave it out: its pods will be given it.
            host = port.get("hostPort", 0)
            if (of_pod or host) and host != port.get("containerPort", 0):
                detail = "must match `containerPort` when `hostNetwork` is true"
                found.append(invalid(f"{path}.containers[{at}].ports[{number}].hostPort", host, detail))
    return found


def _policies_errors(spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    dns = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
    for name, known in (("restartPolicy", _RESTART_POLICIES), ("dnsPolicy", dns)):
        if (value := spec.get(name, "")) not in known:
            where = f"{path}.{name}"
            found.append(not_supported(where, value, known) if value else required(where))
    return found


def _gates_errors(spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, gate in enumerate(spec.get("readinessGates") or ()):
        name = gate.get("conditionType", "")
        where = f"{path}.readinessGates[{at}].conditionType"
        found += [invalid(where, name, message) for message in names.qualified_name(name)]
    if gates := spec.get("schedulingGates"):
        found += gates_errors(gates, f"{path}.schedulingGates")
    return found


def _host_users_errors(spec: Object, containers: Sequence[tuple[str, Object]], path: str) -> list[FieldError]:
    if spec.get("hostUsers") is not False:
        return []
    found: list[FieldError] = []
    for name, shown in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(name):
            found.append(forbidden(f"{path}.{shown}", "when `hostUsers` is false"))
    for where, container in containers:
        if container.get("volumeDevices"):
            found.append(forbidden(f"{where}.volumeDevices", "when `hostUsers` is false"))
    return found


def _names_errors(spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for name in ("serviceAccountName", "nodeName"):
        if value := spec.get(name):
            found += [invalid(f"{path}.{name}", value, one) for one in names.dns1123_subdomain(value)]
    seconds = spec.get("activeDeadlineSeconds")
    if seconds is not None and not 1 <= seconds <= INT32:
        detail = names.range_error(1, INT32)
        found.append(invalid(f"{path}.activeDeadlineSeconds", seconds, detail))
    for name in ("hostname", "subdomain"):
        if value := spec.get(name):
            found += [invalid(f"{path}.{name}", value, one) for one in names.dns1123_label(value)]
    if tolerations := spec.get("tolerations"):
        found += tolerations_errors(tolerations, f"{path}.tolerations")
    if aliases := spec.get("hostAliases"):
        found += host_aliases_errors(aliases, f"{path}.hostAliases")
    return found


def _late_errors(spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if value := spec.get("priorityClassName"):
        found += [invalid(f"{path}.priorityClassName", value, one) for one in names.dns1123_subdomain(value)]
    if (value := spec.get("runtimeClassName")) is not None:
        found += [invalid(f"{path}.runtimeClassName", value, one) for one in names.dns1123_subdomain(value)]
    if (policy := spec.get("preemptionPolicy")) is not None and policy not in _PREEMPTION:
        where = f"{path}.preemptionPolicy"
        found.append(not_supported(where, policy, _PREEMPTION) if policy else required(where))
    if overhead := spec.get("overhead"):
        found += resources.requirements_errors({"limits": overhead}, set(), f"{path}.overhead")
    return found


def pod_errors(pod: Object) -> list[FieldError]:
    """Of a pod's spec and the annotations about it, at any time of its life."""
    meta, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    found = annotations_errors(meta.get("annotations") or {}, spec, "metadata.annotations")
    found += spec_errors(spec, "spec", pod_name=meta.get("name", ""), of_pod=True)
    if not spec.get("serviceAccountName"):
        found += _tokens_errors(spec.get("volumes") or ())
    for kind in ("containers", "initContainers"):
        for at, container in enumerate(spec.get(kind) or ()):
            found += image_padding_errors(container, f"spec.{kind}[{at}]")
    return found


def _tokens_errors(volumes: Sequence[Object]) -> list[FieldError]:
    detail = "must not be specified when serviceAccountName is not set"
    return [
        forbidden(f"spec.volumes[{at}].projected.sources[{number}].serviceAccountToken", detail)
        for at, volume in enumerate(volumes)
        for number, source in enumerate((volume.get("projected") or {}).get("sources") or ())
        if source.get("serviceAccountToken") is not None
    ]


def template_errors(template: Object, path: str) -> list[FieldError]:
    """What pods are to be made from."""
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    found = names.labels_errors(meta.get("labels"), f"{path}.labels")
    annotations = meta.get("annotations") or {}
    found += names.annotations_errors(annotations, f"{path}.annotations")
    found += annotations_errors(annotations, spec, f"{path}.annotations")
    found += spec_errors(spec, f"{path}.spec")
    found += seccomp_match_errors(annotations, spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        found.append(forbidden(f"{path}.spec.ephemeralContainers", detail))
    return found
