"""Tokens of service accounts: who somebody is that shows one, and whether it still counts.

Kubernetes: pkg/serviceaccount/{claims,legacy,jwt}.go.
"""

import base64
import hmac
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sampan.kube.access.tokens import Issuer
from sampan.kube.access.user import User
from sampan.kube.kinds.resource import Object, Reader
from sampan.kube.pki import jws
from sampan.kube.pki.accounttokens import INVALID_SINCE, groups, username
from sampan.kube.pki.accounttokens import ISSUER as LEGACY_ISSUER
from sampan.specs.golang.quote import quote

# Go's JWT library forgives clocks that differ by this much.
_LEEWAY = 60


class Refused(Exception):
    """A token that is none of ours, or no longer; the text may be told to whoever showed it."""


class Verified(NamedTuple):
    """Who it is, whom the token was made for, and what the audit log is to say of it."""

    user: User
    audiences: tuple[str, ...] = ()
    annotations: Mapping[str, str] = {}
    secret: tuple[str, str] | None = None  # namespace and name, if the token stands in one


def verify(
    token: str, issuer: Issuer, reader: Reader, now: datetime, audiences: Sequence[str] = ()
) -> Verified | None:
    """None: it is none of ours. `audiences`: whom it must be for, if not this server. Raises Refused."""
    try:
        header, claims = jws.parse(token)
    except jws.BadToken:
        return None
    said = claims.get("iss")
    if said != LEGACY_ISSUER and said not in issuer.issuers:
        return None
    try:
        jws.verify(token, header, issuer.named)
    except jws.BadToken as error:
        raise Refused("invalid signature") from error
    wanted = tuple(audiences) or issuer.audiences
    if said == LEGACY_ISSUER:
        # These are for this server, whoever asks for whom.
        fitting = tuple(one for one in wanted if one in issuer.audiences)
        return _verify_legacy(token, claims, fitting, reader) if fitting else None
    found = claims.get("aud")
    own = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    fitting = tuple(one for one in own if one in wanted)
    if not fitting:
        raise Refused(f"token audiences {_list(own)} is invalid for the target audiences {_list(wanted)}")
    return _verify_bound(claims, fitting, reader, now)


def _list(values: Sequence[Any]) -> str:
    """Strings as Go's %q prints a slice."""
    return "[" + " ".join(quote(str(value)) for value in values) + "]"


def _number(claims: Mapping[str, Any], name: str) -> float:
    found = claims.get(name)
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else 0


def _verify_bound(
    claims: Mapping[str, Any], audiences: tuple[str, ...], reader: Reader, now: datetime
) -> Verified:
    time = now.timestamp()
    if time - _LEEWAY > _number(claims, "exp"):
        raise Refused("service account token has expired")
    if time + _LEEWAY < _number(claims, "nbf"):
        raise Refused("service account token is not valid yet")
    private = _part(claims, "kubernetes.io")
    namespace = _text(private, "namespace")
    account = _part(private, "serviceaccount")
    _must_exist(reader, "serviceaccounts", namespace, account, time)
    extra: dict[str, tuple[str, ...]] = {}
    for kind, plural in (("secret", "secrets"), ("pod", "pods"), ("node", "nodes")):
        reference = private.get(kind)
        if not isinstance(reference, dict):
            continue
        # The node of a pod is told, not looked at: the pod is what the token is bound to.
        if kind != "node" or "pod" not in private:
            _must_exist(reader, plural, "" if kind == "node" else namespace, reference, time)
        if kind != "secret":
            extra |= _told(kind, reference)
    if _text(claims, "jti"):
        extra["authentication.kubernetes.io/credential-id"] = (f"JTI={_text(claims, 'jti')}",)
    user = _user(namespace, account, extra)
    warn = _number(private, "warnafter")
    annotations = {}
    if warn and time > warn:
        stale = f"subject: {user.name}, seconds after warning threshold: {int(time - warn)}"
        annotations["authentication.k8s.io/stale-token"] = stale
    return Verified(user, audiences, annotations)


def _told(kind: str, reference: Object) -> dict[str, tuple[str, ...]]:
    start = f"authentication.kubernetes.io/{kind}"
    found = {f"{start}-name": _text(reference, "name"), f"{start}-uid": _text(reference, "uid")}
    return {key: (value,) for key, value in found.items() if value}


def _user(namespace: str, account: Mapping[str, Any], extra: Mapping[str, tuple[str, ...]]) -> User:
    name = username(namespace, _text(account, "name"))
    return User(name, _text(account, "uid"), (*groups(namespace), "system:authenticated"), extra)


def _part(claims: Mapping[str, Any], name: str) -> Object:
    found = claims.get(name)
    return found if isinstance(found, dict) else {}


def _text(claims: Mapping[str, Any], name: str) -> str:
    found = claims.get(name)
    return found if isinstance(found, str) else ""


def _deleted(found: Object, time: float) -> bool:
    at = found["metadata"].get("deletionTimestamp")
    return bool(at) and datetime.fromisoformat(at).timestamp() < time - _LEEWAY


def _must_exist(reader: Reader, plural: str, namespace: str, reference: Object, time: float) -> None:
    """What a token is bound to must be there, and the same as then."""
    name, uid = _text(reference, "name"), _text(reference, "uid")
    found = reader.get(plural, namespace, name)
    account = plural == "serviceaccounts"
    if found is None:
        missing = f"serviceaccounts {quote(name)} not found"
        raise Refused(missing if account else "service account token has been invalidated")
    if _deleted(found, time):
        gone = f"service account {namespace}/{name} has been deleted"
        raise Refused(gone if account else "service account token has been invalidated")
    actual = found["metadata"].get("uid", "")
    if actual != uid and account:
        raise Refused(f"service account UID ({actual}) does not match claim ({uid})")
    if actual != uid:
        kind = plural[:-1]
        shown = kind.capitalize() if kind == "secret" else kind
        raise Refused(f"{shown} UID ({actual}) does not match service account {kind} ref claim ({uid})")


def _verify_legacy(
    token: str, claims: Mapping[str, Any], audiences: tuple[str, ...], reader: Reader
) -> Verified:
    prefix = "kubernetes.io/serviceaccount"
    namespace = _text(claims, f"{prefix}/namespace")
    name = _text(claims, f"{prefix}/service-account.name")
    account = {"name": name, "uid": _text(claims, f"{prefix}/service-account.uid")}
    if _text(claims, "sub") != username(namespace, name):
        raise Refused("sub claim is invalid")
    secret = reader.get("secrets", namespace, _text(claims, f"{prefix}/secret.name"))
    kept = ((secret or {}).get("data") or {}).get("token", "")
    if secret is None or "deletionTimestamp" in secret["metadata"] or not _is(kept, token):
        raise Refused("service account token has been invalidated")
    if INVALID_SINCE in (secret["metadata"].get("labels") or {}):
        raise Refused("the token in secret has been marked invalid. Use tokens from the TokenRequest API")
    _must_exist(reader, "serviceaccounts", namespace, account, math.inf)
    annotations = {"authentication.k8s.io/legacy-token": username(namespace, name)}
    place = (namespace, secret["metadata"]["name"])
    return Verified(_user(namespace, account, {}), audiences, annotations, place)


def _is(kept: str, token: str) -> bool:
    return hmac.compare_digest(kept.encode(), base64.b64encode(token.encode()))
