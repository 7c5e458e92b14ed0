"""The kinds of tokens that need nobody else: of service accounts, from a file, for bootstrapping.

Kubernetes: staging/src/k8s.io/apiserver/pkg/authentication/token/tokenfile,
plugin/pkg/auth/authenticator/token/bootstrap.
"""

import csv
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sampan.errors import Invalid
from sampan.kube.access.tokenchecks import Verified, verify
from sampan.kube.access.tokens import Issuer
from sampan.kube.access.user import User
from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.kubernetes import bootstraptokens

_BOOTSTRAP_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class ServiceAccounts:
    """Tokens that this server's keys signed."""

    def __init__(
        self,
        issuer: Callable[[], Issuer],
        reader: Reader,
        clock: Callable[[], datetime],
        used: Callable[[str, str], None] = lambda namespace, secret: None,
    ) -> None:
        """`issuer`: with the keys of now. `used` hears of each Secret whose token was shown."""
        self._issuer, self._reader, self._clock, self._used = issuer, reader, clock, used

    async def verify(self, token: str, audiences: Sequence[str]) -> Verified | None:
        """See TokenCheck."""
        found = verify(token, self._issuer(), self._reader, self._clock(), audiences)
        if found is not None and found.secret is not None:
            self._used(*found.secret)
        return found


def _for(audiences: Sequence[str], own: Sequence[str]) -> tuple[str, ...] | None:
    """A token that names no audience is for this server: those of its own that are asked for, or None."""
    if not audiences:
        return tuple(own)
    return tuple(one for one in own if one in audiences) or None


class StaticTokens:
    """`--token-auth-file`: lines of token, user, uid and "groups,with,commas"."""

    def __init__(self, path: Path, audiences: Sequence[str]) -> None:
        """Raises Invalid for a file that is none."""
        self._audiences = audiences
        self._users: dict[str, User] = {}
        with open(path, newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.reader(file, skipinitialspace=True), 1):
                if not row:
                    continue
                if len(row) < 3 or not row[0]:
                    raise Invalid(f"{path}: line {number} must have a token, a user and a uid, has {row!r}")
                groups = tuple(row[3].split(",")) if len(row) > 3 and row[3] else ()
                self._users[row[0]] = User(row[1], row[2], groups)

    async def verify(self, token: str, audiences: Sequence[str]) -> Verified | None:
        """See TokenCheck."""
        user = self._users.get(token)
        fitting = _for(audiences, self._audiences)
        return Verified(user, fitting) if user and fitting is not None else None


class BootstrapTokens:
    """Secrets bootstrap-token-ID in kube-system, with which nodes ask for their first certificate."""

    def __init__(self, reader: Reader, clock: Callable[[], datetime], audiences: Sequence[str]) -> None:
        self._reader, self._clock, self._audiences = reader, clock, audiences

    async def verify(self, token: str, audiences: Sequence[str]) -> Verified | None:
        """See TokenCheck."""
        match = bootstraptokens.TOKEN.fullmatch(token)
        fitting = _for(audiences, self._audiences)
        if not match or fitting is None:
            return None
        secret = self._reader.get("secrets", bootstraptokens.NAMESPACE, f"{bootstraptokens.PREFIX}{match[1]}")
        if secret is None or secret.get("type") != bootstraptokens.TYPE:
            return None
        data = bootstraptokens.data_of(secret)
        if not hmac.compare_digest(data.get("token-secret", "").encode(), match[2].encode()):
            return None
        if not self._counts(secret, data, match[1]):
            return None
        groups = _groups(data.get("auth-extra-groups", ""))
        if groups is None:
            return None
        user = User(f"system:bootstrap:{match[1]}", groups=("system:bootstrappers", *groups))
        return Verified(user, fitting)

    def _counts(self, secret: Object, data: dict[str, str], identity: str) -> bool:
        if "deletionTimestamp" in secret["metadata"] or data.get("token-id") != identity:
            return False
        if data.get("usage-bootstrap-authentication") != "true":
            return False
        return bootstraptokens.ends_at(data) > self._clock().timestamp()


def _groups(text: str) -> list[str] | None:
    """None if one of them is none that such a token may give."""
    found = [one for one in dict.fromkeys(text.split(",")) if one]
    return found if all(_BOOTSTRAP_GROUP.fullmatch(one) for one in found) else None
