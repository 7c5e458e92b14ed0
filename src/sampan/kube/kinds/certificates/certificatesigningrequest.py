"""Requests for certificates. Kubernetes: pkg/registry/certificates/certificates"""

from typing import Any

from sampan.kube.kinds.ages import age, duration
from sampan.kube.kinds.certificates import signing
from sampan.kube.kinds.resource import Column, Context, Object, Resource, Subresource
from sampan.specs.kubernetes.fielderror import FieldError


def _prepare_create(new: Object, context: Context) -> None:
    """Who asks is what the server knows, not what the client says."""
    spec = new.setdefault("spec", {})
    for field in ("username", "uid", "groups", "extra"):
        spec.pop(field, None)
    asking = {"username": context.user, "uid": context.uid, "groups": list(context.groups)}
    spec.update({field: value for field, value in asking.items() if value})
    if context.extra:
        spec["extra"] = {key: list(values) for key, values in context.extra.items()}
    new["status"] = {}


def _prepare_update(new: Object, old: Object, _: Context) -> None:
    new["spec"] = old.get("spec", {})
    new["status"] = old.get("status", {})


def _prepare_status(new: Object, old: Object, context: Context) -> None:
    new["spec"] = old.get("spec", {})
    status = new.setdefault("status", {})
    for type_ in ("Approved", "Denied"):
        before = signing.of_type(old, type_)
        if len(before) == len(signing.of_type(new, type_)):
            kept = iter(before)
            status["conditions"] = [
                next(kept) if one.get("type") == type_ else one for one in signing.conditions(new)
            ]
    if not status.get("conditions"):
        status.pop("conditions", None)
    _stamp(new, old, context.now)


def _prepare_approval(new: Object, old: Object, context: Context) -> None:
    """Only the conditions are the approver's."""
    _stamp(new, old, context.now)
    conditions = signing.conditions(new)
    new["spec"] = old.get("spec", {})
    kept = {key: value for key, value in (old.get("status") or {}).items() if key != "conditions"}
    new["status"] = {"conditions": conditions, **kept} if conditions else kept


def _stamp(new: Object, old: Object, now: str) -> None:
    """Conditions say when they came; one that was there in this state keeps its time."""
    for one in signing.conditions(new):
        if not one.get("lastUpdateTime"):
            one["lastUpdateTime"] = now
        if one.get("lastTransitionTime"):
            continue
        before = (
            other["lastTransitionTime"]
            for other in signing.of_type(old, one.get("type", ""))
            if other.get("status") == one.get("status") and other.get("lastTransitionTime")
        )
        one["lastTransitionTime"] = next(before, now)


def _errors(new: Object, old: Object | None) -> list[FieldError]:
    return (
        signing.spec_errors(new, old)
        + signing.condition_errors(new, old)
        + signing.certificate_errors(new, old)
    )


def _validate(new: Object, _: Context) -> list[FieldError]:
    return _errors(new, None)


def _validate_update(new: Object, old: Object, _: Context) -> list[FieldError]:
    return _errors(new, old) + signing.update_errors(new, old, approving=False, issuing=False)


def _validate_status(new: Object, old: Object, _: Context) -> list[FieldError]:
    return _errors(new, old) + signing.update_errors(new, old, approving=False, issuing=True)


def _validate_approval(new: Object, old: Object, _: Context) -> list[FieldError]:
    return _errors(new, old) + signing.update_errors(new, old, approving=True, issuing=False)


def _signer_name(request: Object) -> str:
    return (request.get("spec") or {}).get("signerName") or ""


def _condition(request: Object) -> str:
    types = {one.get("type") for one in signing.conditions(request)}
    found = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    if "Failed" in types:
        found += ",Failed"
    return f"{found},Issued" if (request.get("status") or {}).get("certificate") else found


def _cells(request: Object, now: float) -> list[Any]:
    spec: Object = request.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    return [
        age(request["metadata"].get("creationTimestamp"), now),
        spec.get("signerName") or "<none>",
        spec.get("username", ""),
        "<none>" if seconds is None else duration(seconds),
        _condition(request),
    ]


# Tables describe these as v1beta1 did.
_SIGNER = """\
Requested signer for the request. It is a qualified name in the form: `scope-hostname.io/name`. \
If empty, it will be defaulted:
 1. If it's a kubelet client certificate, it is assigned
    "kubernetes.io/kube-apiserver-client-kubelet".
 2. If it's a kubelet serving certificate, it is assigned
    "kubernetes.io/kubelet-serving".
 3. Otherwise, it is assigned "kubernetes.io/legacy-unknown".
Distribution of trust for signers happens out of band. \
You can select on this field using `spec.signerName`."""

RESOURCE = Resource(
    kind="CertificateSigningRequest",
    plural="certificatesigningrequests",
    group="certificates.k8s.io",
    namespaced=False,
    short_names=("csr",),
    names="any",
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    subresources=(
        Subresource("approval", prepare_update=_prepare_approval, validate_update=_validate_approval),
        Subresource("status", prepare_update=_prepare_status, validate_update=_validate_status),
    ),
    reset_fields={
        "": ("spec", "status"),
        "approval": ("spec", "status.certificate"),
        "status": ("spec", "status.conditions"),
    },
    selectable={"spec.signerName": _signer_name},
    namespace_selectable=False,
    columns=(
        Column("Name", format="name", describe="metadata.name"),
        Column("Age", describe="metadata.creationTimestamp"),
        Column("SignerName", description=_SIGNER),
        Column("Requestor", description="Base64-encoded PKCS#10 CSR data"),
        Column("RequestedDuration", describe="spec.expirationSeconds"),
        Column("Condition", description="Conditions applied to the request, such as approval or denial."),
    ),
    cells=_cells,
)
