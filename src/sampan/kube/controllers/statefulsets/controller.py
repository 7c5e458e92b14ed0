"""The StatefulSet controller: what there is goes in, what `plan` decides is done."""

from collections.abc import Iterable, Sequence

from sampan.errors import SampanError
from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import NAMESPACE, OWNER, owner_uid
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CLAIMS, CONTROLLER_REVISIONS, PODS, STATEFUL_SETS
from sampan.kube.controllers import claims, owners, revisions
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.history import History
from sampan.kube.controllers.statefulsets.identity import is_claim_of, is_member, revision_of
from sampan.kube.controllers.statefulsets.plan import Plan, View, plan
from sampan.kube.controllers.statefulsets.status import completed, is_news
from sampan.kube.controllers.statefulsets.writer import Writer
from sampan.specs.kubernetes import hashes, labels
from sampan.specs.kubernetes.labelselector import can_select
from sampan.specs.kubernetes.objects import owner as owner_of
from sampan.specs.kubernetes.pods import next_available
from sampan.specs.kubernetes.status import StatusError

HASH = "controller.kubernetes.io/hash"
WORKERS = 5


class StatefulSets:
    """Its `controller` handles one set at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sets = context.informers.of(STATEFUL_SETS)
        self._pods = context.informers.of(PODS)
        self._claims = context.informers.of(CLAIMS)
        self._history = History(context, STATEFUL_SETS)
        self._writer = Writer(context)
        self._pods.index(OWNER, owner_uid)
        concerned = owners.keys(self._sets, "StatefulSet")
        self.controller = Controller(context.name, self._reconcile, (), WORKERS)
        self.controller.watch(self._sets)
        self.controller.watch(self._pods, concerned)
        self.controller.watch(context.informers.of(CONTROLLER_REVISIONS), concerned)
        self.controller.watch(self._claims, self._users)

    def _users(self, claim: Object) -> Iterable[str]:
        """The sets of which a pod would use a claim by its name: one may wait until it has gone."""
        for owner in self._sets.by(NAMESPACE, claim["metadata"]["namespace"]):
            if is_claim_of(owner, claim["metadata"]["name"]):
                yield key_of(owner)

    async def _reconcile(self, key: str) -> float | None:
        owner = self._sets.get(key)
        if owner is None or not can_select(owner["spec"].get("selector")):
            return None
        selector = labels.from_object(owner["spec"].get("selector"))
        known = await self._history.of(owner, selector)
        pods = await self._pods_of(owner, selector)
        view = await self._view(owner, known, pods)
        decided = plan(view)
        await self._carry_out(view, decided)
        await self._forget(view, known)
        return next_available(pods, view.min_ready_seconds, view.now)

    async def _pods_of(self, owner: Object, selector: labels.Selector) -> list[Object]:
        """Orphans are adopted if they are called as the set's pods are."""
        every = self._pods.by(NAMESPACE, owner["metadata"]["namespace"])
        known = [one for one in every if owner_of(one) is not None or is_member(owner, one)]
        found = claims.claim(owner, selector, known)
        return await claims.settle(self._context.client, found, owner, STATEFUL_SETS, PODS)

    async def _view(self, owner: Object, known: Sequence[Object], pods: Sequence[Object]) -> View:
        status = owner.get("status") or {}
        collisions = status.get("collisionCount") or 0

        def make(number: int, taken: int) -> Object:
            return revision(owner, number, collisions, taken)

        update, collisions = await self._history.latest(owner, known, make, collisions)
        named = {one["metadata"]["name"]: one for one in known}
        current = named.get(status.get("currentRevision", ""), update)
        every = self._claims.by(NAMESPACE, owner["metadata"]["namespace"])
        by_name = {one["metadata"]["name"]: one for one in every}
        return View(owner, current, update, collisions, pods, by_name, self._context.clock())

    async def _carry_out(self, view: View, decided: Plan) -> None:
        """The status is told whatever comes of the rest."""
        status = decided.status
        try:
            for stage in decided.stages:
                await self._writer.do(view.owner, stage, view.parallel)
            if decided.outdated is not None:
                await self._writer.delete(view.owner, decided.outdated)
                status = {**status, "currentReplicas": max(status["currentReplicas"] - 1, 0)}
        except (StatusError, SampanError) as error:
            self._context.explain(view.owner, "Failed", str(error))
            await self._tell(view.owner, status)
            raise
        self._explain(view.owner, decided)
        await self._tell(view.owner, status)

    def _explain(self, owner: Object, decided: Plan) -> None:
        if decided.waits:
            self._context.explain(owner, "Waiting", decided.waits)
        else:
            self._context.settle(owner)

    async def _tell(self, owner: Object, status: Object) -> None:
        status = completed(owner, status)
        if is_news(owner, status):
            value = {**owner, "status": status}
            await self._context.client.update(STATEFUL_SETS, owner["metadata"]["namespace"], value, "status")

    async def _forget(self, view: View, known: Sequence[Object]) -> None:
        """As many revisions are kept as the set wants, beside those that are of use."""
        used = [view.current, view.update]
        live = [*(one["metadata"]["name"] for one in used), *map(revision_of, view.pods)]
        unused = revisions.unused(known, live)
        limit = view.owner["spec"].get("revisionHistoryLimit")
        if limit is not None:
            await self._history.delete(unused[: max(len(unused) - max(limit, 0), 0)])


def revision(owner: Object, number: int, collisions: int, taken: int) -> Object:
    """Of the set's template, as it is to be made; the label keeps the hash that was tried first."""
    data = revisions.snapshot(owner)
    raw = revisions.encoded(data)
    template = owner["spec"]["template"].get("metadata") or {}
    metadata: Object = {
        "name": revisions.named(owner, hashes.revision_hash(raw, taken)),
        "namespace": owner["metadata"]["namespace"],
        "labels": {**(template.get("labels") or {}), HASH: hashes.revision_hash(raw, collisions)},
        "ownerReferences": [claims.owner_reference(owner)],
    }
    if annotations := owner["metadata"].get("annotations"):
        metadata["annotations"] = dict(annotations)
    return revisions.made(metadata, data, number)


def controller(context: Context) -> Controller:
    return StatefulSets(context).controller
