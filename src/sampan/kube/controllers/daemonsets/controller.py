"""The DaemonSet controller: what there is goes in, what `manage` and `roll` decide is done."""

from collections.abc import Iterable, Sequence

from sampan.errors import SampanError
from sampan.kube.client.expectations import Expectations
from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import NAMESPACE, OWNER, owner_uid
from sampan.kube.client.recorder import WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from sampan.kube.controllers import claims, owners, revisions
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.daemonsets.amounts import ROLLING
from sampan.kube.controllers.daemonsets.backoff import Backoff
from sampan.kube.controllers.daemonsets.manage import manage
from sampan.kube.controllers.daemonsets.placement import is_moved, placements
from sampan.kube.controllers.daemonsets.rollout import roll
from sampan.kube.controllers.daemonsets.status import is_news, status_of
from sampan.kube.controllers.daemonsets.template import HASH
from sampan.kube.controllers.daemonsets.view import Plan, View, by_node
from sampan.kube.controllers.daemonsets.writer import Writer
from sampan.kube.controllers.history import History
from sampan.specs.kubernetes import hashes, labels
from sampan.specs.kubernetes.labelselector import can_select, is_empty
from sampan.specs.kubernetes.objects import is_going, labels_of
from sampan.specs.kubernetes.objects import owner as owner_of
from sampan.specs.kubernetes.pods import next_available
from sampan.specs.kubernetes.status import StatusError

WORKERS = 2


class DaemonSets:
    """Its `controller` handles one set at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sets = context.informers.of(DAEMON_SETS)
        self._pods = context.informers.of(PODS)
        self._nodes = context.informers.of(NODES)
        self._history = History(context, DAEMON_SETS)
        self._expected = Expectations(context.clock)
        self._backoff = Backoff(context.clock)
        self._writer = Writer(context, self._expected)
        self._concerned = owners.keys(self._sets, "DaemonSet")
        self._pods.index(OWNER, owner_uid)
        self.controller = Controller(context.name, self._reconcile, [self._nodes], WORKERS)
        self.controller.watch(self._sets)
        self._pods.on_change(self._pod_changed)  # expectations are met before a set is looked at for it
        self.controller.watch(self._pods, self._concerned)
        self.controller.watch(context.informers.of(CONTROLLER_REVISIONS), self._concerned)
        self._nodes.on_change(self._node_changed)

    # --- what happens

    def _pod_changed(self, what: str, pod: Object, _old: Object | None) -> None:
        if owner_of(pod) is None:
            return
        for key in self._concerned(pod):
            if what == "delete" or is_going(pod):
                self._expected.deleted(key, pod["metadata"]["uid"])
            elif what == "add":
                self._expected.created(key)

    def _node_changed(self, _what: str, node: Object, old: Object | None) -> None:
        if old is not None and _placed_by(old) == _placed_by(node):
            return
        for owner in self._sets.objects.values():
            if old is None or is_moved(owner, old, node):
                self.controller.queue.add(key_of(owner))

    # --- one set

    async def _reconcile(self, key: str) -> float | None:
        owner = self._sets.get(key)
        if owner is None:
            self._expected.forget(key)
            return None
        selector = owner["spec"].get("selector")
        if not selector or is_empty(selector):
            text = "This daemon set is selecting all pods. A non-empty selector is required."
            self._context.recorder.event(owner, WARNING, "SelectingAll", text)
            return None
        if is_going(owner) or not can_select(selector):
            return None
        return await self._handle(key, owner, labels.from_object(selector))

    async def _handle(self, key: str, owner: Object, selector: labels.Selector) -> float | None:
        known = await self._history.of(owner, selector)
        current, collisions = await self._history.latest(
            owner, known, lambda number, taken: revision(owner, number, taken), _collisions(owner)
        )
        every = self._pods.by(NAMESPACE, owner["metadata"]["namespace"])
        found = claims.claim(owner, selector, every)
        pods = await claims.settle(self._context.client, found, owner, DAEMON_SETS, PODS)
        known = await self._without_twins(owner, known, current, pods)
        view = self._view(owner, hash_of(current), pods)
        satisfied = self._expected.satisfied(key)
        plan = Plan()
        try:
            if satisfied:
                plan = await self._act(key, view)
                await self._forget(owner, known, current, pods)
        except (StatusError, SampanError) as error:
            self._context.explain(owner, "Failed", str(error))
            await self._tell(view, collisions, satisfied)
            raise
        await self._tell(view, collisions, satisfied)
        return self._again(view, plan)

    def _view(self, owner: Object, hash: str, pods: Iterable[Object]) -> View:
        where = placements(owner, self._nodes.objects.values())
        there = by_node(pods)
        held = {node: self._backoff.remaining(_held(owner, node)) for node in there}
        return View(owner, hash, where, there, self._context.clock(), held)

    async def _act(self, key: str, view: View) -> Plan:
        plan = manage(view)
        strategy = (view.owner["spec"].get("updateStrategy") or {}).get("type")
        if not plan and strategy == ROLLING:
            rolled = roll(view)
            plan = Plan(rolled.create, rolled.delete, again=plan.again, waits=rolled.waits or plan.waits)
        for kind, reason, message in plan.events:
            self._context.recorder.event(view.owner, kind, reason, message)
        for node in plan.killed:
            self._backoff.next(_held(view.owner, node))
        await self._writer.do(key, view, plan)
        if plan.waits:
            self._context.explain(view.owner, "Waiting", plan.waits)
        else:
            self._context.settle(view.owner)
        return plan

    async def _without_twins(
        self, owner: Object, known: Sequence[Object], current: Object, pods: Sequence[Object]
    ) -> list[Object]:
        """The revisions without others of the same template; their pods are the current one's."""
        name = current["metadata"]["name"]
        twins = [
            one for one in known if one.get("data") == current.get("data") and one["metadata"]["name"] != name
        ]
        for twin in twins:
            for pod in pods:
                if hash_of(twin) == labels_of(pod).get(HASH):
                    await self._writer.relabel(pod, hash_of(current))
        await self._history.delete(twins)
        return [one for one in known if one not in twins]

    async def _forget(
        self, owner: Object, known: Sequence[Object], current: Object, pods: Sequence[Object]
    ) -> None:
        """As many old revisions are kept as the set wants, and those that pods are of."""
        old = [one for one in known if one["metadata"]["name"] != current["metadata"]["name"]]
        used = {labels_of(pod).get(HASH) for pod in pods}
        live = [one["metadata"]["name"] for one in old if hash_of(one) in used]
        limit = owner["spec"].get("revisionHistoryLimit")
        if limit is not None:
            await self._history.delete(revisions.unused(old, live)[: max(len(old) - limit, 0)])

    async def _tell(self, view: View, collisions: int, acted: bool) -> None:
        owner = view.owner
        pods = self._pods.by(OWNER, owner["metadata"]["uid"])
        status = status_of(
            View(owner, view.hash, view.placements, by_node(pods), self._context.clock()), acted
        )
        if collisions:
            status["collisionCount"] = collisions
        if is_news(owner, status):
            value = {**owner, "status": status}
            await self._context.client.update(DAEMON_SETS, owner["metadata"]["namespace"], value, "status")

    def _again(self, view: View, plan: Plan) -> float | None:
        pods = self._pods.by(OWNER, view.owner["metadata"]["uid"])
        soon = next_available(pods, view.min_ready_seconds, self._context.clock())
        return min((one for one in (soon, plan.again) if one is not None), default=None)


def _placed_by(node: Object) -> object:
    """What of a node decides whether daemons run there."""
    return node["metadata"].get("labels"), (node.get("spec") or {}).get("taints")


def _held(owner: Object, node: str) -> tuple[str, int, str]:
    return owner["metadata"]["uid"], (owner.get("status") or {}).get("observedGeneration", 0), node


def _collisions(owner: Object) -> int:
    return (owner.get("status") or {}).get("collisionCount") or 0


def hash_of(revision: Object) -> str:
    """By which its pods are known."""
    metadata = revision["metadata"]
    return str((metadata.get("labels") or {}).get(HASH) or metadata["name"])


def revision(owner: Object, number: int, taken: int) -> Object:
    """Of the set's template, as it is to be made."""
    template = owner["spec"]["template"]
    hash = hashes.template_hash(template, taken or (owner.get("status") or {}).get("collisionCount"))
    given = (template.get("metadata") or {}).get("labels") or {}
    metadata: Object = {
        "name": f"{owner['metadata']['name']}-{hash}",
        "namespace": owner["metadata"]["namespace"],
        "labels": {**given, HASH: hash},
        "ownerReferences": [claims.owner_reference(owner)],
    }
    if annotations := owner["metadata"].get("annotations"):
        metadata["annotations"] = dict(annotations)
    return revisions.made(metadata, revisions.snapshot(owner), number)


def controller(context: Context) -> Controller:
    return DaemonSets(context).controller
