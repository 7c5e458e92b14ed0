"""Whether a user may do something: the authorizers of this server, one after the other.

Kubernetes: staging/src/k8s.io/apiserver/pkg/authorization/union, pkg/kubeapiserver/authorizer.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from sampan.errors import Invalid
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.nodes import NodeAuthorizer
from sampan.kube.access.rbac import Rbac
from sampan.kube.access.user import Attributes
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status

MASTERS = "system:masters"
MODES = ("AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node")


class Decision(NamedTuple):
    """`denied`: an authorizer said no, others were not asked; `error`: what could not be evaluated."""

    allowed: bool
    reason: str = ""
    denied: bool = False
    error: str = ""


class Local(Protocol):
    """An authorizer that only says yes, at once, or has no opinion and says why."""

    def authorize(self, asked: Attributes) -> tuple[bool, str]: ...


class Remote:
    """One that has to ask somebody; not allowed and not denied is no opinion."""

    async def decide(self, asked: Attributes) -> Decision:
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of connections."""


class Always:
    """The modes AlwaysAllow and AlwaysDeny."""

    def __init__(self, allowed: bool) -> None:
        self._answer = (True, "") if allowed else (False, "Everything is forbidden.")

    def authorize(self, _: Attributes) -> tuple[bool, str]:
        return self._answer


class Authorizer:
    """The first that allows or denies decides; whoever is in system:masters may do all."""

    def __init__(self, members: Sequence[Local | Remote]) -> None:
        self._members = members

    async def authorize(self, asked: Attributes) -> Decision:
        """Whether this may be done."""
        if MASTERS in asked.user.groups:
            return Decision(True)
        reasons = []
        errors = []
        for member in self._members:
            if isinstance(member, Remote):
                decision = await member.decide(asked)
            else:
                decision = Decision(*member.authorize(asked))
            if decision.allowed or decision.denied:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
            if decision.error:
                errors.append(decision.error)
        return Decision(False, "\n".join(reasons), error=", ".join(errors))

    async def close(self) -> None:
        """Let go of connections."""
        for member in self._members:
            if isinstance(member, Remote):
                await member.close()

    def authorize_locally(self, asked: Attributes) -> tuple[bool, str]:
        """The same without asking anybody else: whether it may be done, and why not."""
        if MASTERS in asked.user.groups:
            return True, ""
        reasons = []
        for member in self._members:
            if not isinstance(member, Remote):
                allowed, reason = member.authorize(asked)
                if allowed:
                    return True, reason
                reasons.append(reason)
        return False, "\n".join(reason for reason in reasons if reason)

    async def require(self, asked: Attributes) -> Decision:
        """The same, but raises the StatusError if it may not."""
        decision = await self.authorize(asked)
        if not decision.allowed:
            raise refusal(asked, decision.reason)
        return decision

    async def require_also(self, asked: Attributes) -> None:
        """Raises StatusError for what a request comes to, beyond what was allowed when it came: there,
        upstream tells only the reason.
        """
        decision = await self.authorize(asked)
        if not decision.allowed:
            raise status.forbidden(asked.group, asked.resource, asked.name, decision.reason)


def refusal(asked: Attributes, reason: str = "") -> status.StatusError:
    """What a client hears that may not do something."""
    # Upstream escapes what a browser could take for HTML.
    text = told(asked).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return status.forbidden(asked.group, asked.resource, asked.name, f"{text}: {reason}" if reason else text)


def told(asked: Attributes) -> str:
    """What is asked, as a refusal says it."""
    start = f"User {quote(asked.user.name)} cannot {asked.verb}"
    if not asked.resource:
        return f"{start} path {quote(asked.path)}"
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    where = f"in the namespace {quote(asked.namespace)}" if asked.namespace else "at the cluster scope"
    return f"{start} resource {quote(resource)} in API group {quote(asked.group)} {where}"


def from_modes(
    modes: Sequence[str], graph: Graph, rbac: Rbac, webhook: Callable[[], Remote] | None = None
) -> Authorizer:
    """As `--authorization-mode` names them, in this order."""
    members: list[Local | Remote] = []
    for mode in modes:
        if mode not in MODES:
            raise Invalid(f"authorization-mode: {quote(mode)} is not a valid mode", hint=", ".join(MODES))
        if modes.count(mode) > 1:
            raise Invalid(f"authorization-mode: {quote(mode)} has been specified twice")
        members.append(_member(mode, graph, rbac, webhook))
    if not members:
        raise Invalid("authorization-mode: at least one mode is needed", hint=", ".join(MODES))
    return Authorizer(members)


def _member(mode: str, graph: Graph, rbac: Rbac, webhook: Callable[[], Remote] | None) -> Local | Remote:
    if mode == "RBAC":
        return rbac
    if mode == "Node":
        return NodeAuthorizer(graph)
    if mode == "Webhook":
        if webhook is None:
            raise Invalid("authorization-mode Webhook needs authorization-webhook-config-file")
        return webhook()
    if mode == "ABAC":
        raise Invalid("authorization-mode ABAC is not offered", hint="use RBAC")
    return Always(mode == "AlwaysAllow")
