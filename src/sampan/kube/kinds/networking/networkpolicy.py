"""NetworkPolicy. k8s.io/kubernetes/pkg/apis/networking/validation"""

from collections.abc import Iterator
from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import ip, labels, names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required
from sampan.specs.kubernetes.labelselector import label_selector_errors

PROTOCOLS = ("TCP", "UDP", "SCTP")
TYPES = ("Ingress", "Egress")
# As extensions/v1beta1 said it, with its blanks.
_SELECTOR = (
    "Selects the pods to which this NetworkPolicy object applies.  The array of ingress rules is applied to "
    "any pods selected by this field. Multiple network policies can select the same set of pods.  In this "
    "case, the ingress rules for each are combined additively. This field is NOT optional and follows "
    "standard label selector semantics. An empty podSelector matches all pods in this namespace."
)
# Where a rule says who is at its other end.
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def default(new: Object) -> None:
    spec = new["spec"]
    for direction, _ in _DIRECTIONS:
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def validate(new: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(new["spec"], "spec")


def validate_update(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(new["spec"], "spec")


def _spec_errors(spec: Object, path: str) -> list[FieldError]:
    found = label_selector_errors(spec.get("podSelector"), f"{path}.podSelector")
    for direction, peers in _DIRECTIONS:
        for at, rule in enumerate(spec.get(direction) or ()):
            where = f"{path}.{direction}[{at}]"
            for index, port in enumerate(rule.get("ports") or ()):
                found += _port_errors(port, f"{where}.ports[{index}]")
            for index, peer in enumerate(rule.get(peers) or ()):
                found += _peer_errors(peer, f"{where}.{peers}[{index}]")
    types = spec.get("policyTypes") or []
    if len(types) > len(TYPES):
        return [*found, invalid(f"{path}.policyTypes", types, "may not specify more than two policyTypes")]
    for at, kind in enumerate(types):
        if kind not in TYPES:
            found.append(not_supported(f"{path}.policyTypes[{at}]", kind, TYPES))
    return found


def _port_errors(rule: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    protocol, port, end = rule.get("protocol"), rule.get("port"), rule.get("endPort")
    if protocol is not None and protocol not in PROTOCOLS:
        found.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    if port is None:
        if end is not None:
            detail = "may not be specified when `port` is not specified"
            found.append(invalid(f"{path}.endPort", end, detail))
    elif isinstance(port, str):
        if end is not None:
            found.append(invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric"))
        found += [invalid(f"{path}.port", port, message) for message in names.port_name(port)]
    else:
        found += [invalid(f"{path}.port", port, message) for message in names.port_number(port)]
        if end is not None:
            found += _end_errors(end, port, f"{path}.endPort")
    return found


def _end_errors(end: int, port: int, path: str) -> list[FieldError]:
    found = []
    if end < port:
        # What 1.35 shows is the port.
        found.append(invalid(path, port, "must be greater than or equal to `port`"))
    return found + [invalid(path, end, message) for message in names.port_number(end)]


def _peer_errors(peer: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    block = peer.get("ipBlock")
    selectors = [field for field in ("podSelector", "namespaceSelector") if peer.get(field) is not None]
    for field in selectors:
        found += label_selector_errors(peer[field], f"{path}.{field}")
    if block is not None:
        found += _block_errors(block, f"{path}.ipBlock")
    if not selectors and block is None:
        found.append(required(path, "must specify a peer"))
    elif selectors and block is not None:
        found.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return found


def _block_errors(block: Object, path: str) -> list[FieldError]:
    text = block.get("cidr", "")
    if not text:
        return [required(f"{path}.cidr")]
    found = ip.sloppy_range_errors(text, f"{path}.cidr")
    outer = ip.parse_range(text)
    if outer is None:
        return found
    for at, text in enumerate(block.get("except") or ()):
        where = f"{path}.except[{at}]"
        found += ip.sloppy_range_errors(text, where)
        inner = ip.parse_range(text)
        if inner is not None and (not ip.contains(*outer, ip.masked(*inner)) or outer[1] >= inner[1]):
            found.append(invalid(where, text, "must be a strict subset of `cidr`"))
    return found


def _blocks(spec: Object) -> Iterator[tuple[Object, str]]:
    for direction, peers in _DIRECTIONS:
        for at, rule in enumerate(spec.get(direction) or ()):
            for index, peer in enumerate(rule.get(peers) or ()):
                if peer.get("ipBlock") is not None:
                    yield peer["ipBlock"], f"spec.{direction}[{at}].{peers}[{index}].ipBlock"


def warnings(new: Object, _old: Object | None, _context: Context) -> list[str]:
    found: list[str] = []
    for block, path in _blocks(new["spec"]):
        found += ip.range_warnings(block.get("cidr", ""), f"{path}.cidr")
        for at, text in enumerate(block.get("except") or ()):
            found += ip.range_warnings(text, f"{path}.except[{at}]")
    return found


def cells(new: Object, now: float) -> list[Any]:
    selector = str(labels.from_object(new["spec"].get("podSelector") or {})) or "<none>"
    return [selector, age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "NetworkPolicy",
    "networkpolicies",
    group="networking.k8s.io",
    short_names=("netpol",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    generation=("spec",),
    columns=(
        Column("Pod-Selector", description=_SELECTOR),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
