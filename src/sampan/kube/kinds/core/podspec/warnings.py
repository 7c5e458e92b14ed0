"""What is allowed in pods and templates, but hardly meant; pkg/api/pod/warnings.go of 1.35."""

from collections.abc import Iterator, Sequence

from sampan.kube.kinds.core.podspec import annotations
from sampan.kube.kinds.core.podspec.containers import with_paths
from sampan.kube.kinds.core.podspec.overlaps import overlap_warnings
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.quantity import parse

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_INSTEAD = 'deprecated since v1.17; use "topology.kubernetes.io/{}" instead'
_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": _INSTEAD.format("region"),
    "failure-domain.beta.kubernetes.io/zone": _INSTEAD.format("zone"),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
}
_SYSCTLS = 'non-functional in v1.11+; use the "sysctls" field instead'
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": _SYSCTLS,
    "security.alpha.kubernetes.io/unsafe-sysctls": _SYSCTLS,
}
_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_SHOWN = {"storageos": "storageOS"}
_BYTES = ("memory", "ephemeral-storage")


def pod_warnings(pod: Object) -> list[str]:
    meta = pod.get("metadata") or {}
    return list(_warnings(pod.get("spec") or {}, meta.get("annotations") or {}, ""))


def template_warnings(template: Object, path: str) -> list[str]:
    meta = template.get("metadata") or {}
    return list(_warnings(template.get("spec") or {}, meta.get("annotations") or {}, f"{path}."))


def name_warnings(name: str) -> list[str]:
    """Of a kind whose name its pods begin with."""
    if messages := names.dns1123_label(name):
        return [
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising "
            f"behavior; a DNS label is recommended: [{' '.join(messages)}]"
        ]
    return []


def _warnings(spec: Object, written: dict[str, str], path: str) -> Iterator[str]:
    where = f"{path}spec"
    yield from _node_labels(spec, where)
    yield from _spreading(spec, where)
    for key, message in _ANNOTATIONS.items():
        if key in written:
            yield f"{path}metadata.annotations[{key}]: {message}"
    volumes = spec.get("volumes") or []
    for at, volume in enumerate(volumes):
        for kind, message in _VOLUMES.items():
            if volume.get(kind) is not None:
                yield f"{where}.volumes[{at}].{_SHOWN.get(kind, kind)}: {message}"
        yield from _claims(volume, f"{where}.volumes[{at}]")
    yield from overlap_warnings(volumes)
    yield from _duplicates(spec, where)
    yield from _fractions(spec.get("overhead") or {}, f"{where}.overhead")
    yield from _profiles(spec, written, path)
    containers = with_paths(spec, where)
    for own_path, container in containers:
        yield from _container(spec, container, written, path, own_path)
    yield from _ports(containers)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        yield (
            f"{where}.terminationGracePeriodSeconds: must be >= 0; "
            "negative values are invalid and will be treated as 1"
        )
    yield from _null_selectors(spec.get("affinity") or {}, f"{where}.affinity")
    yield from _addresses(spec, where)


def _node_labels(spec: Object, path: str) -> Iterator[str]:
    for key in spec.get("nodeSelector") or ():
        if key in _LABELS:
            yield f"{path}.nodeSelector[{key}]: {_LABELS[key]}"
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    path = f"{path}.affinity.nodeAffinity"
    terms = (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()
    for at, term in enumerate(terms):
        yield from node_term_warnings(term, f"{path}.{_REQUIRED}.nodeSelectorTerms[{at}]")
    for at, term in enumerate(affinity.get(_PREFERRED) or ()):
        yield from node_term_warnings(term.get("preference") or {}, f"{path}.{_PREFERRED}[{at}].preference")


def node_term_warnings(term: Object, path: str) -> list[str]:
    """Of pods' and of volumes' terms."""
    found: list[str] = []
    for at, one in enumerate(term.get("matchExpressions") or ()):
        key, where = one.get("key", ""), f"{path}.matchExpressions[{at}]"
        if key in _LABELS:
            found.append(f"{where}.key: {key} is {_LABELS[key]}")
        for number, value in enumerate(one.get("values") or ()):
            if messages := names.label_value(value):
                found.append(f"{where}.values[{number}]: {quote(value)} is invalid, {messages[0]}")
    return found


def _spreading(spec: Object, path: str) -> Iterator[str]:
    for at, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        where = f"{path}.topologySpreadConstraints[{at}]"
        if (key := one.get("topologyKey", "")) in _LABELS:
            yield f"{where}.topologyKey: {key} is {_LABELS[key]}"
        if one.get("labelSelector") is None:
            yield f"{where}.labelSelector: a null labelSelector results in matching no pod"


def _claims(volume: Object, path: str) -> Iterator[str]:
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate") or {}
    amounts = ((template.get("spec") or {}).get("resources") or {}).get("requests") or {}
    yield from claim_size_warnings(amounts, f"{path}.ephemeral.volumeClaimTemplate.spec.resources.requests")


def claim_size_warnings(requests: dict[str, str], path: str) -> list[str]:
    """Of a claim for a part of a byte."""
    amount = requests.get("storage")
    if amount is None or parse(amount).is_integer():
        return []
    return [_fraction(f"{path}[storage]", amount)]


def _fraction(path: str, amount: str) -> str:
    return f"{path}: fractional byte value {quote(amount)} is invalid, must be an integer"


def _fractions(amounts: dict[str, str], path: str) -> Iterator[str]:
    for name in _BYTES:
        if name in amounts and parse(amounts[name]).milli_value() % 1000:
            yield _fraction(f"{path}[{name}]", amounts[name])


def _duplicates(spec: Object, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for at, alias in enumerate(spec.get("hostAliases") or ()):
        address = alias.get("ip", "")
        if address in seen:
            yield f"{path}.hostAliases[{at}].ip: duplicate ip {quote(address)}"
        seen.add(address)
    secrets = [one.get("name", "") for one in spec.get("imagePullSecrets") or ()]
    for at, name in enumerate(secrets):
        if name in secrets[:at]:
            yield f"{path}.imagePullSecrets[{at}].name: duplicate name {quote(name)}"
    for at, name in enumerate(secrets):
        if not name:
            yield f'{path}.imagePullSecrets[{at}].name: invalid empty name ""'


def _profiles(spec: Object, written: dict[str, str], path: str) -> Iterator[str]:
    key = annotations.SECCOMP_POD
    if key in written and (spec.get("securityContext") or {}).get("seccompProfile") is None:
        yield _seccomp(f"{path}metadata.annotations[{key}]")


def _seccomp(path: str) -> str:
    # The backslashes are upstream's: a raw text there.
    return f'{path}: non-functional in v1.27+; use the \\"seccompProfile\\" field instead'


def _container(
    spec: Object, container: Object, written: dict[str, str], path: str, own_path: str
) -> Iterator[str]:
    name = container.get("name", "")
    context = container.get("securityContext") or {}
    key = annotations.SECCOMP_CONTAINER + name
    if key in written and context.get("seccompProfile") is None:
        yield _seccomp(f"{path}metadata.annotations[{key}]")
    key = annotations.APP_ARMOR + name
    fields = (context, spec.get("securityContext") or {})
    if key in written and all(one.get("appArmorProfile") is None for one in fields):
        where = f"{path}metadata.annotations[{key}]"
        # Of a pod the annotation has been made a field when this is asked; of templates it has not.
        quoted = '\\"appArmorProfile\\"' if path else '"appArmorProfile"'
        yield f"{where}: deprecated since v1.30; use the {quoted} field instead"
    resources = container.get("resources") or {}
    for resource in _BYTES:
        for kind in ("limits", "requests"):
            amounts = resources.get(kind) or {}
            if resource in amounts:
                yield from _fractions({resource: amounts[resource]}, f"{own_path}.resources.{kind}")
    yield from _hidden_variables(container.get("env") or [], f"{own_path}.env")


def _hidden_variables(variables: Sequence[Object], path: str) -> Iterator[str]:
    seen: set[str] = set()
    for at, one in enumerate(variables):
        name, value = one.get("name", ""), one.get("value", "")
        ref = f"$({name})"
        if name in seen and (one.get("valueFrom") is not None or value == ref or ref not in value):
            yield (
                f"{path}[{at}]: hides previous definition of {quote(name)}, "
                "which may be dropped when using apply"
            )
        seen.add(name)


def _ports(containers: Sequence[tuple[str, Object]]) -> Iterator[str]:
    seen: dict[tuple[int, str], list[tuple[str, Object]]] = {}
    for path, container in containers:
        for at, port in enumerate(container.get("ports") or ()):
            where = f"{path}.ports[{at}]"
            if port.get("hostIP") and not port.get("hostPort"):
                yield f"{where}: hostIP set without hostPort: {_go_port(port)}"
            others = seen.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
            for other_path, other in others:
                if what := _port_clash(port, other):
                    yield f"{where}: {what} port definition with {other_path}"
            others.append((where, port))


def _port_clash(port: Object, other: Object) -> str:
    number, other_number = port.get("hostPort", 0), other.get("hostPort", 0)
    address, other_address = port.get("hostIP", ""), other.get("hostIP", "")
    if (number, address) == (other_number, other_address):
        return "duplicate"
    if not number or not other_number:
        return "overlapping"
    return "dangerously ambiguous" if number == other_number and not (address and other_address) else ""


def _go_port(port: Object) -> str:
    """%+v of a ContainerPort."""
    return (
        f"{{Name:{port.get('name', '')} HostPort:{port.get('hostPort', 0)} "
        f"ContainerPort:{port.get('containerPort', 0)} Protocol:{port.get('protocol', '')} "
        f"HostIP:{port.get('hostIP', '')}}}"
    )


def _null_selectors(affinity: Object, path: str) -> Iterator[str]:
    tail = "labelSelector: a null labelSelector results in matching no pod"
    for name in ("podAffinity", "podAntiAffinity"):
        kind = affinity.get(name) or {}
        for at, term in enumerate(kind.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield f"{path}.{name}.{_REQUIRED}[{at}].{tail}"
        for at, weighted in enumerate(kind.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                yield f"{path}.{name}.{_PREFERRED}[{at}].podAffinityTerm.{tail}"


def _addresses(spec: Object, path: str) -> Iterator[str]:
    for at, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        yield from ip.warnings(server, f"{path}.dnsConfig.nameservers[{at}]")
    for at, alias in enumerate(spec.get("hostAliases") or ()):
        yield from ip.warnings(alias.get("ip", ""), f"{path}.hostAliases[{at}].ip")
