"""How many requests are served at once; the rest hear that they should come again.

Two bounds, of reading and of writing requests, as --max-requests-inflight and
--max-mutating-requests-inflight. Nothing is queued: upstream's priority and fairness exists here as objects
only, so no answer has X-Kubernetes-PF-FlowSchema-UID, which says which schema a request fell under.
Kubernetes: staging/src/k8s.io/apiserver/pkg/server/filters/maxinflight.go.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sampan.kube.access.user import Attributes
from sampan.specs.kubernetes.status import StatusError

_READING = ("get", "list", "head", "options")
_LONG_SUBRESOURCES = ("attach", "exec", "log", "portforward", "proxy")
_HEALTH = ("/healthz", "/livez", "/readyz")
# Who keeps the cluster alive: leaders, nodes' heartbeats, administrators.
_EXEMPT_GROUPS = ("system:masters", "system:nodes")
_EXEMPT_USERS = ("system:kube-controller-manager", "system:kube-scheduler", "system:apiserver")
AGAIN = 1  # seconds
MESSAGE = "Too many requests, please try again later."


def is_long(asked: Attributes) -> bool:
    """A request that lasts as long as its client likes; such are not counted."""
    return asked.verb in ("watch", "proxy") or asked.subresource in _LONG_SUBRESOURCES


def is_exempt(asked: Attributes) -> bool:
    """Leases, health and the system's own traffic are served in any case."""
    if asked.resource == "leases" or (not asked.resource and asked.path.startswith(_HEALTH)):
        return True
    user = asked.user
    return user.name in _EXEMPT_USERS or any(group in user.groups for group in _EXEMPT_GROUPS)


class Limits:
    """0 is no limit."""

    def __init__(self, reading: int = 400, mutating: int = 200) -> None:
        self._most = {True: reading, False: mutating}
        self.running = {True: 0, False: 0}

    @contextmanager
    def admit(self, asked: Attributes) -> Iterator[None]:
        """While this lasts, the request counts; raises TooManyRequests if there are too many already."""
        if is_long(asked) or is_exempt(asked):
            yield
            return
        reading = asked.verb in _READING
        if 0 < self._most[reading] <= self.running[reading]:
            raise refusal()
        self.running[reading] += 1
        try:
            yield
        finally:
            self.running[reading] -= 1


def refusal() -> StatusError:
    """429; the answer has Retry-After with the same number of seconds."""
    return StatusError("TooManyRequests", MESSAGE, {"retryAfterSeconds": AGAIN})
