"""Ingress. k8s.io/kubernetes/pkg/apis/networking/validation, pkg/registry/networking/ingress"""

from typing import Any

from sampan.kube.kinds import statuses
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.networking.backends import backend_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource, Subresource
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required

GROUP = "networking.k8s.io"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")


def validate(new: Object, _context: Context) -> list[FieldError]:
    found = _spec_errors(new["spec"], "spec", None)
    given = (new["metadata"].get("annotations") or {}).get(CLASS_ANNOTATION)
    wanted = new["spec"].get("ingressClassName")
    if given is not None and wanted is not None and given != wanted:
        detail = "must match `ingressClassName` when both are specified"
        found.append(invalid(f"annotations.{CLASS_ANNOTATION}", given, detail))
    return found


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(new["spec"], "spec", old["spec"])


def _spec_errors(spec: Object, path: str, old: Object | None) -> list[FieldError]:
    """What was wrong in the `old` object may stay so where upstream lets it."""
    found: list[FieldError] = []
    relaxed = old is not None and _has_relaxed_names(old)
    rules, backend = spec.get("rules"), spec.get("defaultBackend")
    if not rules and backend is None:
        found.append(invalid(path, rules, "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        found += backend_errors(backend, f"{path}.defaultBackend", relaxed)
    lenient = old is not None and _has_bad_wildcard_rule(old)
    for at, rule in enumerate(rules or ()):
        found += _rule_errors(rule, f"{path}.rules[{at}]", relaxed, lenient)
    any_secret = old is not None and any(_secret_name_errors(tls, "") for tls in old.get("tls") or ())
    for at, tls in enumerate(spec.get("tls") or ()):
        found += _tls_errors(tls, f"{path}.tls[{at}]", any_secret)
    if (name := spec.get("ingressClassName")) is not None:
        found += [invalid(f"{path}.ingressClassName", name, one) for one in names.dns1123_subdomain(name)]
    return found


def _tls_errors(tls: Object, path: str, any_secret: bool) -> list[FieldError]:
    found: list[FieldError] = []
    for at, host in enumerate(tls.get("hosts") or ()):
        found += _host_errors(host, f"{path}.hosts[{at}]")
    return found if any_secret else found + _secret_name_errors(tls, path)


def _secret_name_errors(tls: Object, path: str) -> list[FieldError]:
    name = tls.get("secretName", "")
    messages = names.dns1123_subdomain(name) if name else []
    return [invalid(f"{path}.secretName", name, message) for message in messages]


def _host_errors(host: str, path: str) -> list[FieldError]:
    check = names.wildcard_dns1123_subdomain if "*" in host else names.dns1123_subdomain
    return [invalid(path, host, message) for message in check(host)]


def _rule_errors(rule: Object, path: str, relaxed: bool, lenient: bool) -> list[FieldError]:
    found: list[FieldError] = []
    host = rule.get("host", "")
    if host:
        if ip.parse(host) is not None:
            found.append(invalid(f"{path}.host", host, "must be a DNS name, not an IP address"))
        found += _host_errors(host, f"{path}.host")
    return found if lenient and "*" in host else found + _rule_value_errors(rule, path, relaxed)


def _rule_value_errors(rule: Object, path: str, relaxed: bool) -> list[FieldError]:
    http = rule.get("http")
    if http is None:
        return []
    paths = http.get("paths")
    found = [] if paths else [required(f"{path}.http.paths")]
    for at, one in enumerate(paths or ()):
        found += _path_errors(one, f"{path}.http.paths[{at}]", relaxed)
    return found


def _path_errors(one: Object, path: str, relaxed: bool) -> list[FieldError]:
    kind, text = one.get("pathType"), one.get("path", "")
    if kind is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    found: list[FieldError] = []
    where = f"{path}.path"
    if kind not in PATH_TYPES:
        found.append(not_supported(f"{path}.pathType", kind, PATH_TYPES))
    elif not text.startswith("/") and (text or kind != "ImplementationSpecific"):
        found.append(invalid(where, text, "must be an absolute path"))
    if kind in ("Exact", "Prefix"):
        found += [invalid(where, text, f"must not contain '{part}'") for part in _BAD_PARTS if part in text]
        found += [invalid(where, text, f"cannot end with '{end}'") for end in _BAD_ENDS if text.endswith(end)]
    return found + backend_errors(one.get("backend") or {}, f"{path}.backend", relaxed)


def _backends(spec: Object) -> list[Object]:
    rules = [(rule.get("http") or {}).get("paths") or () for rule in spec.get("rules") or ()]
    found = [path.get("backend") or {} for paths in rules for path in paths]
    return [spec["defaultBackend"], *found] if spec.get("defaultBackend") else found


def _has_relaxed_names(spec: Object) -> bool:
    found = [(backend.get("service") or {}).get("name", "") for backend in _backends(spec)]
    return any(names.dns1035_label(name) and not names.dns1123_label(name) for name in found)


def _has_bad_wildcard_rule(spec: Object) -> bool:
    rules = spec.get("rules") or ()
    return any("*" in rule.get("host", "") and _rule_value_errors(rule, "", False) for rule in rules)


def validate_status(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    found: list[FieldError] = []
    balancer = (new.get("status") or {}).get("loadBalancer") or {}
    for at, one in enumerate(balancer.get("ingress") or ()):
        path = f"status.loadBalancer.ingress[{at}]"
        if address := one.get("ip"):
            found += ip.sloppy_errors(address, f"{path}.ip")
        if host := one.get("hostname"):
            found += [invalid(f"{path}.hostname", host, one) for one in names.dns1123_subdomain(host)]
            if ip.parse(host) is not None:
                found.append(invalid(f"{path}.hostname", host, "must be a DNS name, not an IP address"))
    return found


def warnings(new: Object, old: Object | None, context: Context) -> list[str]:
    if context.subresource == "status":
        return _address_warnings(new)
    annotated = CLASS_ANNOTATION in (new["metadata"].get("annotations") or {})
    if old is None and annotated and new["spec"].get("ingressClassName") is None:
        return [
            f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"
        ]
    return []


def _address_warnings(new: Object) -> list[str]:
    found: list[str] = []
    balancer = (new.get("status") or {}).get("loadBalancer") or {}
    for at, one in enumerate(balancer.get("ingress") or ()):
        if address := one.get("ip"):
            found += ip.warnings(address, f"status.loadBalancer.ingress[{at}].ip")
    return found


def _hosts(rules: list[Object]) -> str:
    found: list[str] = []
    more = False
    for rule in rules:
        more = more or len(found) == 3
        if not more and rule.get("host"):
            found.append(rule["host"])
    if not found:
        return "*"
    return ",".join(found) + (f" + {len(rules) - 3} more..." if more else "")


def _addresses(new: Object) -> str:
    balancer = (new.get("status") or {}).get("loadBalancer") or {}
    found = {one.get("ip") or one.get("hostname") or "" for one in balancer.get("ingress") or ()}
    return ",".join(sorted(found - {""}))


def cells(new: Object, now: float) -> list[Any]:
    spec = new["spec"]
    name = spec.get("ingressClassName")
    return [
        "<none>" if name is None else name,
        _hosts(spec.get("rules") or []),
        _addresses(new),
        "80, 443" if spec.get("tls") else "80",
        age(new["metadata"].get("creationTimestamp"), now),
    ]


RESOURCE = Resource(
    "Ingress",
    "ingresses",
    group=GROUP,
    short_names=("ing",),
    subresources=(Subresource("status", prepare_update=statuses.spec_kept, validate_update=validate_status),),
    prepare_create=statuses.cleared({"loadBalancer": {}}),
    prepare_update=statuses.kept,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    generation=("spec",),
    reset_fields=statuses.RESET_SPEC,
    columns=(
        Column(
            "Class",
            description=(
                "The name of the IngressClass resource that should be used for additional configuration"
            ),
        ),
        Column(
            "Hosts", description="Hosts that incoming requests are matched against before the ingress rule"
        ),
        Column("Address", description="Address is a list containing ingress points for the load-balancer"),
        Column("Ports", description="Ports of TLS configurations that open"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
