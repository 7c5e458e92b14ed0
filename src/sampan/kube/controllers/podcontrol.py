"""Pods made from templates and taken away again, with the events that tell of it; upstream's PodControl."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sampan.errors import SampanError
from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import PODS
from sampan.kube.controllers.claims import owner_reference
from sampan.kube.controllers.context import Context
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.status import StatusError, has_cause, is_not_found

FIRST_BATCH = 1  # pods of the first attempt, doubled with each batch that went well


class PodControl:
    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder

    async def create(self, owner: Object, pod: Object) -> Object:
        """A pod as `from_template` makes it; raises what the server says, and tells of it in an event."""
        try:
            created = await self._client.create(PODS, owner["metadata"]["namespace"], pod)
        except (StatusError, SampanError) as error:
            if not (isinstance(error, StatusError) and has_cause(error, "NamespaceTerminating")):
                self._recorder.event(owner, WARNING, "FailedCreate", f"Error creating: {error}")
            raise
        self._recorder.event(owner, NORMAL, "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        return created

    async def delete(self, owner: Object, pod: Object) -> None:
        """This very pod. One that has gone is told by the server's 404."""
        metadata = pod["metadata"]
        options = {"preconditions": {"uid": metadata["uid"]}}
        try:
            await self._client.delete(PODS, metadata["namespace"], metadata["name"], options)
        except (StatusError, SampanError) as error:
            if not is_not_found(error):
                self._recorder.event(owner, WARNING, "FailedDelete", f"Error deleting: {error}")
            raise
        self._recorder.event(owner, NORMAL, "SuccessfulDelete", f"Deleted pod: {metadata['name']}")


def from_template(template: Object, owner: Object, name: str = "") -> Object:
    """A pod to be created: what a template says, controlled by `owner`; without a name, named after it."""
    given = template.get("metadata") or {}
    metadata: Object = {key: given[key] for key in ("labels", "annotations", "finalizers") if given.get(key)}
    metadata["namespace"] = owner["metadata"]["namespace"]
    metadata["ownerReferences"] = [owner_reference(owner)]
    if name:
        metadata["name"] = name
    else:
        metadata["generateName"] = prefix(owner["metadata"]["name"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec") or {}}


def prefix(name: str) -> str:
    """With the dash, unless a pod could not be called so."""
    dashed = f"{name}-"
    return name if names.dns1123_subdomain(names.with_suffix(dashed)) else dashed


async def slow_start(count: int, make: Callable[[], Awaitable[Any]]) -> tuple[int, BaseException | None]:
    """Call `make` so often: once, then two at a time, four, ... until one of a batch fails.

    How many went well, and the first error: what cannot be made is not tried a thousand times.
    """
    done, size = 0, FIRST_BATCH
    while done < count:
        batch = min(size, count - done)
        results = await asyncio.gather(*(make() for _ in range(batch)), return_exceptions=True)
        errors = [one for one in results if isinstance(one, BaseException)]
        done += batch - len(errors)
        if errors:
            return done, errors[0]
        size = batch * 2
    return done, None
