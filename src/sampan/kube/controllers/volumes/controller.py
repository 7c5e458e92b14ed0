"""The volume binder: what changes leads to claims and volumes, which are brought together, or apart."""

import asyncio
from collections.abc import Iterable

from sampan.kube.client.informer import key_of
from sampan.kube.client.recorder import WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CLAIMS, PODS, STORAGE_CLASSES, VOLUMES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.volumes import objects, rules
from sampan.kube.controllers.volumes.directories import delete_directory
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.podreferences import claim_keys
from sampan.specs.kubernetes.pods import is_finished, node_name
from sampan.specs.kubernetes.volumes import bound_volume, class_of, is_bound

AGAIN = 15.0  # seconds until what waits is looked at again, and told of
CLAIM_USERS = "claim"  # the index of pods by the claims that they use
UNBOUND = "unbound class"  # the index of claims that have no volume, by their class
FREE = "free class"  # the index of volumes that are nobody's, by their class
TAKEN = "taken"  # the index of the others, by the names of the claims that they are for


class Volumes:
    """`claims` handles one claim at a time, `volumes` one volume: all claims take from one heap."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = context.client
        of = context.informers.of
        self._claims, self._volumes = of(CLAIMS), of(VOLUMES)
        self._classes, self._pods = of(STORAGE_CLASSES), of(PODS)
        self._pods.index(CLAIM_USERS, claim_keys)
        self._claims.index(UNBOUND, lambda claim: () if is_bound(claim) else (class_of(claim),))
        self._volumes.index(FREE, lambda one: () if one["spec"].get("claimRef") else (class_of(one),))
        self._volumes.index(TAKEN, _taken_by)
        informers = [self._claims, self._volumes, self._classes, self._pods]
        self.claims = Controller("claims", self._reconcile_claim, informers, workers=1)
        self.volumes = Controller("volumes", self._reconcile_volume, informers, workers=1)
        self.claims.watch(self._claims)
        self.claims.watch(self._volumes, self._claims_of)
        self.claims.watch(self._classes, lambda one: self._waiting_for(one["metadata"]["name"]))
        self.volumes.watch(self._volumes)
        self.volumes.watch(self._claims, self._volumes_of)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.claims.run())
            group.create_task(self.volumes.run())

    def _claims_of(self, volume: Object) -> list[str]:
        """The claim that a volume is for; of one that is free, all that could have it."""
        return _taken_by(volume) or self._waiting_for(class_of(volume))

    def _waiting_for(self, class_name: str) -> list[str]:
        """Those that say no class too: it might have become the default."""
        found = self._claims.by(UNBOUND, class_name)
        return [key_of(one) for one in [*found, *(self._claims.by(UNBOUND, "") if class_name else ())]]

    def _volumes_of(self, claim: Object) -> Iterable[str]:
        name = (claim.get("spec") or {}).get("volumeName")
        if name:
            yield name
        for volume in self._volumes.by(TAKEN, key_of(claim)):
            yield volume["metadata"]["name"]

    # --- one claim

    async def _reconcile_claim(self, key: str) -> float | None:
        claim = self._claims.get(key)
        if claim is None:
            return None
        waiting = [] if is_bound(claim) else self._unscheduled(key)
        step = rules.claim_step(claim, self._candidates(claim), self._classes.objects, waiting)
        if step.class_name:
            await self._update_claim(
                {**claim, "spec": {**claim["spec"], "storageClassName": step.class_name}}
            )
            return None
        if step.bind is not None:
            await self._bind(step.bind, claim)
            self._context.settle(claim)
            return None
        if step.provisioner and (asking := objects.asking(claim, step.provisioner)) is not claim:
            claim = await self._update_claim(asking)
        changed = await self._write_claim(claim, step.phase, None)
        self._tell_claim(claim, step, changed=changed is not claim)
        return AGAIN if step.phase == "Pending" else None

    def _candidates(self, claim: Object) -> dict[str, Object]:
        """Volumes that could be the claim's, and the one that it names."""
        named = self._volumes.get((claim.get("spec") or {}).get("volumeName") or "")
        found = [*self._volumes.by(FREE, class_of(claim)), *self._volumes.by(TAKEN, key_of(claim))]
        return {one["metadata"]["name"]: one for one in [*found, *([named] if named is not None else [])]}

    def _unscheduled(self, key: str) -> list[str]:
        """Pods that use a claim and have no node yet."""
        users = self._pods.by(CLAIM_USERS, key)
        found = [one for one in users if not node_name(one) and not is_finished(one)]
        return sorted(str(one["metadata"]["name"]) for one in found)

    def _tell_claim(self, claim: Object, step: rules.ClaimStep, *, changed: bool) -> None:
        """That a claim has lost its volume is told once."""
        if step.event is None:
            self._context.explain(claim, "VolumeNotFound", "The volume that it asks for does not exist.")
            return
        if step.phase != "Lost" or changed:
            self._context.recorder.event(claim, step.event.kind, step.event.reason, step.event.message)
        self._context.explain(claim, step.event.reason, step.event.message)

    async def _bind(self, volume: Object, claim: Object) -> None:
        """The volume first: what is written there no other claim can take."""
        wanted = bound_volume(volume, claim)
        if wanted is not volume:
            volume = await self._client.update(VOLUMES, "", wanted)
        volume = await self._write_volume(volume, "Bound")
        chosen = objects.bound_claim(claim, volume)
        if chosen is not claim:
            claim = await self._update_claim(chosen)
        await self._write_claim(claim, "Bound", volume)

    async def _update_claim(self, claim: Object, subresource: str = "") -> Object:
        return await self._client.update(CLAIMS, claim["metadata"]["namespace"], claim, subresource)

    async def _write_claim(self, claim: Object, phase: str, volume: Object | None) -> Object:
        status = objects.claim_status(claim, phase, volume)
        if status == (claim.get("status") or {}):
            return claim
        return await self._update_claim({**claim, "status": status}, "status")

    # --- one volume

    async def _reconcile_volume(self, name: str) -> float | None:
        volume = self._volumes.get(name)
        if volume is None:
            return None
        claim = await self._claim_of(volume)
        step = rules.volume_step(volume, claim)
        if step.unbind:
            volume = await self._client.update(VOLUMES, "", objects.unbound_volume(volume))
        if step.phase:
            volume = await self._write_volume(volume, step.phase)
        if step.mismatch and claim is not None:
            self._tell_mismatch(volume, claim)
        if step.look_at_claim and claim is not None:
            self.claims.queue.add(key_of(claim))
        return await self._reclaim(volume) if step.reclaim else None

    async def _claim_of(self, volume: Object) -> Object | None:
        """The very claim that a volume is for; before it is given up, the server is asked."""
        said = volume["spec"].get("claimRef") or {}
        namespace, name = said.get("namespace") or "", said.get("name") or ""
        if not said.get("uid"):
            return None
        found = self._claims.get(f"{namespace}/{name}")
        if found is None and (volume.get("status") or {}).get("phase") in ("Released", "Failed"):
            return None
        if found is None or found["metadata"]["uid"] != said["uid"]:
            found = await self._ask_for_claim(namespace, name)
        return found if found is not None and found["metadata"]["uid"] == said["uid"] else None

    async def _ask_for_claim(self, namespace: str, name: str) -> Object | None:
        if not namespace or not name:
            return None
        return await self._client.find(CLAIMS, namespace, name)

    def _tell_mismatch(self, volume: Object, claim: Object) -> None:
        event, why = self._context.recorder.event, "due to incompatible volumeMode."
        one, other = volume["metadata"]["name"], claim["metadata"]["name"]
        to_claim = f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{other}" {why}'
        event(volume, WARNING, "VolumeMismatch", to_claim)
        to_volume = f'Cannot bind PersistentVolume "{one}" to requested PersistentVolumeClaim {why}'
        event(claim, WARNING, "VolumeMismatch", to_volume)

    async def _write_volume(self, volume: Object, phase: str, message: str = "") -> Object:
        status = volume.get("status") or {}
        if status.get("phase") == phase:
            return volume
        new = {**status, "phase": phase, "message": message}
        if not message:
            del new["message"]
        return await self._client.update(VOLUMES, "", {**volume, "status": new}, "status")

    async def _reclaim(self, volume: Object) -> float | None:
        if is_going(volume):
            return None
        found = rules.reclaiming(volume)
        event = found.event
        if found.directory:
            event = await delete_directory(found.directory)
            if event is None:
                await self._delete(volume)
                return None
        if event is None:
            self._context.explain(volume, "Released", f"It waits for {found.waits_for}.")
            return None
        written = await self._write_volume(volume, "Failed", event.message)
        if written is not volume:
            self._context.recorder.event(volume, event.kind, event.reason, event.message)
        self._context.explain(volume, event.reason, event.message)
        return AGAIN

    async def _delete(self, volume: Object) -> None:
        await self._client.discard(VOLUMES, volume)


def _taken_by(volume: Object) -> list[str]:
    """For the index TAKEN."""
    said = volume["spec"].get("claimRef")
    return [f"{said.get('namespace', '')}/{said.get('name', '')}"] if said else []
