"""What is done for the pods of a DaemonSet, and awaited."""

import asyncio
from collections.abc import Sequence

from sampan.kube.client.expectations import Expectations
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import PODS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.daemonsets.template import HASH, pinned, template_of
from sampan.kube.controllers.daemonsets.view import Plan, View
from sampan.kube.controllers.podcontrol import PodControl, from_template, slow_start
from sampan.specs.kubernetes.status import StatusError, has_cause, is_gone

BURST = 250  # pods made and pods deleted at a time


class Writer:
    def __init__(self, context: Context, expected: Expectations) -> None:
        self._client = context.client
        self._pods = PodControl(context)
        self._expected = expected

    async def do(self, key: str, view: View, plan: Plan) -> None:
        """What is more than a burst comes later. Raises the first failure."""
        create, delete = plan.create[:BURST], plan.delete[:BURST]
        uids = [pod["metadata"]["uid"] for pod in delete]
        self._expected.expect(key, creations=len(create), deletions=uids)
        error = await self._create(key, view, create)
        errors = [error, *await asyncio.gather(*(self._delete(key, view.owner, pod) for pod in delete))]
        for one in errors:
            if one is not None:
                raise one

    async def _create(self, key: str, view: View, nodes: Sequence[str]) -> BaseException | None:
        template, left = template_of(view.owner, view.hash), iter(nodes)

        async def make() -> None:
            pod = from_template(pinned(template, next(left)), view.owner)
            try:
                await self._pods.create(view.owner, pod)
            except BaseException as error:
                self._expected.created(key)
                if not (isinstance(error, StatusError) and has_cause(error, "NamespaceTerminating")):
                    raise

        _, error = await slow_start(len(nodes), make)
        for _ in left:
            self._expected.created(key)  # it was not even tried
        return error

    async def _delete(self, key: str, owner: Object, pod: Object) -> Exception | None:
        try:
            await self._pods.delete(owner, pod)
        except Exception as error:
            self._expected.deleted(key, pod["metadata"]["uid"])
            gone = is_gone(error)
            return None if gone else error
        return None

    async def relabel(self, pod: Object, hash: str) -> None:
        """It belongs to the revision with this hash from now on."""
        metadata = pod["metadata"]
        patch = {"metadata": {"uid": metadata["uid"], "labels": {HASH: hash}}}
        await self._client.patch(PODS, metadata["namespace"], metadata["name"], patch)
