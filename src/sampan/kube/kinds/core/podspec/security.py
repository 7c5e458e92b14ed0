"""Whom containers run as, and what they may: security contexts, profiles, sysctls."""

import re

from sampan.kube.kinds import structs
from sampan.kube.kinds.core.podspec.paths import descending_path_errors
from sampan.kube.kinds.core.podspec.windows import windows_options_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
)

INT32 = 2**31 - 1

_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_PROFILE_LENGTH = 4095  # PATH_MAX without the zero
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_is_sysctl = re.compile(_SYSCTL).fullmatch
_IPC = ("kernel.shm", "kernel.msg", "fs.mqueue.")
_POLICIES = {
    "fsGroupChangePolicy": ("Always", "OnRootMismatch"),
    "supplementalGroupsPolicy": ("Merge", "Strict"),
    "seLinuxChangePolicy": ("MountOption", "Recursive"),
}


def _id_errors(context: Object, name: str, path: str) -> list[FieldError]:
    number = context.get(name)
    if number is None or 0 <= number <= INT32:
        return []
    return [invalid(f"{path}.{name}", number, names.range_error(0, INT32))]


def container_security_errors(context: Object, path: str, *, host_users: bool) -> list[FieldError]:
    """`host_users`: does the pod share the node's users?"""
    if not context:
        return []
    found = _id_errors(context, "runAsUser", path) + _id_errors(context, "runAsGroup", path)
    if (proc := context.get("procMount")) is not None:
        found += _proc_mount_errors(proc, f"{path}.procMount", host_users)
    found += seccomp_errors(context.get("seccompProfile"), f"{path}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        found += _escalation_errors(context, path)
    found += windows_options_errors(context.get("windowsOptions"), f"{path}.windowsOptions")
    return found + app_armor_errors(context.get("appArmorProfile"), f"{path}.appArmorProfile")


def _proc_mount_errors(proc: str, path: str, host_users: bool) -> list[FieldError]:
    if proc not in ("Default", "Unmasked"):
        return [not_supported(path, proc, ("Default", "Unmasked"))]
    if proc == "Unmasked" and host_users:
        return [invalid(path, proc, "`hostUsers` must be false to use `Unmasked`")]
    return []


def _escalation_errors(context: Object, path: str) -> list[FieldError]:
    reasons = ["`privileged` to true"] if context.get("privileged") else []
    added = (context.get("capabilities") or {}).get("add") or ()
    reasons += ["`capabilities.Add` CAP_SYS_ADMIN" for one in added if one == "CAP_SYS_ADMIN"]
    return [
        invalid(
            path,
            structs.shown("SecurityContext", context),
            f"cannot set `allowPrivilegeEscalation` to false and {reason}",
        )
        for reason in reasons
    ]


def seccomp_errors(profile: Object | None, path: str) -> list[FieldError]:
    if profile is None:
        return []
    found: list[FieldError] = []
    type_, local = profile.get("type", ""), profile.get("localhostProfile")
    if not type_:
        found.append(required(f"{path}.type", "type is required when seccompProfile is set"))
    elif type_ not in _PROFILES:
        found.append(not_supported(f"{path}.type", type_, _PROFILES))
    path = f"{path}.localhostProfile"
    if type_ == "Localhost":
        if local is None:
            found.append(required(path, "must be set when seccomp type is Localhost"))
        else:
            found += descending_path_errors(local, path)
    elif local is not None:
        shown = structs.shown("SeccompProfile", profile)
        found.append(invalid(path, shown, "can only be set when seccomp type is Localhost"))
    return found


def app_armor_errors(profile: Object | None, path: str) -> list[FieldError]:
    if profile is None:
        return []
    type_, local = profile.get("type", ""), profile.get("localhostProfile")
    if type_ == "Localhost":
        return _app_armor_local_errors(local, f"{path}.localhostProfile")
    if not type_:
        return [required(f"{path}.type", "type is required when appArmorProfile is set")]
    if type_ not in _PROFILES:
        return [not_supported(f"{path}.type", type_, _PROFILES)]
    if local is None:
        return []
    return [invalid(f"{path}.localhostProfile", local, "can only be set when AppArmor type is Localhost")]


def _app_armor_local_errors(local: str | None, path: str) -> list[FieldError]:
    needed = required(path, "must be set when AppArmor type is Localhost")
    if local is None:
        return [needed]
    found: list[FieldError] = []
    if local.strip() != local:
        found.append(invalid(path, local, "must not be padded with whitespace"))
    elif not local:
        found.append(needed)
    if names.size(local) > _PROFILE_LENGTH:
        found.append(too_long(path, _PROFILE_LENGTH))
    return found


def pod_security_errors(spec: Object, path: str) -> list[FieldError]:
    """`path` is the spec's security context's."""
    context = spec.get("securityContext") or {}
    found: list[FieldError] = []
    if not context and not spec.get("hostPID"):
        return found
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        found += _id_errors(context, name, path)
    for at, group in enumerate(context.get("supplementalGroups") or ()):
        if not 0 <= group <= INT32:
            where = f"{path}.supplementalGroups[{at}]"
            found.append(invalid(where, group, names.range_error(0, INT32)))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        found.append(invalid(f"{path}.shareProcessNamespace", True, detail))
    found += _sysctls_errors(context.get("sysctls") or (), spec, f"{path}.sysctls")
    found += _policy_errors(context, "fsGroupChangePolicy", path)
    found += seccomp_errors(context.get("seccompProfile"), f"{path}.seccompProfile")
    found += windows_options_errors(context.get("windowsOptions"), f"{path}.windowsOptions")
    found += app_armor_errors(context.get("appArmorProfile"), f"{path}.appArmorProfile")
    found += _policy_errors(context, "supplementalGroupsPolicy", path)
    return found + _policy_errors(context, "seLinuxChangePolicy", path)


def _policy_errors(context: Object, name: str, path: str) -> list[FieldError]:
    policy = context.get(name)
    if policy is None or policy in _POLICIES[name]:
        return []
    return [not_supported(f"{path}.{name}", policy, _POLICIES[name])]


def _sysctls_errors(sysctls: "list[Object] | tuple[()]", spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, one in enumerate(sysctls):
        name, where = one.get("name", ""), f"{path}[{at}].name"
        if not name:
            found.append(required(where))
        elif len(name) > 253 or not _is_sysctl(name):
            detail = f"must have at most 253 characters and match regex ^{_SYSCTL}$"
            found.append(invalid(where, name, detail))
        elif name in seen:
            found.append(duplicate(where, name))
        found += _shared_sysctl_errors(name, spec, where)
        seen.add(name)
    return found


def _shared_sysctl_errors(sysctl: str, spec: Object, path: str) -> list[FieldError]:
    # A namespace that is the node's is not the pod's to set up. component-helpers/node/util/sysctl
    name = _with_dots(sysctl)
    if spec.get("hostNetwork") and name.startswith("net"):
        return [invalid(path, sysctl, "may not be specified when 'hostNetwork' is true")]
    if spec.get("hostIPC") and (name == "kernel.sem" or name.startswith(_IPC)):
        return [invalid(path, sysctl, "may not be specified when 'hostIPC' is true")]
    return []


def _with_dots(name: str) -> str:
    """sysctl(8) lets slashes and dots change places."""
    if "/" not in name or "." in name.partition("/")[0]:
        return name
    return name.translate({ord("/"): ".", ord("."): "/"})
