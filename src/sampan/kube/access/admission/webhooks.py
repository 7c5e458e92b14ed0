"""Admission by webhooks; k8s.io/apiserver pkg/admission/plugin/webhook

Webhooks are called by a function that is given: what is here decides which, with what, and what their answers
mean.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from sampan.kube.access.admission import matching, reviewed
from sampan.kube.access.admission.conditions import Conditions, Failure
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.access.admission.webhookreviews import VERSIONS, Answer, BadAnswer, answer_of, rejection
from sampan.kube.kinds.resource import Object, Resource
from sampan.kube.schema.patches import jsonpatch
from sampan.specs.golang.json import kind_of
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status

VALIDATING = f"validatingwebhookconfigurations.{matching.GROUP}"
MUTATING = f"mutatingwebhookconfigurations.{matching.GROUP}"
_QUIET = ("None", "NoneOnDryRun")
log = logging.getLogger("sampan.kube")

# (clientConfig, the review, seconds) -> the body of the answer. Its exceptions' texts are shown to clients:
# 'Post "https://...": dial tcp ...: connect: connection refused'.
Call = Callable[[Object, Object, int], Awaitable[Any]]
# An object that a webhook has changed, decoded anew with its defaults. Raises StatusError.
Decode = Callable[[Resource, Any], Object]


class CallFailed(Exception):
    """A webhook could not be asked, or its answer is none."""


class _Webhooks(Plugin):
    def __init__(
        self, configurations: str, kinds: matching.Kinds, authorize: reviewed.Authorize, call: Call
    ) -> None:
        self._configurations = configurations
        self._kinds = kinds
        self._authorize = authorize
        self._call = call
        self._conditions: dict[int, tuple[Object, Conditions]] = {}

    def _all(self, request: AdmissionRequest) -> list[tuple[str, Object]]:
        """Each with what tells it from others: the webhooks of all configurations, by their names."""
        found = []
        listed = request.reader.list(self._configurations)
        for one in sorted(listed, key=lambda one: str(one["metadata"]["name"])):
            for at, webhook in enumerate(one.get("webhooks") or ()):
                found.append((f"{one['metadata']['name']}/{webhook['name']}/{at}", webhook))
        if len(self._conditions) > 4 * len(found) + 64:  # of configurations that have changed
            self._conditions.clear()
        return found

    def _wanted(self, webhook: Object, request: AdmissionRequest) -> Resource | None:
        """The version in which this one is to see the request; None: it is not for it. Raises StatusError."""
        seen = matching.matched_webhook(webhook, request, self._kinds)
        if seen is None or not webhook.get("matchConditions"):
            return seen
        try:
            variables = reviewed.bindings(request, seen, self._authorize)
            return seen if self._conditions_of(webhook).hold(variables) else None
        except Failure as error:
            resource = request.resource
            raise status.forbidden(resource.group, resource.plural, request.name, str(error)) from None

    def _conditions_of(self, webhook: Object) -> Conditions:
        known = self._conditions.get(id(webhook))
        if known is None or known[0] is not webhook:
            made = Conditions(webhook["matchConditions"], webhook.get("failurePolicy", "Fail"), False)
            known = self._conditions[id(webhook)] = (webhook, made)
        return known[1]

    async def _ask(
        self, webhook: Object, request: AdmissionRequest, seen: Resource, *, mutating: bool
    ) -> Answer:
        """Raises CallFailed, or StatusError."""
        name = webhook["name"]
        if request.dry_run and webhook.get("sideEffects") not in _QUIET:
            raise status.bad_request(f"admission webhook {quote(name)} does not support dry run")
        versions = webhook.get("admissionReviewVersions") or ()
        version = next((one for one in versions if one in VERSIONS), "")
        if not version:
            raise CallFailed(f"could not create admission objects: webhook does not accept {VERSIONS}")
        asked = reviewed.review(request, seen, str(uuid.uuid4()), version)
        seconds = webhook.get("timeoutSeconds") or 10
        try:
            async with asyncio.timeout(seconds):
                body = await self._call(webhook["clientConfig"], asked, seconds)
        except TimeoutError:
            raise CallFailed("failed to call webhook: context deadline exceeded") from None
        except Exception as error:
            raise CallFailed(f"failed to call webhook: {error}") from error
        try:
            answer = answer_of(body, asked, mutating=mutating)
        except BadAnswer as error:
            raise CallFailed(f"received invalid webhook response: {error}") from None
        request.warnings.extend(answer.warnings)
        for key, value in answer.annotations.items():
            request.annotations.setdefault(f"{name}/{key}", value)
        if not answer.allowed:
            raise rejection(name, answer.result)
        return answer


def _failed(webhook: Object, why: CallFailed) -> status.StatusError | None:
    """None: the webhook does without."""
    if webhook.get("failurePolicy", "Fail") == "Ignore":
        log.warning("webhook %s failed and is ignored: %s", webhook["name"], why)
        return None
    return status.internal(f"failed calling webhook {quote(webhook['name'])}: {why}")


class ValidatingWebhooks(_Webhooks):
    """All are asked at once."""

    def __init__(self, kinds: matching.Kinds, authorize: reviewed.Authorize, call: Call) -> None:
        super().__init__(VALIDATING, kinds, authorize, call)

    async def validate(self, request: AdmissionRequest) -> None:
        if matching.exempt(request):
            return
        wanted = [(one, self._wanted(one, request)) for _, one in self._all(request)]
        asked = [self._judge(one, request, seen) for one, seen in wanted if seen is not None]
        if not asked:
            return
        for error in await asyncio.gather(*asked):
            if error is not None:
                raise error

    async def _judge(
        self, webhook: Object, request: AdmissionRequest, seen: Resource
    ) -> status.StatusError | None:
        try:
            await self._ask(webhook, request, seen, mutating=False)
        except status.StatusError as error:
            return error
        except CallFailed as error:
            return _failed(webhook, error)
        return None


class MutatingWebhooks(_Webhooks):
    """One after the other; who wants to is asked once more if somebody changed the object after him."""

    def __init__(
        self, kinds: matching.Kinds, authorize: reviewed.Authorize, call: Call, decode: Decode
    ) -> None:
        super().__init__(MUTATING, kinds, authorize, call)
        self._decode = decode

    async def mutate(self, request: AdmissionRequest) -> None:
        if matching.exempt(request):
            return
        webhooks = self._all(request)
        again: list[str] = []  # who is to be asked once more, in this order
        done: list[str] = []
        for key, webhook in webhooks:
            changed, asked = await self._step(webhook, request)
            if changed:
                again += [one for one in done if one not in again]
            if asked and webhook.get("reinvocationPolicy") == "IfNeeded":
                done.append(key)
        for key, webhook in webhooks:
            if key in again:
                await self._step(webhook, request)

    async def _step(self, webhook: Object, request: AdmissionRequest) -> tuple[bool, bool]:
        """Was the object changed, and was the webhook asked?"""
        seen = self._wanted(webhook, request)
        if seen is None:
            return False, False
        try:
            answer = await self._ask(webhook, request, seen, mutating=True)
            return self._patch(webhook, request, seen, answer), True
        except CallFailed as error:
            failed = _failed(webhook, error)
            if failed is not None:
                raise failed from None
            return False, True

    def _patch(self, webhook: Object, request: AdmissionRequest, seen: Resource, answer: Answer) -> bool:
        if not answer.patch:
            return False
        operations = _operations(answer.patch)
        if not operations:
            return False
        name = quote(webhook["name"])
        if request.object is None:
            why = f"admission webhook {name} attempted to modify the object, which is not supported for this"
            raise status.internal(f"{why} operation")
        if answer.patch_type != "JSONPatch":
            raise CallFailed(f"unsupported patch type {quote(answer.patch_type)}")
        before = matching.converted(request.object, request.resource, seen) or {}
        try:
            patched = jsonpatch.apply(before, operations)
        except status.StatusError as error:
            raise status.internal(error.message) from None
        new = matching.converted(self._decode(seen, patched), seen, request.resource)
        changed = new != request.object
        request.object = new
        return changed


def _operations(patch: bytes) -> list[Any]:
    try:
        found = orjson.loads(patch)
    except orjson.JSONDecodeError as error:
        raise CallFailed(f"received undecodable patch in webhook response: {error}") from None
    if not isinstance(found, list):
        why = f"json: cannot unmarshal {kind_of(found)} into Go value of type jsonpatch.Patch"
        raise CallFailed(f"received undecodable patch in webhook response: {why}")
    return found
