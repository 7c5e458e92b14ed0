"""The ControllerRevisions of one kind of owners, as they are made, numbered anew and deleted."""

from collections.abc import Callable, Iterable, Sequence

from sampan.kube.client.informers import NAMESPACE
from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.client.resources import CONTROLLER_REVISIONS
from sampan.kube.controllers import claims, revisions
from sampan.kube.controllers.context import Context
from sampan.specs.kubernetes.labels import Selector
from sampan.specs.kubernetes.status import StatusError, is_already_there, is_gone

# What makes a revision: the number it is to have, and how often its name has been found taken.
Make = Callable[[int, int], Object]


class History:
    def __init__(self, context: Context, owners: ResourcePath) -> None:
        self._client = context.client
        self._owners = owners
        self._revisions = context.informers.of(CONTROLLER_REVISIONS)

    async def of(self, owner: Object, selector: Selector) -> list[Object]:
        """The owner's, from the oldest to the newest; orphans that it selects are adopted."""
        every = self._revisions.by(NAMESPACE, owner["metadata"]["namespace"])
        found = claims.claim(owner, selector, every)
        return revisions.in_order(
            await claims.settle(self._client, found, owner, self._owners, CONTROLLER_REVISIONS)
        )

    async def latest(
        self, owner: Object, known: Sequence[Object], make: Make, collisions: int
    ) -> tuple[Object, int]:
        """The revision of the owner's template as it is now, and how often a name has been found taken."""
        choice = revisions.choose(known, revisions.snapshot(owner))
        if choice.revision is None:
            return await self._create(owner, make, choice.number, collisions)
        if choice.stays:
            return choice.revision, collisions
        renumbered = {**choice.revision, "revision": choice.number}
        namespace = owner["metadata"]["namespace"]
        return await self._client.update(CONTROLLER_REVISIONS, namespace, renumbered), collisions

    async def _create(self, owner: Object, make: Make, number: int, collisions: int) -> tuple[Object, int]:
        namespace = owner["metadata"]["namespace"]
        while True:
            revision = make(number, collisions)
            try:
                return await self._client.create(CONTROLLER_REVISIONS, namespace, revision), collisions
            except StatusError as error:
                if not is_already_there(error):
                    raise
            there = await self._client.get(CONTROLLER_REVISIONS, namespace, revision["metadata"]["name"])
            if there.get("data") == revision["data"]:
                return there, collisions
            collisions += 1

    async def delete(self, old: Iterable[Object]) -> None:
        for one in old:
            metadata = one["metadata"]
            options = {"preconditions": {"uid": metadata["uid"]}}
            try:
                await self._client.delete(
                    CONTROLLER_REVISIONS, metadata["namespace"], metadata["name"], options
                )
            except StatusError as error:
                if not is_gone(error):
                    raise
