"""Keeps as many pods as a set asks for."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sampan.errors import SampanError
from sampan.kube.client.expectations import PATIENCE, Expectations
from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import OWNER, owner_uid
from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.client.resources import PODS, REPLICA_SETS
from sampan.kube.controllers.claims import claim, settle
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.owners import ORPHANS, orphan, owner_key, selector_of, suitors
from sampan.kube.controllers.podcontrol import PodControl, from_template, slow_start
from sampan.kube.controllers.replicasets import choosing
from sampan.kube.controllers.replicasets.pace import Pace
from sampan.kube.controllers.replicasets.status import differs, min_ready_seconds, next_look, status
from sampan.specs.kubernetes import objects, pods
from sampan.specs.kubernetes.labels import Selector
from sampan.specs.kubernetes.status import StatusError, has_cause, is_not_found

WORKERS = 5


@dataclass(frozen=True)
class Kind:
    name: str
    resource: ResourcePath
    selector: Callable[[Object], Selector]
    tells_terminating: bool = True


REPLICA_SET = Kind("ReplicaSet", REPLICA_SETS, selector_of)


def controller(context: Context) -> Controller:
    return Replicas(context, REPLICA_SET).controller


class Replicas:
    """Its `controller` handles one set at a time."""

    def __init__(self, context: Context, kind: Kind) -> None:
        self._context = context
        self._kind = kind
        self._pod_control = PodControl(context)
        self._sets = context.informers.of(kind.resource)
        self._pods = context.informers.of(PODS)
        self._sets.index(OWNER, owner_uid)
        self._pods.index(OWNER, owner_uid)
        self._pods.index(ORPHANS, orphan)
        self._expected = Expectations(context.clock)
        self._pace = Pace(context.clock)
        self.controller = Controller(context.name, self._reconcile, [self._sets, self._pods], WORKERS)
        self.controller.watch(self._sets)
        self._sets.on_change(self._set_changed)
        self._pods.on_change(self._pod_changed)

    # --- what happens

    def _set_changed(self, _what: str, value: Object, old: Object | None) -> None:
        """Another one of the same name, whose predecessor was not seen to go, expects nothing."""
        if old is not None and old["metadata"]["uid"] != value["metadata"]["uid"]:
            self._expected.forget(key_of(value))

    def _pod_changed(self, what: str, pod: Object, old: Object | None) -> None:
        key = owner_key(pod, self._kind.name, self._sets)
        if old is not None and objects.owner(old) != objects.owner(pod):
            self._look_at(owner_key(old, self._kind.name, self._sets))
        if key is not None:
            if what == "delete" or objects.is_going(pod):
                self._expected.deleted(key, pod["metadata"]["uid"])
            elif what == "add":
                self._expected.created(key)
            self._look_at(key)
        elif what != "delete" and objects.owner(pod) is None:
            for suitor in suitors(pod, self._sets, self._kind.selector):
                self._look_at(suitor)

    def _look_at(self, key: str | None) -> None:
        if key is not None:
            self.controller.queue.add(key)

    # --- one set

    async def _reconcile(self, key: str) -> float | None:
        owner = self._sets.get(key)
        if owner is None:
            self._expected.forget(key)
            self._pace.forget(key)
            return None
        satisfied = self._expected.satisfied(key)
        mine = await self._claim(owner)
        active = [pod for pod in mine if not objects.is_going(pod)]
        error = None
        if satisfied and not objects.is_going(owner):
            error = await self._manage(key, owner, active)
        await self._tell(owner, active, len(mine) - len(active), error)
        self._explain(key, owner, active, error)
        if error is not None:
            raise error
        if not satisfied:
            return PATIENCE + 1  # what never comes is not waited for longer
        return self._next_look(owner, active)

    async def _claim(self, owner: Object) -> list[Object]:
        """Its pods without those that have ended, which are nobody's business and are not adopted."""
        namespace = owner["metadata"]["namespace"]
        candidates = [
            pod
            for pod in (
                *self._pods.by(OWNER, owner["metadata"]["uid"]),
                *self._pods.by(ORPHANS, namespace),
            )
            if not pods.is_finished(pod)
        ]
        found = claim(owner, self._kind.selector(owner), candidates)
        return await settle(self._context.client, found, owner, self._kind.resource, PODS)

    async def _manage(self, key: str, owner: Object, active: Sequence[Object]) -> Exception | None:
        """Make pods or delete some; what stands in the way."""
        missing = choosing.to_create(owner, active)
        if missing:
            allowed = min(missing, self._pace.left(key, choosing.wanted(owner)))
            if allowed:
                return await self._create(key, owner, allowed)
            self.controller.queue.add_after(key, self._pace.wait(choosing.wanted(owner)))
            return None
        surplus = choosing.to_delete(owner, active, self._related(owner), self._context.clock())
        return await self._delete(key, owner, surplus) if surplus else None

    async def _create(self, key: str, owner: Object, count: int) -> Exception | None:
        self._expected.expect(key, creations=count)
        pod = from_template(owner["spec"]["template"], owner)

        async def create() -> None:
            try:
                await self._pod_control.create(owner, pod)
            except StatusError as error:
                if not has_cause(error, "NamespaceTerminating"):
                    raise

        done, error = await slow_start(count, create)
        self._pace.made(key, choosing.wanted(owner), done)
        for _ in range(count - done):
            self._expected.created(key)
        return _checked(error)

    async def _delete(self, key: str, owner: Object, surplus: Sequence[Object]) -> Exception | None:
        self._expected.expect(key, deletions=[pod["metadata"]["uid"] for pod in surplus])

        async def delete(pod: Object) -> None:
            try:
                await self._pod_control.delete(owner, pod)
            except (StatusError, SampanError) as error:
                self._expected.deleted(key, pod["metadata"]["uid"])
                if not is_not_found(error):
                    raise

        results = await asyncio.gather(*map(delete, surplus), return_exceptions=True)
        return _checked(next((one for one in results if one is not None), None))

    def _related(self, owner: Object) -> list[Object]:
        """The pods of all sets that the same owner controls."""
        reference = objects.owner(owner)
        if reference is None:
            return []
        sets = self._sets.by(OWNER, reference["uid"])
        return [pod for one in sets for pod in self._pods.by(OWNER, one["metadata"]["uid"])]

    async def _tell(
        self, owner: Object, active: Sequence[Object], terminating: int, error: Exception | None
    ) -> None:
        failure = str(error) if error is not None else None
        count = terminating if self._kind.tells_terminating else None
        new = status(owner, active, count, failure, self._context.clock())
        if not differs(owner.get("status") or {}, new):
            return
        namespace = owner["metadata"]["namespace"]
        await self._context.client.update(self._kind.resource, namespace, {**owner, "status": new}, "status")

    def _explain(self, key: str, owner: Object, active: Sequence[Object], error: Exception | None) -> None:
        wanted = choosing.wanted(owner)
        if error is None and len(active) < wanted and not self._pace.left(key, wanted):
            why = "its pods vanish as soon as they are made, so that others are made only now and then"
            self._context.explain(owner, "PodsVanish", why, "see who deletes them: kubectl get events")
            return
        if error is None:
            self._context.settle(owner)
            return
        verb = "created" if len(active) < wanted else "deleted"
        message = f"has {len(active)} of {wanted} pods, and none can be {verb}: {error}"
        self._context.explain(owner, "ReplicaFailure", message, "", pods=len(active), wanted=wanted)

    def _next_look(self, owner: Object, active: Sequence[Object]) -> float | None:
        """The clock of a node may be ahead, so not later than the time that a pod is to be ready for."""
        seconds = next_look(owner, active, self._context.clock())
        return None if seconds is None else min(seconds, min_ready_seconds(owner))


def _checked(error: BaseException | None) -> Exception | None:
    """What is no failure but the end of the process goes on its way."""
    if error is None or isinstance(error, Exception):
        return error
    raise error
