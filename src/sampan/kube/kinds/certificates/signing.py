"""What may stand in a request for a certificate. Kubernetes: pkg/apis/certificates/validation"""

import base64
import binascii
from collections.abc import Callable

from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)

LEGACY = "kubernetes.io/legacy-unknown"
USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
_ONLY_TRUE = ("Approved", "Denied", "Failed")
_SHORTEST = 600
_LONGEST_DOMAIN, _LONGEST_SIGNER = 253, 253 + 1 + 253 + 63 + 1


def conditions(request: Object) -> list[Object]:
    return (request.get("status") or {}).get("conditions") or []


def of_type(request: Object, type_: str) -> list[Object]:
    """A request's conditions of a type."""
    return [one for one in conditions(request) if one.get("type") == type_]


def decoded(text: object) -> bytes:
    """Of a field that JSON has as base64."""
    try:
        return base64.b64decode(str(text or ""), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _has(old: Object | None, problem: bool) -> bool:
    """What an object has that is there already is put up with."""
    return old is not None and problem


def spec_errors(new: Object, old: Object | None) -> list[FieldError]:
    """What is wrong with what is asked for."""
    spec: Object = new.get("spec") or {}
    before: list[str] = ((old or {}).get("spec") or {}).get("usages") or []
    errors = _request_errors(spec)
    usages = spec.get("usages") or []
    if not usages:
        errors.append(required("spec.usages", "usages must be provided"))
    if not _has(old, any(usage not in USAGES for usage in before)):
        unknown = ((at, usage) for at, usage in enumerate(usages) if usage not in USAGES)
        errors += [not_supported(f"spec.usages[{at}]", usage, USAGES) for at, usage in unknown]
    if not _has(old, len(set(before)) < len(before)):
        twice = ((at, usage) for at, usage in enumerate(usages) if usage in usages[:at])
        errors += [duplicate(f"spec.usages[{at}]", usage) for at, usage in twice]
    return errors + _signer(spec, old) + _duration(spec)


def _signer(spec: Object, old: Object | None) -> list[FieldError]:
    name = spec.get("signerName") or ""
    was = ((old or {}).get("spec") or {}).get("signerName")
    if name == LEGACY and not _has(old, was == LEGACY):
        return [invalid("spec.signerName", name, "the legacy signerName is not allowed via this API version")]
    return signer_errors(name, "spec.signerName")


def _duration(spec: Object) -> list[FieldError]:
    seconds = spec.get("expirationSeconds")
    if seconds is None or seconds >= _SHORTEST:
        return []
    why = "may not specify a duration less than 600 seconds (10 minutes)"
    return [invalid("spec.expirationSeconds", seconds, why)]


def signer_errors(name: str, path: str) -> list[FieldError]:
    """What is wrong with the name of a signer, "example.com/signer"."""
    if not name:
        return [required(path, "signerName must be provided")]
    domain, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(path, name, why)]
    errors = [too_long(path, _LONGEST_DOMAIN)] if names.size(domain) > _LONGEST_DOMAIN else []
    labels = domain.split(".")
    errors += _first_bad(labels, domain, path, names.dns1123_label)
    if len(labels) < 2:
        why = "should be a domain with at least two segments separated by dots"
        errors.append(invalid(path, domain, why))
    errors += _first_bad(rest.split("."), rest, path, names.dns1123_subdomain)
    if names.size(name) > _LONGEST_SIGNER:
        errors.append(too_long(path, _LONGEST_SIGNER))
    return errors


def _first_bad(
    labels: list[str], whole: str, path: str, check: Callable[[str], list[str]]
) -> list[FieldError]:
    for label in labels:
        bad = check(label)
        if bad:
            return [invalid(path, whole, f"validating label {quote(label)}: {why}") for why in bad]
    return []


def _request_errors(spec: Object) -> list[FieldError]:
    """The request must be PEM, PKCS#10, and signed with the key in it."""
    why = request_problem(decoded(spec.get("request")))
    return [invalid("spec.request", spec.get("request"), why)] if why else []


def request_problem(pem: bytes) -> str:
    """What is wrong with a request's bytes; "" if nothing is."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if _pem_types(pem)[:1] != ["CERTIFICATE REQUEST"]:
        return "PEM block type must be CERTIFICATE REQUEST"
    try:
        request = x509.load_pem_x509_csr(pem)
        good = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        return f"asn1: structure error: {error}"
    return "" if good else "x509: ECDSA verification failure"


def condition_errors(new: Object, old: Object | None) -> list[FieldError]:
    """What is wrong with the conditions, each for itself and all together."""
    errors = []
    was = conditions(old or {})
    types = [one.get("type") for one in was]
    both_before = _has(old, "Approved" in types and "Denied" in types)
    twice_before = _has(old, len(set(types)) < len(types))
    empty_before = _has(old, any(not type_ for type_ in types))
    seen: set[str] = set()
    for index, one in enumerate(conditions(new)):
        path = f"status.conditions[{index}]"
        type_ = one.get("type") or ""
        if not type_ and not empty_before:
            errors.append(required(f"{path}.type"))
        errors += _state_errors(one, type_, f"{path}.status")
        other = {"Approved": "Denied", "Denied": "Approved"}.get(type_)
        if other in seen and not both_before:
            why = "Approved and Denied conditions are mutually exclusive"
            errors.append(invalid(f"{path}.type", type_, why))
        if type_ in seen and not twice_before:
            errors.append(duplicate(f"{path}.type", type_))
        seen.add(type_)
    return errors


def _state_errors(condition: Object, type_: str, path: str) -> list[FieldError]:
    state = condition.get("status") or ""
    allowed = ("True",) if type_ in _ONLY_TRUE else ("False", "True", "Unknown")
    if not state:
        return [required(path)]
    return [] if state in allowed else [not_supported(path, state, allowed)]


def certificate_errors(new: Object, old: Object | None) -> list[FieldError]:
    """The certificate that was issued must be one."""
    was = decoded(((old or {}).get("status") or {}).get("certificate"))
    if _has(old, bool(was) and bool(certificate_problem(was))):
        return []
    why = certificate_problem(decoded((new.get("status") or {}).get("certificate")))
    return [invalid("status.certificate", "<certificate data>", why)] if why else []


def certificate_problem(pem: bytes) -> str:
    """What is wrong with certificates in PEM; "" if nothing is, or there are none."""
    from cryptography import x509

    if not pem:
        return ""
    blocks = _pem_types(pem)
    if not blocks:
        return "must contain at least one CERTIFICATE PEM block"
    other = [type_ for type_ in blocks if type_ != "CERTIFICATE"]
    if other:
        return f"only CERTIFICATE PEM blocks are allowed, found {quote(other[0])}"
    try:
        x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        return f"x509: malformed certificate: {error}"
    return ""


def _pem_types(pem: bytes) -> list[str]:
    found = []
    for line in pem.decode("utf-8", "replace").splitlines():
        line = line.strip()
        if line.startswith("-----BEGIN ") and line.endswith("-----"):
            found.append(line[len("-----BEGIN ") : -len("-----")])
    return found


def update_errors(new: Object, old: Object, *, approving: bool, issuing: bool) -> list[FieldError]:
    """What an update may not do: only the approver approves and denies, only the signer issues."""
    errors = []
    for type_ in _ONLY_TRUE:
        if len(of_type(new, type_)) < len(of_type(old, type_)):
            why = f"updates may not remove a condition of type {quote(type_)}"
            errors.append(forbidden("status.conditions", why))
    for type_ in () if approving else ("Approved", "Denied"):
        before, after = of_type(old, type_), of_type(new, type_)
        if len(after) > len(before):
            why = f"updates may not add a condition of type {quote(type_)}"
            errors.append(forbidden("status.conditions", why))
        elif len(after) == len(before) and after != before:
            why = f"updates may not modify a condition of type {quote(type_)}"
            errors.append(forbidden("status.conditions", why))
    return errors + _issue_errors(new, old, issuing)


def _issue_errors(new: Object, old: Object, issuing: bool) -> list[FieldError]:
    before, after = ((one.get("status") or {}).get("certificate") or "" for one in (old, new))
    if before == after:
        return []
    if not issuing:
        return [forbidden("status.certificate", "updates may not set certificate content")]
    if before:
        return [forbidden("status.certificate", "updates may not modify existing certificate content")]
    return []
