"""The HorizontalPodAutoscaler controller: every 15 seconds each target is measured, and scaled if need be."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sampan.errors import Failed, SampanError
from sampan.kube.client.informer import key_of
from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import AUTOSCALERS, PODS
from sampan.kube.client.scales import Kinds
from sampan.kube.controllers.autoscaling import target
from sampan.kube.controllers.autoscaling.behavior import History, normalized
from sampan.kube.controllers.autoscaling.conditions import ABLE, ACTIVE, LIMITED, Draft, Told
from sampan.kube.controllers.autoscaling.measured import Found, Measure, Scaled, Unmeasured
from sampan.kube.controllers.autoscaling.metrics import Metrics
from sampan.kube.controllers.autoscaling.usage import tolerance_of
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes.labels import Selector
from sampan.specs.kubernetes.status import StatusError

log = logging.getLogger("sampan.kube")

PERIOD = 15.0  # seconds
WORKERS = 5
FAILURES = (StatusError, SampanError)


@dataclass(frozen=True)
class Case:
    """One autoscaler at one turn: itself, what it scales, and its status to be."""

    key: str
    autoscaler: Object
    scale: target.Scale
    draft: Draft

    @property
    def namespace(self) -> str:
        return str(self.autoscaler["metadata"]["namespace"])

    @property
    def least(self) -> int:
        return int(self.autoscaler["spec"].get("minReplicas", 1))

    @property
    def most(self) -> int:
        return int(self.autoscaler["spec"]["maxReplicas"])


class Autoscalers:
    """Its `controller` handles one autoscaler at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known = context.informers.of(AUTOSCALERS)
        pods = context.informers.of(PODS)
        self._selectors = target.Selectors(pods)
        self._kinds = Kinds(context.client, context.clock)
        self._measure = Measure(Metrics(context.client, self._kinds))
        self._histories: dict[str, History] = {}
        self.controller = Controller(context.name, self._reconcile, [self._known, pods], WORKERS)
        self._known.on_change(self._changed)

    def _changed(self, _what: str, autoscaler: Object, _old: Object | None) -> None:
        """Never earlier than the next turn, however often it changes."""
        self.controller.queue.add_after(key_of(autoscaler), PERIOD)

    async def _reconcile(self, key: str) -> float | None:
        autoscaler = self._known.get(key)
        if autoscaler is None:
            self._histories.pop(key, None)
            self._selectors.forget(key)
            return None
        draft = Draft(autoscaler, self._context.clock())
        try:
            await self._scale(key, autoscaler, draft)
            self._explain(autoscaler, draft)
        except FAILURES as error:
            self._context.explain(autoscaler, "Failed", str(error))
            log.info("%s: %s: %s", self._context.name, key, error)
        await self._tell(autoscaler, draft)
        return PERIOD

    def _explain(self, autoscaler: Object, draft: Draft) -> None:
        limited = draft.told(LIMITED)
        if limited is not None and limited.status == "True":
            self._context.explain(autoscaler, limited.reason, limited.message)
        else:
            self._context.settle(autoscaler)

    async def _tell(self, autoscaler: Object, draft: Draft) -> None:
        if draft.status == (autoscaler.get("status") or {}):
            return
        namespace = autoscaler["metadata"]["namespace"]
        value = {**autoscaler, "status": draft.status}
        try:
            await self._context.client.update(AUTOSCALERS, namespace, value, "status")
        except FAILURES as error:
            self._event(autoscaler, WARNING, "FailedUpdateStatus", str(error))

    def _event(self, autoscaler: Object, kind: str, reason: str, message: str) -> None:
        self._context.recorder.event(autoscaler, kind, reason, message)

    # --- what is scaled

    async def _scale(self, key: str, autoscaler: Object, draft: Draft) -> None:
        """Raises what there is to be told of at the end; the target may have been scaled all the same."""
        try:
            scale = await target.read(self._context.client, self._kinds, autoscaler)
        except FAILURES as error:
            self._event(autoscaler, WARNING, "FailedGetScale", str(error))
            text = f"the HPA controller was unable to get the target's current scale: {error}"
            draft.tell(ABLE, Told("False", "FailedGetScale", text))
            raise
        text = "the HPA controller was able to get the target's current scale"
        draft.tell(ABLE, Told("True", "SucceededGetScale", text))
        case, current = Case(key, autoscaler, scale, draft), scale.wanted
        self._histories.setdefault(key, History(((self._context.clock(), current),)))
        if not current and case.least:
            text = "scaling is disabled since the replica count of the target is zero"
            draft.tell(ACTIVE, Told("False", "ScalingDisabled", text))
            draft.count(current, (), current)
        elif current > case.most:
            await self._rescale(case, case.most, "Current number of replicas above Spec.MaxReplicas", ())
        elif current < case.least:
            await self._rescale(case, case.least, "Current number of replicas below Spec.MinReplicas", ())
        else:
            await self._follow_metrics(case)

    async def _rescale(self, case: Case, replicas: int, why: str, metrics: Sequence[Object]) -> None:
        current, draft, value = case.scale.wanted, case.draft, case.scale.with_replicas(replicas)
        try:
            await self._context.client.update(case.scale.path, case.namespace, value, "scale")
        except FAILURES as error:
            text = f"New size: {replicas}; reason: {why}; error: {error}"
            self._event(case.autoscaler, WARNING, "FailedRescale", text)
            text = f"the HPA controller was unable to update the target scale: {error}"
            draft.tell(ABLE, Told("False", "FailedUpdateScale", text))
            draft.count(current, metrics)
            raise
        text = f"the HPA controller was able to update the target scale to {replicas}"
        draft.tell(ABLE, Told("True", "SucceededRescale", text))
        text = f"New size: {replicas}; reason: {why}"
        self._event(case.autoscaler, NORMAL, "SuccessfulRescale", text)
        behavior, history = case.autoscaler["spec"].get("behavior"), self._histories[case.key]
        self._histories[case.key] = history.scaled(current, replicas, behavior, self._context.clock())
        draft.count(current, metrics, replicas)
        draft.scaled()

    # --- what is measured

    async def _follow_metrics(self, case: Case) -> None:
        try:
            selector = self._selectors.of(case.key, case.scale)
        except target.Unfit as error:
            self._event(case.autoscaler, WARNING, error.event, error.message)
            case.draft.tell(ACTIVE, Told("False", error.reason, error.told))
            raise self._uncomputed(case, (), error.message) from error
        found = await self._all(case.autoscaler, self._scaled(case, selector))
        statuses = [one.status if isinstance(one, Found) else {"type": ""} for one in found]
        good = [one for one in found if isinstance(one, Found)]
        failed = [one for one in found if isinstance(one, Unmeasured)]
        best = max(good, key=lambda one: one.replicas, default=None)
        whole = f"invalid metrics ({len(failed)} invalid out of {len(found)}), first error is: "
        whole += str(failed[0]) if failed else ""
        # With one of several metrics missing, it is not known whether fewer would do.
        if best is None or (failed and best.replicas < case.scale.wanted):
            reason, message = (failed[0].reason, failed[0].message) if failed else ("", "no metrics")
            text = f"the HPA was unable to compute the replica count: {message}"
            case.draft.tell(ACTIVE, Told("False", reason, text))
            raise self._uncomputed(case, statuses, whole)
        text = f"the HPA was able to successfully calculate a replica count from {best.name}"
        case.draft.tell(ACTIVE, Told("True", "ValidMetricFound", text))
        await self._follow(case, best, statuses)
        if failed:
            raise Failed(whole)

    def _scaled(self, case: Case, selector: Selector) -> Scaled:
        return Scaled(
            case.namespace,
            case.scale.wanted,
            case.scale.there,
            selector,
            self._selectors.pods(case.namespace, selector),
            tolerance_of(case.autoscaler),
            self._context.clock(),
        )

    def _uncomputed(self, case: Case, statuses: Sequence[Object], message: str) -> Failed:
        case.draft.count(case.scale.wanted, statuses)
        self._event(case.autoscaler, WARNING, "FailedComputeMetricsReplicas", message)
        return Failed(message)

    async def _all(self, autoscaler: Object, scaled: Scaled) -> list[Found | Unmeasured]:
        """Each metric as it was found, or why it was not."""
        found: list[Found | Unmeasured] = []
        for spec in autoscaler["spec"].get("metrics") or ():
            try:
                found.append(await self._measure.of(spec, scaled))
            except Unmeasured as error:
                self._event(autoscaler, WARNING, error.reason, error.message)
                found.append(error)
        return found

    async def _follow(self, case: Case, best: Found, statuses: Sequence[Object]) -> None:
        current, wanted = case.scale.wanted, best.replicas
        why = f"{best.name} above target" if wanted > current else "All metrics below target"
        behavior, history = case.autoscaler["spec"].get("behavior"), self._histories[case.key]
        now = self._context.clock()
        outcome = normalized(history, current, wanted, case.least, case.most, behavior, now)
        self._histories[case.key] = outcome.history
        case.draft.tell(ABLE, outcome.able)
        case.draft.tell(LIMITED, outcome.limited)
        if outcome.replicas != current:
            await self._rescale(case, outcome.replicas, why if wanted != current else "", statuses)
        else:
            case.draft.count(current, statuses, current)


def controller(context: Context) -> Controller:
    return Autoscalers(context).controller
