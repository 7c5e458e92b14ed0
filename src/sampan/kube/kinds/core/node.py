"""Nodes; pkg/apis/core/validation, pkg/registry/core/node, pkg/printers."""

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.core.amounts import round_amounts
from sampan.kube.kinds.core.podspec.resources import amount_errors
from sampan.kube.kinds.core.taints import taints_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource, Subresource
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    required,
    shown_in_order,
)

_ROLE = "node-role.kubernetes.io/"
_OLD_ROLE = "kubernetes.io/role"
_ONCE = 'node updates may not change {} except from "" to valid'


def _default(value: Object) -> None:
    spec, status = value.get("spec") or {}, value.get("status") or {}
    if spec.get("podCIDR") and spec["podCIDR"] != (spec.get("podCIDRs") or [""])[0]:
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif spec.get("podCIDRs"):
        spec["podCIDR"] = spec["podCIDRs"][0]
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])
    round_amounts(status.get("capacity"), status.get("allocatable"))


def _prepare_update(new: Object, old: Object, _context: Context) -> None:
    new["status"] = old.get("status", {})


def _prepare_status(new: Object, old: Object, _context: Context) -> None:
    new["spec"] = old.get("spec", {})


def _validate(value: Object, _context: Context) -> list[FieldError]:
    spec = value.get("spec") or {}
    found = taints_errors(spec.get("taints") or (), "metadata.taints")  # so named upstream
    found += _resources_errors(value.get("status") or {})
    cidrs = spec.get("podCIDRs") or []
    for at, cidr in enumerate(cidrs):
        found += ip.sloppy_range_errors(cidr, f"spec.podCIDRs[{at}]")
    return found + (_several_cidrs_errors(cidrs) if len(cidrs) > 1 else [])


def _several_cidrs_errors(cidrs: list[str]) -> list[FieldError]:
    path = "spec.podCIDRs"
    found = []
    families = {len(parsed[0]) for cidr in cidrs if (parsed := ip.parse_range(cidr))}
    if len(families) < 2 or len(cidrs) > 2:
        found.append(invalid(path, cidrs, "may specify no more than one CIDR for each IP family"))
    seen = set()
    for at, cidr in enumerate(cidrs):
        if cidr in seen:
            found.append(duplicate(f"{path}[{at}]", cidr))
        seen.add(cidr)
    return found


def _resources_errors(status: Object) -> list[FieldError]:
    found: list[FieldError] = []
    for field in ("capacity", "allocatable"):
        for name, amount in (status.get(field) or {}).items():
            found += amount_errors(name, amount, f"status.{field}.{name}")
    return found


def _validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    status = new.get("status") or {}
    found = _resources_errors(status)
    found += _addresses_errors(status.get("addresses") or ())
    found += _cidrs_update_errors(after.get("podCIDRs") or [], before.get("podCIDRs") or [])
    if before.get("providerID") and before["providerID"] != after.get("providerID", ""):
        found.append(forbidden("spec.providerID", _ONCE.format("providerID")))
    if (source := after.get("configSource")) is not None:
        found += _config_source_errors(source, "spec.configSource", live=False)
    for field in ("assigned", "active", "lastKnownGood"):
        if (source := (status.get("config") or {}).get(field)) is not None:
            found += _config_source_errors(source, f"status.config.{field}", live=True)
    found += taints_errors(after.get("taints") or (), "metadata.taints")
    if after.get("externalID", "") != before.get("externalID", ""):
        found.append(forbidden("spec.externalID", "may not be updated"))
    return found


def _addresses_errors(addresses: "list[Object] | tuple[()]") -> list[FieldError]:
    found, seen = [], set()
    for at, address in enumerate(addresses):
        key = (address.get("type", ""), address.get("address", ""))
        if key in seen:
            shown = shown_in_order({"Type": key[0], "Address": key[1]})
            found.append(duplicate(f"status.addresses[{at}]", shown))
        seen.add(key)
    return found


def _cidrs_update_errors(new: list[str], old: list[str]) -> list[FieldError]:
    if not old:
        return []
    error = forbidden("spec.podCIDRs", _ONCE.format("podCIDR"))
    if len(new) != len(old):
        return [error]
    return [error for one, two in zip(new, old, strict=True) if one != two]


def _config_source_errors(source: Object, path: str, *, live: bool) -> list[FieldError]:
    """Of a feature that is gone; what is left of it upstream is its validation."""
    config = source.get("configMap")
    if config is None:
        value = shown_in_order({"ConfigMap": None})
        return [invalid(path, value, "exactly one reference subfield must be non-nil")]
    path = f"{path}.configMap"
    found = []
    for field in ("uid", "resourceVersion"):
        if live and not config.get(field):
            found.append(required(f"{path}.{field}", f"{field} must be set in status"))
        elif config.get(field) and not live:
            found.append(forbidden(f"{path}.{field}", f"{field} must not be set in spec"))
    checks = (
        ("namespace", names.dns1123_label),
        ("name", names.dns1123_subdomain),
        ("kubeletConfigKey", names.config_map_key),
    )
    for field, check in checks:
        if text := config.get(field):
            found += [invalid(f"{path}.{field}", text, message) for message in check(text)]
        else:
            found.append(required(f"{path}.{field}", f"{field} must be set"))
    return found


def _validate_status(new: Object, old: Object, context: Context) -> list[FieldError]:
    return _validate_update(new, old, context)


def _warnings(new: Object, _old: Object | None, _context: Context) -> list[str]:
    spec = new.get("spec") or {}
    found = []
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is no longer supported")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for at, cidr in enumerate(spec.get("podCIDRs") or ()):
        found += ip.range_warnings(cidr, f"spec.podCIDRs[{at}]")
    return found


def _cells(value: Object, now: float) -> list[object]:
    status = value.get("status") or {}
    info = status.get("nodeInfo") or {}
    addresses = status.get("addresses") or ()
    return [
        _state(value, status),
        ",".join(sorted(_roles(value))) or "<none>",
        age_of(value, now),
        info.get("kubeletVersion", ""),
        _address(addresses, "InternalIP"),
        _address(addresses, "ExternalIP"),
        *(
            info.get(field) or "<unknown>"
            for field in ("osImage", "kernelVersion", "containerRuntimeVersion")
        ),
    ]


def _state(value: Object, status: Object) -> str:
    ready = [one for one in status.get("conditions") or () if one.get("type") == "Ready"]
    found = "Unknown"
    if ready:
        found = "Ready" if ready[-1].get("status") == "True" else "NotReady"
    return f"{found},SchedulingDisabled" if (value.get("spec") or {}).get("unschedulable") else found


def _roles(value: Object) -> set[str]:
    labels = value["metadata"].get("labels") or {}
    found = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    return (found | {labels.get(_OLD_ROLE, "")}) - {""}


def _address(addresses: "list[Object] | tuple[()]", kind: str) -> str:
    return next((one.get("address", "") for one in addresses if one.get("type") == kind), "<none>")


RESOURCE = Resource(
    kind="Node",
    plural="nodes",
    namespaced=False,
    short_names=("no",),
    default=_default,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    warnings=_warnings,
    subresources=(
        Subresource("proxy", verbs=("create", "delete", "get", "patch", "update"), kind="NodeProxyOptions"),
        Subresource("status", prepare_update=_prepare_status, validate_update=_validate_status),
    ),
    reset_fields={"": ("status",), "status": ("spec",)},
    selectable={
        "spec.unschedulable": lambda value: str(
            bool((value.get("spec") or {}).get("unschedulable", False))
        ).lower(),
    },
    namespace_selectable=False,
    empty={
        "spec": {},
        "status": {
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
            "nodeInfo": dict.fromkeys(
                (
                    "machineID",
                    "systemUUID",
                    "bootID",
                    "kernelVersion",
                    "osImage",
                    "containerRuntimeVersion",
                    "kubeletVersion",
                    "kubeProxyVersion",
                    "operatingSystem",
                    "architecture",
                ),
                "",
            ),
        },
    },
    columns=(
        Column("Status", description="The status of the node"),
        Column("Roles", description="The roles of the node"),
        AGE,
        Column("Version", describe="status.nodeInfo.kubeletVersion"),
        Column("Internal-IP", describe="status.addresses", priority=1),
        Column("External-IP", describe="status.addresses", priority=1),
        Column("OS-Image", describe="status.nodeInfo.osImage", priority=1),
        Column("Kernel-Version", describe="status.nodeInfo.kernelVersion", priority=1),
        Column("Container-Runtime", describe="status.nodeInfo.containerRuntimeVersion", priority=1),
    ),
    cells=_cells,
)
