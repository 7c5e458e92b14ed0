"""An authorizer that asks another server.

Kubernetes: staging/src/k8s.io/apiserver/plugin/pkg/authorizer/webhook.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson

from sampan.kube.access.authorization import Decision, Remote
from sampan.kube.access.expressions import Expression, Failed
from sampan.kube.access.user import Attributes
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import fields, labels

log = logging.getLogger("sampan.kube")
_REMEMBERED = 4096
NO_OPINION = Decision(False)


@dataclass(frozen=True)
class Rules:
    """How answers are used; times in seconds."""

    allowed_for: float = 300.0
    refused_for: float = 30.0
    denies_on_failure: bool = False
    conditions: Sequence[Expression] = ()


class Webhook(Remote):
    def __init__(
        self,
        ask: Callable[[bytes], Awaitable[bytes]],
        rules: Rules,
        clock: Callable[[], float] = time.monotonic,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`ask` sends a SubjectAccessReview; raises OSError or TimeoutError."""
        self._ask = ask
        self._close = close
        self._rules = rules
        self._clock = clock
        self._known: dict[bytes, tuple[float, Decision]] = {}

    async def decide(self, asked: Attributes) -> Decision:
        """See Remote."""
        spec = review_spec(asked)
        try:
            if not all(condition.value(spec) is True for condition in self._rules.conditions):
                return NO_OPINION
        except Failed as failure:
            return self._failed(str(failure))
        body = orjson.dumps(
            {
                "kind": "SubjectAccessReview",
                "apiVersion": "authorization.k8s.io/v1",
                "metadata": {},
                "spec": spec,
            }
        )
        until, known = self._known.get(body, (0.0, NO_OPINION))
        if self._clock() < until:
            return known
        try:
            decision = _decision(orjson.loads(await self._ask(body)))
        except (OSError, TimeoutError, ValueError) as error:
            return self._failed(str(error) or "the webhook took too long")
        self._remember(body, decision)
        return decision

    async def close(self) -> None:
        """See Remote."""
        if self._close:
            await self._close()

    def _failed(self, problem: str) -> Decision:
        log.warning("authorization webhook: %s", problem)
        return Decision(False, denied=self._rules.denies_on_failure, error=problem)

    def _remember(self, body: bytes, decision: Decision) -> None:
        seconds = self._rules.allowed_for if decision.allowed else self._rules.refused_for
        while len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[body] = (self._clock() + seconds, decision)


def _decision(answer: object) -> Decision:
    """Raises ValueError for what is no answer."""
    found = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(found, dict):
        raise ValueError("the webhook's answer has no status")
    allowed, denied = found.get("allowed") is True, found.get("denied") is True
    if allowed and denied:
        raise ValueError("the webhook both allowed and denied")
    return Decision(allowed, str(found.get("reason") or ""), denied, str(found.get("evaluationError") or ""))


def review_spec(asked: Attributes) -> Object:
    """A SubjectAccessReviewSpec."""
    user = asked.user
    found: Object = {
        "user": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
    spec = {key: value for key, value in found.items() if value}
    if not asked.resource:
        spec["nonResourceAttributes"] = {"path": asked.path, "verb": asked.verb}
        return spec
    resource: Object = {
        "namespace": asked.namespace,
        "verb": asked.verb,
        "group": asked.group,
        "version": asked.version,
        "resource": asked.resource,
        "subresource": asked.subresource,
        "name": asked.name,
        "fieldSelector": _fields(asked.field_selector),
        "labelSelector": _labels(asked.label_selector),
    }
    spec["resourceAttributes"] = {key: value for key, value in resource.items() if value}
    return spec


def _fields(selector: str) -> Object | None:
    try:
        terms = fields.parse(selector).terms
    except fields.BadSelector:
        return None
    found = [
        {"key": term.field, "operator": "In" if term.equal else "NotIn", "values": [term.value]}
        for term in terms
    ]
    return {"requirements": found} if found else None


_OPERATORS = {"in": "In", "=": "In", "notin": "NotIn", "!=": "NotIn", "exists": "Exists", "!": "DoesNotExist"}


def _labels(selector: str) -> Object | None:
    try:
        requirements = labels.parse(selector).requirements
    except labels.BadSelector:
        return None
    found = []
    for one in requirements:
        if one.operator in _OPERATORS:
            shown: Object = {"key": one.key, "operator": _OPERATORS[one.operator]}
            found.append({**shown, "values": sorted(one.values)} if one.values else shown)
    return {"requirements": found} if found else None
