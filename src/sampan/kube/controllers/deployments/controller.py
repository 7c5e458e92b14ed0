"""Carries out what `plan` says, one Deployment at a time."""

from sampan.kube.client.informers import OWNER, owner_uid
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from sampan.kube.controllers.claims import claim, settle
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.deployments.draft import Plan, View, Write
from sampan.kube.controllers.deployments.plan import collided, failed, plan
from sampan.kube.controllers.deployments.scaling import rolls
from sampan.kube.controllers.deployments.sets import same_template
from sampan.kube.controllers.events import Event
from sampan.kube.controllers.owners import ORPHANS, keys, orphan, owner_key, selector_of
from sampan.specs.kubernetes import objects
from sampan.specs.kubernetes.objects import annotations_of
from sampan.specs.kubernetes.status import StatusError, has_cause, is_already_there, is_not_found

WORKERS = 5
KIND = "Deployment"


def controller(context: Context) -> Controller:
    return Deployments(context).controller


class Deployments:
    """Its `controller` handles one Deployment at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = context.client
        self._deployments = context.informers.of(DEPLOYMENTS)
        self._sets = context.informers.of(REPLICA_SETS)
        self._pods = context.informers.of(PODS)
        self._sets.index(OWNER, owner_uid)
        self._sets.index(ORPHANS, orphan)
        self._pods.index(OWNER, owner_uid)
        informers = [self._deployments, self._sets, self._pods]
        self.controller = Controller(context.name, self._reconcile, informers, WORKERS)
        self.controller.watch(self._deployments)
        self.controller.watch(self._sets, keys(self._deployments, KIND))
        self._pods.on_change(self._pod_changed)

    # --- what happens

    def _pod_changed(self, what: str, pod: Object, old: Object | None) -> None:
        """Of pods, only their end matters, and only where all must have gone before new ones come."""
        if what != "delete":
            return
        key = owner_key(pod, "ReplicaSet", self._sets)
        deployment = owner_key(self._sets.objects[key], KIND, self._deployments) if key is not None else None
        if deployment is not None and not rolls(self._deployments.objects[deployment]):
            self.controller.queue.add(deployment)

    # --- one Deployment

    async def _reconcile(self, key: str) -> float | None:
        deployment = self._deployments.get(key)
        if deployment is None:
            return None
        sets = await self._claim(deployment)
        pods = {uid: self._pods.by(OWNER, uid) for uid in (one["metadata"]["uid"] for one in sets)}
        decided = plan(View(deployment, sets, pods, self._context.clock()))
        self._tell(deployment, decided.events)
        if await self._carry_out(deployment, decided):
            self._explain(deployment, decided)
            await self._save(deployment, decided)
        return decided.again

    async def _claim(self, deployment: Object) -> list[Object]:
        namespace = deployment["metadata"]["namespace"]
        candidates = [
            *self._sets.by(OWNER, deployment["metadata"]["uid"]),
            *self._sets.by(ORPHANS, namespace),
        ]
        found = claim(deployment, selector_of(deployment), candidates)
        return await settle(self._client, found, deployment, DEPLOYMENTS, REPLICA_SETS)

    async def _carry_out(self, deployment: Object, decided: Plan) -> bool:
        """Write the sets; False if the newest could not be made, and the Deployment says so already."""
        for write in decided.writes:
            try:
                await self._write(write)
            except StatusError as error:
                if write.verb != "create":
                    raise
                await self._not_created(deployment, write.value, error)
                return False
            self._tell(deployment, write.events)
        return True

    async def _write(self, write: Write) -> None:
        metadata = write.value["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        if write.verb == "create":
            await self._client.create(REPLICA_SETS, namespace, write.value)
        elif write.verb == "update":
            await self._client.update(REPLICA_SETS, namespace, write.value)
        else:
            await self._delete(namespace, name)

    async def _delete(self, namespace: str, name: str) -> None:
        try:
            await self._client.delete(REPLICA_SETS, namespace, name)
        except StatusError as error:
            if not is_not_found(error):
                raise

    async def _not_created(self, deployment: Object, wanted: Object, error: StatusError) -> None:
        metadata = wanted["metadata"]
        if is_already_there(error):
            there = await self._client.get(REPLICA_SETS, metadata["namespace"], metadata["name"])
            if not _is_own(deployment, there):
                await self._update_status(collided(deployment))
            return  # what is there will be seen
        if has_cause(error, "NamespaceTerminating"):
            return
        told, event = failed(deployment, metadata["name"], str(error), self._context.clock())
        self._tell(deployment, [event])
        self._context.explain(deployment, event.reason, event.message)
        if told != deployment:
            await self._update_status(told)
        raise error

    async def _save(self, deployment: Object, decided: Plan) -> None:
        """The Deployment itself, if there is news."""
        if decided.restored:
            namespace = deployment["metadata"]["namespace"]
            await self._client.update(DEPLOYMENTS, namespace, decided.deployment)
        elif _shown(decided.deployment) != _shown(deployment):
            await self._update_status(decided.deployment)

    async def _update_status(self, value: Object) -> None:
        await self._client.update(DEPLOYMENTS, value["metadata"]["namespace"], value, "status")

    # --- what is told

    def _tell(self, deployment: Object, events: "tuple[Event, ...] | list[Event]") -> None:
        for event in events:
            self._context.recorder.event(deployment, event.kind, event.reason, event.message)

    def _explain(self, deployment: Object, decided: Plan) -> None:
        if decided.waits is None:
            self._context.settle(deployment)
        else:
            self._context.explain(deployment, *decided.waits)


def _is_own(deployment: Object, one: Object) -> bool:
    """Is it the very set that was to be created?"""
    same_owner = objects.is_controlled_by(one, deployment["metadata"]["uid"])
    return same_owner and same_template(deployment["spec"]["template"], one["spec"]["template"])


def _shown(deployment: Object) -> tuple[Object, Object]:
    """What a write of the status may change, as the server would keep it."""
    status = deployment.get("status") or {}
    kept = {
        name: value
        for name, value in status.items()
        if value or name in ("terminatingReplicas", "collisionCount")
    }
    return dict(annotations_of(deployment)), kept
