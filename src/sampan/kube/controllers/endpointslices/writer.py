"""Does what a plan says, and notes what the cache has to see before there is another."""

from sampan.kube.client.informer import key_of
from sampan.kube.client.requests import Client, Object
from sampan.kube.client.resources import ENDPOINT_SLICES
from sampan.kube.controllers.endpointslices.plan import Plan
from sampan.kube.controllers.endpointslices.tracker import Tracker
from sampan.kube.controllers.servicepods import TRIGGER
from sampan.specs.kubernetes.objects import annotations_of, is_going
from sampan.specs.kubernetes.status import StatusError, has_cause


class Writer:
    def __init__(self, client: Client, tracker: Tracker) -> None:
        self._client = client
        self._tracker = tracker

    async def write(self, owner: Object, plan: Plan, trigger: str = "") -> None:
        """For an owner on its way out nothing is made: the garbage collector is at work."""
        key, namespace = key_of(owner), owner["metadata"]["namespace"]
        try:
            for value in plan.create if not is_going(owner) else ():
                made = await self._client.create(ENDPOINT_SLICES, namespace, triggered(value, trigger))
                self._tracker.wrote(key, made)
        except StatusError as error:
            if has_cause(error, "NamespaceTerminating"):
                return
            raise
        for value in plan.update:
            made = await self._client.update(ENDPOINT_SLICES, namespace, triggered(value, trigger))
            self._tracker.wrote(key, made)
        for value in plan.delete:
            await self.delete(key, value)

    async def delete(self, key: str, value: Object) -> None:
        await self._client.discard(ENDPOINT_SLICES, value)
        self._tracker.deleted(key, value)


def triggered(value: Object, trigger: str) -> Object:
    """With the time of what led to this write, or without any."""
    have = annotations_of(value)
    annotations = {key: text for key, text in have.items() if key != TRIGGER}
    if trigger:
        annotations[TRIGGER] = trigger
    metadata = {key: one for key, one in value["metadata"].items() if key != "annotations"}
    if annotations:
        metadata["annotations"] = annotations
    return {**value, "metadata": metadata}
