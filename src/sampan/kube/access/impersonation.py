"""Acting as somebody else: asked for by headers, allowed piece by piece.

Kubernetes: staging/src/k8s.io/apiserver/pkg/endpoints/filters/impersonation.
"""

from multidict import CIMultiDictProxy

from sampan.kube.access.authorization import Authorizer
from sampan.kube.access.clientcertificates import extra_of
from sampan.kube.access.user import ANONYMOUS, Attributes, User
from sampan.kube.pki.accounttokens import groups as account_groups
from sampan.specs.kubernetes import names, status

_GROUP = "authentication.k8s.io"
_AUTHENTICATED, _UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
_PREFIX = "Impersonate-Extra-"


def is_asked(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a request wants to act as somebody else; almost none do."""
    return any(name[:12].lower() == "impersonate-" for name in headers)


async def impersonated(user: User, headers: CIMultiDictProxy[str], authorizer: Authorizer) -> User:
    """The user to act as. Raises StatusError if that, or a part of it, is not allowed."""
    name, uid = headers.get("Impersonate-User", ""), headers.get("Impersonate-Uid", "")
    groups = tuple(headers.getall("Impersonate-Group", ()))
    extra = extra_of(headers, (_PREFIX,))
    if not name:
        if groups or uid or extra:
            # Upstream's answer is 500, though it is the client who is wrong.
            raise status.bad_request("requested groups, a uid or extra fields without impersonating a user")
        return user
    account = _account(name)
    for asked in _parts(user, name, account, uid, groups, extra):
        await authorizer.require(asked)
    if account and not groups:
        groups = account_groups(account[0])
    return User(name, uid, _with_standing(name, groups), extra)


def _account(name: str) -> tuple[str, str] | None:
    """Namespace and name, if it is the user name of a service account."""
    parts = name.split(":")
    if parts[:2] != ["system", "serviceaccount"] or len(parts) != 4:
        return None
    if names.dns1123_label(parts[2]) or names.dns1123_subdomain(parts[3]):
        return None
    return parts[2], parts[3]


def _parts(
    user: User,
    name: str,
    account: tuple[str, str] | None,
    uid: str,
    groups: tuple[str, ...],
    extra: dict[str, tuple[str, ...]],
) -> list[Attributes]:
    """What has to be allowed, each for itself."""

    def asked(resource: str, value: str, group: str = "", **rest: str) -> Attributes:
        return Attributes(user, "impersonate", group, "v1", resource, name=value, **rest)

    found = [asked("serviceaccounts", account[1], namespace=account[0]) if account else asked("users", name)]
    found += [asked("groups", group) for group in groups]
    found += [
        asked("userextras", value, _GROUP, subresource=key)
        for key, values in extra.items()
        for value in values
    ]
    if uid:
        found.append(asked("uids", uid, _GROUP))
    return found


def _with_standing(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    if name == ANONYMOUS.name:
        return groups if _UNAUTHENTICATED in groups else (*groups, _UNAUTHENTICATED)
    if _AUTHENTICATED in groups or _UNAUTHENTICATED in groups:
        return groups
    return (*groups, _AUTHENTICATED)
