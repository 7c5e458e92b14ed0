"""Tokens of service accounts: made on request. tokenchecks.py is who looks at them.

Kubernetes: pkg/serviceaccount/claims.go, pkg/registry/core/serviceaccount/storage/token.go.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sampan.kube.kinds.resource import Object, Reader
from sampan.kube.pki import jws
from sampan.kube.pki.accounttokens import username
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status
from sampan.specs.kubernetes.fielderror import FieldError, invalid

GROUP = "authentication.k8s.io"
_SHORTEST, _LONGEST = 600, 1 << 32
# What kubelets ask for if a pod asks for an hour: the sign that its program may not know of renewal.
_WARNED = 3607
_EXTENDED = 365 * 24 * 3600


@dataclass(frozen=True)
class Issuer:
    """`issuers`: the first is written into tokens, all are accepted; `audiences` are this server's own."""

    issuers: tuple[str, ...]
    signing: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    verifying: tuple[jws.PublicKey, ...]  # those of signing keys included
    audiences: tuple[str, ...]
    longest: int = 0  # seconds; 0: as long as asked for
    extends: bool = True
    named: list[tuple[str, jws.PublicKey]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "named", [(jws.key_id(key), key) for key in self.verifying])

    def discovery(self, jwks_uri: str) -> Object:
        """/.well-known/openid-configuration"""
        algorithms = sorted({jws.algorithm(key) for key in self.verifying})
        return {
            "issuer": self.issuers[0],
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        }

    def jwks(self) -> Object:
        """/openid/v1/jwks"""
        return {"keys": [jws.jwk(key) for key in self.verifying]}


def request_errors(request: Object) -> list[FieldError]:
    """What is wrong with a TokenRequest."""
    seconds = request["spec"].get("expirationSeconds") or 0
    path = "spec.expirationSeconds"
    if seconds < _SHORTEST:
        return [invalid(path, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > _LONGEST:
        return [invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


def prepare(request: Object, namespace: str, name: str, reader: Reader, issuer: Issuer, now: str) -> Object:
    """Fill in a (decoded, defaulted) TokenRequest for a service account and check it; returns the account.

    Validating admission comes between this and `issue`. Raises StatusError.
    """
    metadata = request.setdefault("metadata", {})
    for key, value, what in (("name", name, "name"), ("namespace", namespace, "namespace")):
        said = metadata.get(key)
        if said and said != value:
            why = f"must match the service account {what} if specified"
            raise status.invalid(GROUP, "TokenRequest", name, [invalid(f"metadata.{key}", said, why)])
    account = reader.get("serviceaccounts", namespace, name)
    if account is None:
        raise status.not_found("", "serviceaccounts", name)
    spec = request.setdefault("spec", {})
    if not spec.get("audiences"):
        spec["audiences"] = list(issuer.audiences)
    metadata.update(
        name=name, namespace=namespace, uid=account["metadata"].get("uid", ""), creationTimestamp=now
    )
    request["status"] = {"token": "", "expirationTimestamp": None}
    errors = request_errors(request)
    if errors:
        raise status.invalid(GROUP, "TokenRequest", "", errors)
    return account


def issue(
    request: Object,
    account: Object,
    reader: Reader,
    issuer: Issuer,
    now: datetime,
    warn: Callable[[str], None],
) -> None:
    """Put the token into a TokenRequest that `prepare` has seen. Raises StatusError."""
    spec = request["spec"]
    bound = _bound_claims(spec.get("boundObjectRef"), account, reader)
    asked: int = spec["expirationSeconds"]
    if 0 < issuer.longest < asked:
        warn(f"requested expiration of {asked} seconds shortened to {issuer.longest} seconds")
        asked = spec["expirationSeconds"] = issuer.longest
    seconds = asked
    start = int(now.timestamp())
    ours = set(spec["audiences"]) <= set(issuer.audiences)
    if issuer.extends and "pod" in bound and asked == _WARNED and ours:
        seconds = _EXTENDED
        bound["warnafter"] = start + asked
    request["status"] = {
        "token": jws.sign(issuer.signing, _claims(account, bound, spec["audiences"], start, seconds, issuer)),
        "expirationTimestamp": datetime.fromtimestamp(start + asked, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _claims(
    account: Object, bound: Object, audiences: Sequence[str], start: int, seconds: int, issuer: Issuer
) -> Object:
    metadata = account["metadata"]
    warn = {"warnafter": bound.pop("warnafter")} if "warnafter" in bound else {}
    return {
        "aud": list(audiences),
        "exp": start + seconds,
        "iat": start,
        "iss": issuer.issuers[0],
        "jti": str(uuid.uuid4()),
        "kubernetes.io": {
            "namespace": metadata["namespace"],
            **bound,
            "serviceaccount": _reference(account),
            **warn,
        },
        "nbf": start,
        "sub": username(metadata["namespace"], metadata["name"]),
    }


def _reference(found: Object) -> Object:
    metadata = found["metadata"]
    uid = metadata.get("uid")
    return {"name": metadata["name"], "uid": uid} if uid else {"name": metadata["name"]}


def _bound_claims(reference: Object | None, account: Object, reader: Reader) -> Object:
    """What a token says of the object that it lives and dies with."""
    if not reference:
        return {}
    group, _, version = (reference.get("apiVersion") or "").rpartition("/")
    kind, name = reference.get("kind") or "", reference.get("name") or ""
    plural = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}.get(kind)
    if group or plural is None:
        shown = f"{group}/{version}, Kind={kind}"
        raise status.bad_request(f"cannot bind token to object of type {shown}")
    namespace = "" if kind == "Node" else account["metadata"]["namespace"]
    found = reader.get(plural, namespace, name)
    if found is None:
        raise status.not_found("", plural, name)
    if kind == "Pod":
        _must_run_as(found, account)
    uid = reference.get("uid")
    if uid and uid != found["metadata"].get("uid"):
        why = (
            f"the UID in the bound object reference ({uid}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict(group, kind, name, why)
    claims = {kind.lower(): _reference(found)}
    return {**_node_claims(found, reader), **claims} if kind == "Pod" else claims


def _must_run_as(pod: Object, account: Object) -> None:
    name = account["metadata"]["name"]
    if (pod.get("spec") or {}).get("serviceAccountName") != name:
        raise status.bad_request(
            f"cannot bind token for serviceaccount {quote(name)} to pod running with different "
            "serviceaccount name."
        )


def _node_claims(pod: Object, reader: Reader) -> Object:
    name = (pod.get("spec") or {}).get("nodeName")
    if not name:
        return {}
    node = reader.get("nodes", "", name)
    return {"node": _reference(node or {"metadata": {"name": name}})}
