"""Names of resources: which are Kubernetes' own, and what each may be asked for. Pure."""

from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    invalid,
    not_supported,
)

OF_CONTAINERS = {"cpu", "memory", "ephemeral-storage"}
COUNTED = {
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
}
_STANDARD = {
    *OF_CONTAINERS,
    *(f"{kind}.{name}" for kind in ("requests", "limits") for name in OF_CONTAINERS),
    *COUNTED,
    "storage",
    "requests.storage",
}
CLASSED = ("cpu", "memory")
OF_PODS = ("cpu", "hugepages-", "memory")


def is_huge_page(name: str) -> bool:
    return name.startswith("hugepages-")


def is_native(name: str) -> bool:
    """One of Kubernetes' own."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """One that somebody's devices offer."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def may_be_overcommitted(name: str) -> bool:
    return is_native(name) and not is_huge_page(name)


def resource_name_errors(name: str, path: str) -> list[FieldError]:
    """A standard one, or one with a domain in front."""
    if messages := names.qualified_name(name):
        return [invalid(path, name, message) for message in messages]
    if "/" in name or name in _STANDARD or is_huge_page(name):
        return []
    return [invalid(path, name, "must be a standard resource type or fully qualified")]


def container_resource_name_errors(name: str, path: str) -> list[FieldError]:
    if name in OF_CONTAINERS:
        return []
    found = resource_name_errors(name, path)
    if "/" not in name:
        if not is_huge_page(name):
            found.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        found.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return found


def pod_resource_name_errors(name: str, path: str) -> list[FieldError]:
    if found := resource_name_errors(name, path):
        return found
    return [] if is_of_pods(name) else [not_supported(path, name, OF_PODS)]


def is_of_pods(name: str) -> bool:
    return name in CLASSED or is_huge_page(name)
