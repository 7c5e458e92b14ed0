"""What is particular to Windows, and what a pod may not say that is meant for another system."""

import re
from collections.abc import Iterator

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required

_CREDENTIALS_KIB = 64
_DOMAIN_LENGTH = 256
_USER_LENGTH = 104
_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
_is_netbios = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}').fullmatch
_DOMAIN = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_is_domain = re.compile(rf"{_DOMAIN}(?:\.{_DOMAIN})*").fullmatch
_FORBIDDEN = re.compile(r'["/\\:;|=,+*?<>@\[\]]').search
_is_dots = re.compile(r"[. ]+").fullmatch

# What a Windows pod may not set, in upstream's order: of its security context, and of itself (dotless).
_POD = (
    "securityContext.appArmorProfile",
    "securityContext.seLinuxOptions",
    "hostUsers",
    "hostPID",
    "hostIPC",
    "securityContext.seccompProfile",
    "securityContext.fsGroup",
    "securityContext.fsGroupChangePolicy",
    "securityContext.sysctls",
    "shareProcessNamespace",
    "securityContext.runAsUser",
    "securityContext.runAsGroup",
    "securityContext.supplementalGroups",
    "securityContext.supplementalGroupsPolicy",
    "securityContext.seLinuxChangePolicy",
)
_CONTAINER = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)


def windows_options_errors(options: Object | None, path: str) -> list[FieldError]:
    if not options:
        return []
    found: list[FieldError] = []
    if (name := options.get("gmsaCredentialSpecName")) is not None:
        where = f"{path}.gmsaCredentialSpecName"
        found += [invalid(where, name, message) for message in names.dns1123_subdomain(name)]
    if (text := options.get("gmsaCredentialSpec")) is not None:
        found += _credentials_errors(text, f"{path}.gmsaCredentialSpec")
    if (user := options.get("runAsUserName")) is not None:
        found += [invalid(f"{path}.runAsUserName", user, f"runAsUserName{one}") for one in _user(user)]
    return found


def _credentials_errors(text: str, path: str) -> list[FieldError]:
    if not text:
        return [invalid(path, text, "gmsaCredentialSpec cannot be an empty string")]
    if names.size(text) > _CREDENTIALS_KIB * 1024:
        return [invalid(path, text, f"gmsaCredentialSpec size must be under {_CREDENTIALS_KIB} KiB")]
    return []


def _user(name: str) -> Iterator[str]:
    """What is wrong with a user's name, and perhaps the domain before it."""
    parts = name.split("\\")
    if not name:
        yield " cannot be an empty string"
    elif _CONTROL(name):
        yield " cannot contain control characters"
    elif len(parts) > 2:
        yield " cannot contain more than one backslash"
    else:
        domain, user = (parts[0] if len(parts) == 2 else None), parts[-1]
        if domain is not None and names.size(domain) >= _DOMAIN_LENGTH:
            yield f"'s Domain length must be under {_DOMAIN_LENGTH} characters"
        if domain is not None and not (_is_netbios(domain) or _is_domain(domain)):
            yield "'s Domain doesn't match the NetBios nor the DNS format"
        if not user:
            yield "'s User cannot be empty"
        elif names.size(user) > _USER_LENGTH:
            yield f"'s User length must not be longer than {_USER_LENGTH} characters"
        if _is_dots(user):
            yield "'s User cannot contain only periods or spaces"
        if _FORBIDDEN(user):
            yield """'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]"""


def host_process_errors(spec: Object, containers: list[tuple[str, Object]], path: str) -> list[FieldError]:
    """All containers of a pod are the host's processes, or none."""
    whole = _host_process(spec)
    found: list[FieldError] = []
    count = 0
    for where, container in containers:
        own = _host_process(container)
        if whole is not None and own is not None and whole != own:
            value = "true" if whole else "false"
            detail = f"pod hostProcess value must be identical if both are specified, was {value}"
            found.append(invalid(f"{where}.securityContext.windowsOptions.hostProcess", own, detail))
        count += bool(whole if own is None else own)
    if not count:
        return found
    if count != len(containers):
        detail = (
            "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        )
        found.append(invalid(path, "", detail))
    if not spec.get("hostNetwork"):
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        found.append(invalid(f"{path}.hostNetwork", False, detail))
    return found


def _host_process(holder: Object) -> bool | None:
    options = (holder.get("securityContext") or {}).get("windowsOptions") or {}
    found: bool | None = options.get("hostProcess")
    return found


def os_errors(spec: Object, containers: list[tuple[str, Object]], path: str) -> list[FieldError]:
    """A pod that says which system it is for says nothing that is for another."""
    if (os := spec.get("os")) is None:
        return []
    name = os.get("name", "")
    if not name:
        return [required(f"{path}.os.name", "cannot be empty")]
    if name == "linux":
        return _linux_errors(spec, containers, path)
    if name == "windows":
        return _windows_errors(spec, containers, path)
    return [not_supported(f"{path}.os", name, ("linux", "windows"))]


def _linux_errors(spec: Object, containers: list[tuple[str, Object]], path: str) -> list[FieldError]:
    return [
        forbidden(f"{where}.securityContext.windowsOptions", "windows options cannot be set for a linux pod")
        for where, holder in [(path, spec), *containers]
        if (holder.get("securityContext") or {}).get("windowsOptions") is not None
    ]


def _windows_errors(spec: Object, containers: list[tuple[str, Object]], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    context = spec.get("securityContext") or {}
    for field in _POD:
        _, dot, name = field.rpartition(".")
        value = (context if dot else spec).get(name)
        if value is None or (name in ("hostPID", "hostIPC", "sysctls") and not value):
            continue
        found.append(forbidden(f"{path}.{field}", "cannot be set for a windows pod"))
    for where, container in containers:
        context = container.get("securityContext") or {}
        found += [
            forbidden(f"{where}.securityContext.{name}", "cannot be set for a windows pod")
            for name in _CONTAINER
            if context.get(name) is not None
        ]
    return found
