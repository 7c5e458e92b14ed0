"""Questions about access that clients put as objects, and their answers.

Kubernetes: pkg/registry/authentication, pkg/registry/authorization.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sampan.kube.access import reviewspecs
from sampan.kube.access.authentication import Tokens, user_info
from sampan.kube.access.authorization import Authorizer
from sampan.kube.access.nodes import node_of
from sampan.kube.access.rbac import Rbac, aggregate
from sampan.kube.access.tokenchecks import Refused
from sampan.kube.access.user import User
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import status

_AUTHORIZATION = "authorization.k8s.io"


@dataclass(frozen=True)
class Asking:
    """Of the request that brings a review; `now` as RFC 3339."""

    user: User
    namespace: str
    now: str


# (the decoded object, who asks) -> the answer, which may be the same object. Raises StatusError.
Review = Callable[[Object, Asking], Awaitable[Object]]


class Reviews:
    """`table` says which resource is answered by what; none of them is kept."""

    def __init__(
        self, authorizer: Authorizer, rbac: Rbac, tokens: Tokens, audiences: tuple[str, ...], *, nodes: bool
    ) -> None:
        """`audiences`: this server's own; `nodes`: it has the authorizer of nodes."""
        self._authorizer = authorizer
        self._rbac = rbac
        self._tokens = tokens
        self._audiences = audiences
        self._nodes = nodes

    def table(self) -> dict[str, Review]:
        """By the name of the resource."""
        return {
            "tokenreviews.authentication.k8s.io": self._token,
            "selfsubjectreviews.authentication.k8s.io": _self_subject,
            f"subjectaccessreviews.{_AUTHORIZATION}": self._access,
            f"localsubjectaccessreviews.{_AUTHORIZATION}": self._local_access,
            f"selfsubjectaccessreviews.{_AUTHORIZATION}": self._self_access,
            f"selfsubjectrulesreviews.{_AUTHORIZATION}": self._self_rules,
        }

    async def _token(self, review: Object, _: Asking) -> Object:
        spec: Object = review.get("spec") or {}
        token = spec.get("token") or ""
        if not token:
            raise status.bad_request("token is required for TokenReview in authentication")
        try:
            # A header has one word after the scheme.
            found = await self._tokens.verify(token.strip().split(" ")[0], spec.get("audiences") or ())
        except Refused as refusal:
            review["status"] = {"user": {}, "error": str(refusal)}
            return review
        answer: Object = {"authenticated": True, "user": user_info(found.user)}
        audiences = found.audiences or self._audiences
        if audiences:
            answer["audiences"] = list(audiences)
        review["status"] = answer
        return review

    async def _access(self, review: Object, _: Asking) -> Object:
        spec: Object = review.get("spec") or {}
        errors = reviewspecs.subject_errors(spec) + reviewspecs.metadata_errors(review, ())
        reviewspecs.require_valid(errors)
        return await self._answer(review, reviewspecs.subject(spec))

    async def _local_access(self, review: Object, asking: Asking) -> Object:
        spec: Object = review.get("spec") or {}
        reviewspecs.require_valid(
            reviewspecs.subject_errors(spec)
            + reviewspecs.metadata_errors(review, ("namespace",))
            + reviewspecs.local_errors(spec, (review.get("metadata") or {}).get("namespace") or "")
        )
        return await self._answer(review, reviewspecs.subject(spec))

    async def _self_access(self, review: Object, asking: Asking) -> Object:
        spec: Object = review.get("spec") or {}
        errors = reviewspecs.question_errors(spec) + reviewspecs.metadata_errors(review, ())
        reviewspecs.require_valid(errors)
        return await self._answer(review, asking.user)

    async def _answer(self, review: Object, user: User) -> Object:
        asked, problems = reviewspecs.attributes(review["spec"], user)
        decision = await self._authorizer.authorize(asked)
        answer: Object = {"allowed": decision.allowed}
        if decision.denied:
            answer["denied"] = True
        if decision.reason:
            answer["reason"] = decision.reason
        errors = [decision.error, *problems] if decision.error else problems
        if errors:
            answer["evaluationError"] = aggregate(errors)
        review["status"] = answer
        return review

    async def _self_rules(self, review: Object, asking: Asking) -> Object:
        namespace = (review.get("spec") or {}).get("namespace") or ""
        if not namespace:
            raise status.bad_request("no namespace on request")
        rules, errors = self._rbac.rules_for(asking.user, namespace)
        # What a node may do depends on the object, so no list of rules says it all.
        partial = self._nodes and node_of(asking.user) is not None
        if partial:
            errors = ["node authorizer does not support user rule resolution", *errors]
        answer: Object = {
            "resourceRules": [_without(rule, "nonResourceURLs") for rule in rules if rule.get("resources")],
            "nonResourceRules": [
                {"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
                for rule in rules
                if rule.get("nonResourceURLs")
            ],
            "incomplete": bool(errors),
        }
        if errors:
            answer["evaluationError"] = aggregate(errors)
        # A new object, of which nothing but the answer is told.
        return {**review, "metadata": {}, "spec": {}, "status": answer}


def _without(rule: Object, field: str) -> Object:
    return {key: value for key, value in rule.items() if key != field}


async def _self_subject(review: Object, asking: Asking) -> Object:
    metadata = review.setdefault("metadata", {})
    metadata["creationTimestamp"] = asking.now
    review["status"] = {"userInfo": user_info(asking.user)}
    return review
