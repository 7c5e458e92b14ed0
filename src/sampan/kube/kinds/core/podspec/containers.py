"""Containers of a pod: those that run, those that run before them, those for a look inside."""

from collections.abc import Sequence

from sampan.kube.kinds.core.podspec.environment import env_errors, env_from_errors
from sampan.kube.kinds.core.podspec.mounts import mounts_errors
from sampan.kube.kinds.core.podspec.probes import lifecycle_errors, probes_errors
from sampan.kube.kinds.core.podspec.resources import requirements_errors
from sampan.kube.kinds.core.podspec.security import container_security_errors
from sampan.kube.kinds.core.podspec.volumes import pull_policy_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    too_many,
)

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_MESSAGES = ("File", "FallbackToLogsOnError")
_RESIZED = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_ACTIONS = ("Restart",)  # RestartAllContainers has a gate that is closed
_OPERATORS = ("In", "NotIn")
_RULES, _EXIT_CODES = 20, 255
# In the order of Go's struct.
_NOT_EPHEMERAL = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)


class PodFacts:
    """What the check of a container needs to know of its pod."""

    __slots__ = ("claims", "grace", "host_users", "never_restarts", "volumes")

    def __init__(self, spec: Object, volumes: dict[str, Object]) -> None:
        self.volumes = volumes
        self.claims = {one["name"] for one in spec.get("resourceClaims") or () if one.get("name")}
        self.grace: int | None = spec.get("terminationGracePeriodSeconds")
        self.host_users = spec.get("hostUsers") is not False
        self.never_restarts = spec.get("restartPolicy") == "Never"


def with_paths(spec: Object, path: str) -> list[tuple[str, Object]]:
    """All containers, in the order in which upstream visits them."""
    return [
        (f"{path}.{kind}[{at}]", container)
        for kind in ("initContainers", "containers", "ephemeralContainers")
        for at, container in enumerate(spec.get(kind) or ())
    ]


def containers_errors(containers: Sequence[Object], pod: PodFacts, path: str) -> list[FieldError]:
    if not containers:
        return [required(path)]
    found: list[FieldError] = []
    taken: set[str] = set()
    for at, container in enumerate(containers):
        own_path = f"{path}[{at}]"
        found += _common_errors(container, pod, own_path)
        name = container.get("name", "")
        if name in taken:
            found.append(duplicate(f"{own_path}.name", name))
        taken.add(name)
        found += _hooks_errors(container, pod, own_path)
        found += _restart_errors(container, own_path)
    return found + _host_port_errors(containers, path)


def init_containers_errors(
    containers: Sequence[Object], regular: Sequence[Object], pod: PodFacts, path: str
) -> list[FieldError]:
    found: list[FieldError] = []
    taken = {one.get("name", "") for one in regular}
    for at, container in enumerate(containers):
        own_path = f"{path}[{at}]"
        found += _common_errors(container, pod, own_path)
        found += _restart_errors(container, own_path)
        name = container.get("name", "")
        if name in taken:
            found.append(duplicate(f"{own_path}.name", name))
        elif name:
            taken.add(name)
        found += _host_port_errors([container], path)
        if container.get("restartPolicy") == "Always":
            found += _hooks_errors(container, pod, own_path)
        else:
            found += [
                forbidden(
                    f"{own_path}.{key}", "may not be set for init containers without restartPolicy=Always"
                )
                for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
                if container.get(key) is not None
            ]
    return found


def ephemeral_containers_errors(
    containers: Sequence[Object], others: Sequence[Object], pod: PodFacts, path: str
) -> list[FieldError]:
    """`others`: all that are no ephemeral ones."""
    found: list[FieldError] = []
    targets = {one.get("name", "") for one in others}
    taken = set(targets)
    for at, container in enumerate(containers):
        own_path = f"{path}[{at}]"
        found += _common_errors(container, pod, own_path)
        found += image_padding_errors(container, own_path)
        name = container.get("name", "")
        if name in taken:
            found.append(duplicate(f"{own_path}.name", name))
        taken.add(name)
        target = container.get("targetContainerName", "")
        if target and target not in targets:
            found.append(not_found(f"{own_path}.targetContainerName", target))
        found += _ephemeral_errors(container, own_path)
    return found


def _ephemeral_errors(container: Object, path: str) -> list[FieldError]:
    detail = "cannot be set for an Ephemeral Container"
    found = [forbidden(f"{path}.{key}", detail) for key in _NOT_EPHEMERAL if container.get(key)]
    for at, mount in enumerate(container.get("volumeMounts") or ()):
        found += [
            forbidden(f"{path}.volumeMounts[{at}].{key}", detail)
            for key in ("subPath", "subPathExpr")
            if mount.get(key)
        ]
    return found


def image_padding_errors(container: Object, path: str) -> list[FieldError]:
    """Of pods; templates were once let through with such images."""
    image = container.get("image", "")
    if image == image.strip():
        return []
    return [invalid(f"{path}.image", image, "must not have leading or trailing whitespace")]


def _common_errors(container: Object, pod: PodFacts, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if not (name := container.get("name", "")):
        found.append(required(f"{path}.name"))
    elif messages := names.dns1123_label(name):
        found += [invalid(f"{path}.name", name, message) for message in messages]
    if not container.get("image"):
        found.append(required(f"{path}.image"))
    if (policy := container.get("terminationMessagePolicy", "")) not in _MESSAGES:
        where = f"{path}.terminationMessagePolicy"
        found.append(not_supported(where, policy, _MESSAGES) if policy else required(where))
    if ports := container.get("ports"):
        found += _ports_errors(ports, f"{path}.ports")
    if variables := container.get("env"):
        found += env_errors(variables, f"{path}.env")
    if sources := container.get("envFrom"):
        found += env_from_errors(sources, f"{path}.envFrom")
    found += mounts_errors(container, pod.volumes, path)
    found += pull_policy_errors(container.get("imagePullPolicy", ""), f"{path}.imagePullPolicy")
    if resources := container.get("resources"):
        found += requirements_errors(resources, pod.claims, f"{path}.resources")
    if policies := container.get("resizePolicy"):
        found += _resize_errors(policies, pod.never_restarts, f"{path}.resizePolicy")
    if context := container.get("securityContext"):
        where = f"{path}.securityContext"
        found += container_security_errors(context, where, host_users=pod.host_users)
    return found


def _hooks_errors(container: Object, pod: PodFacts, path: str) -> list[FieldError]:
    lifecycle = container.get("lifecycle")
    found = lifecycle_errors(lifecycle, pod.grace, f"{path}.lifecycle") if lifecycle else []
    return found + probes_errors(container, path)


def _ports_errors(ports: Sequence[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    taken: set[str] = set()
    for at, port in enumerate(ports):
        if name := port.get("name", ""):
            if messages := names.port_name(name):
                found += [invalid(f"{path}[{at}].name", name, message) for message in messages]
            elif name in taken:
                found.append(duplicate(f"{path}[{at}].name", name))
            taken.add(name)
        if not (number := port.get("containerPort", 0)):
            found.append(required(f"{path}[{at}].containerPort"))
        elif messages := names.port_number(number):
            found += [invalid(f"{path}[{at}].containerPort", number, message) for message in messages]
        if (number := port.get("hostPort", 0)) and (messages := names.port_number(number)):
            found += [invalid(f"{path}[{at}].hostPort", number, message) for message in messages]
        if (protocol := port.get("protocol", "")) not in _PROTOCOLS:
            where = f"{path}[{at}].protocol"
            found.append(not_supported(where, protocol, _PROTOCOLS) if protocol else required(where))
    return found


def _host_port_errors(containers: Sequence[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    taken: set[str] = set()
    for at, container in enumerate(containers):
        for number, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if key in taken:
                found.append(duplicate(f"{path}[{at}].ports[{number}].hostPort", key))
            taken.add(key)
    return found


def _resize_errors(policies: Sequence[Object], never_restarts: bool, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    taken: set[str] = set()
    for at, one in enumerate(policies):
        name, policy = one.get("resourceName", ""), one.get("restartPolicy", "")
        if name in taken:
            found.append(duplicate(f"{path}[{at}]", name))
        taken.add(name)
        for value, known in ((name, _RESIZED), (policy, _RESIZE_POLICIES)):
            if value not in known:
                found.append(not_supported(path, value, known) if value else required(path))
        if never_restarts and policy != "NotRequired":
            detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            found.append(invalid(path, policy, detail))
    return found


def _restart_errors(container: Object, path: str) -> list[FieldError]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    found: list[FieldError] = []
    if policy is None and rules:
        detail = "must specify restartPolicy when restart rules are used"
        found.append(required(f"{path}.restartPolicy", detail))
    elif policy is not None and policy not in _RESTART_POLICIES:
        found.append(not_supported(f"{path}.restartPolicy", policy, _RESTART_POLICIES))
    if len(rules) > _RULES:
        found.append(too_many(f"{path}.restartPolicyRules", len(rules), _RULES))
    for at, rule in enumerate(rules):
        found += _rule_errors(rule, f"{path}.restartPolicyRules[{at}]")
    return found


def _rule_errors(rule: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if (action := rule.get("action", "")) not in _ACTIONS:
        found.append(not_supported(f"{path}.action", action, _ACTIONS))
    codes = rule.get("exitCodes")
    if codes is None:
        return [*found, required(f"{path}.exitCodes", "must be specified")]
    if (operator := codes.get("operator", "")) not in _OPERATORS:
        found.append(not_supported(f"{path}.exitCodes.operator", operator, _OPERATORS))
    if (count := len(codes.get("values") or ())) > _EXIT_CODES:
        found.append(too_many(f"{path}.exitCodes.values", count, _EXIT_CODES))
    return found
