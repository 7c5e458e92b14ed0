"""Environment variables of containers, and the fields of a pod that they and volumes may show."""

import re

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_found, not_supported, required

_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
# What the downward API knows at all; pkg/apis/core/pods.ConvertDownwardAPIFieldLabel. The last becomes
# spec.nodeName, as it was called before v1.
_KNOWN = {*_FIELDS, *VOLUME_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host"}
_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_CPU_DIVISORS = ("1m", "1")
_BYTE_DIVISORS = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_SUBSCRIPTED = re.compile(r"(.*?)\['(.*)'\]", re.DOTALL).fullmatch


def env_errors(variables: list[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, variable in enumerate(variables):
        name = variable.get("name", "")
        if not name:
            found.append(required(f"{path}[{at}].name"))
        elif messages := names.relaxed_env_var_name(name):
            found += [invalid(f"{path}[{at}].name", name, message) for message in messages]
        if (source := variable.get("valueFrom")) is not None:
            found += _source_errors(source, variable.get("value", ""), f"{path}[{at}].valueFrom")
    return found


def _source_errors(source: Object, value: str, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    count = 0
    for key, errors in _SOURCES.items():
        if (one := source.get(key)) is not None:
            count += 1
            found += errors(one, f"{path}.{key}")
    if not count:
        detail = (
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
            "`secretKeyRef` or `fileKeyRef`"
        )
        found.append(invalid(path, "", detail))
    elif value:
        found.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif count > 1:
        found.append(invalid(path, "", "may not have more than one field specified at a time"))
    return found


def field_ref_errors(ref: Object, allowed: tuple[str, ...], path: str) -> list[FieldError]:
    """`allowed`: the fields that may be shown there, in the order in which a message lists them."""
    if not (version := ref.get("apiVersion", "")):
        return [required(f"{path}.apiVersion")]
    if not (field := ref.get("fieldPath", "")):
        return [required(f"{path}.fieldPath")]
    subscripted = _SUBSCRIPTED(field)
    plain, subscript = subscripted.groups() if subscripted else (field, "")
    if problem := _unknown_field(version, field, plain, bool(subscripted)):
        return [invalid(f"{path}.fieldPath", field, f"error converting fieldPath: {problem}")]
    if subscripted:
        key = subscript.lower() if plain == "metadata.annotations" else subscript
        return [invalid(path, key, message) for message in names.qualified_name(key)]
    plain = "spec.nodeName" if plain == "spec.host" else plain
    return [] if plain in allowed else [not_supported(f"{path}.fieldPath", plain, allowed)]


def _unknown_field(version: str, field: str, plain: str, subscripted: bool) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscripted and plain not in ("metadata.annotations", "metadata.labels"):
        return f"field label does not support subscript: {field}"
    return "" if plain in _KNOWN else f"field label not supported: {field}"


def resource_ref_errors(ref: Object, path: str, *, volume: bool) -> list[FieldError]:
    """A container's own variables need not name the container."""
    found: list[FieldError] = []
    resource = ref.get("resource", "")
    if volume and not ref.get("containerName"):
        found.append(required(f"{path}.containerName"))
    elif not resource:
        found.append(required(f"{path}.resource"))
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        found.append(not_supported(f"{path}.resource", resource, _RESOURCES))
    divisor = ref.get("divisor", "0")
    if divisor != "0":
        found += _divisor_errors(resource, divisor, f"{path}.divisor")
    return found


def _divisor_errors(resource: str, divisor: str, path: str) -> list[FieldError]:
    if resource in ("limits.cpu", "requests.cpu"):
        if divisor in _CPU_DIVISORS:
            return []
        return [invalid(path, resource, "only divisor's values 1m and 1 are supported with the cpu resource")]
    kind = "hugepages" if resource.startswith(_HUGE_PAGES) else resource.partition(".")[2]
    if divisor in _BYTE_DIVISORS or kind not in ("memory", "ephemeral-storage", "hugepages"):
        return []
    kind = "local ephemeral storage" if kind == "ephemeral-storage" else kind
    values = ", ".join(_BYTE_DIVISORS)
    return [invalid(path, resource, f"only divisor's values {values} are supported with the {kind} resource")]


def _key_ref_errors(ref: Object, path: str) -> list[FieldError]:
    name, key = ref.get("name", ""), ref.get("key", "")
    found = [invalid(f"{path}.name", name, message) for message in names.dns1123_subdomain(name)]
    if not key:
        return [*found, required(f"{path}.key")]
    return found + [invalid(f"{path}.key", key, message) for message in names.config_map_key(key)]


def _file_ref_errors(ref: Object, path: str) -> list[FieldError]:
    key, volume, file = (ref.get(name, "") for name in ("key", "volumeName", "path"))
    found = [required(f"{path}.key")] if not key else []
    found += [invalid(f"{path}.key", key, one) for one in (names.relaxed_env_var_name(key) if key else ())]
    if not volume:
        found.append(required(f"{path}.volumeName"))
    else:
        found += [invalid(f"{path}.volumeName", volume, one) for one in names.dns1123_label(volume)]
    if not file:
        found.append(required(f"{path}.path"))
    elif ".." in file.split("/"):
        found.append(invalid(f"{path}.path", file, "must not contain '..'"))
    return found


_SOURCES = {
    "fieldRef": lambda ref, path: field_ref_errors(ref, _FIELDS, path),
    "resourceFieldRef": lambda ref, path: resource_ref_errors(ref, path, volume=False),
    "configMapKeyRef": _key_ref_errors,
    "secretKeyRef": _key_ref_errors,
    "fileKeyRef": _file_ref_errors,
}


def env_from_errors(sources: list[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, source in enumerate(sources):
        if prefix := source.get("prefix"):
            messages = names.relaxed_env_var_name(prefix)
            found += [invalid(f"{path}[{at}].prefix", prefix, message) for message in messages]
        refs = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
        for key in refs:
            found += _env_source_errors(source[key].get("name", ""), f"{path}[{at}].{key}.name")
        if not refs:  # of the list, not of its item, as upstream
            found.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(refs) > 1:
            found.append(invalid(path, "", "may not have more than one field specified at a time"))
    return found


def _env_source_errors(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    judged = names.with_suffix(name)
    return [invalid(path, name, message) for message in names.dns1123_subdomain(judged)]


def file_ref_volume_errors(containers: list[tuple[str, Object]], volumes: list[Object]) -> list[FieldError]:
    """A variable may come from a file of an emptyDir only; `containers` with their paths."""
    found = []
    sources = {volume.get("name", ""): volume for volume in volumes}
    for path, container in containers:
        for at, variable in enumerate(container.get("env") or ()):
            ref = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if ref is None:
                continue
            name = ref.get("volumeName", "")
            where = f"{path}.env[{at}].valueFrom.fileKeyRef.volumeName"
            if name not in sources:
                found.append(not_found(where, name))
            elif sources[name].get("emptyDir") is None:
                found.append(invalid(where, name, "referenced volume must be of type emptyDir"))
    return found
