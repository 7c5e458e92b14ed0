"""What a job's controller does to pods and to the job: create, delete, let go of, write the status."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from sampan.errors import SampanError
from sampan.kube.client.expectations import Expectations
from sampan.kube.client.requests import STRATEGIC_PATCH, Object
from sampan.kube.client.resources import JOBS, PODS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.jobs.facts import FINALIZER, is_tracked, uid_of
from sampan.kube.controllers.jobs.templates import pod_of
from sampan.kube.controllers.jobs.view import View
from sampan.kube.controllers.podcontrol import PodControl, slow_start
from sampan.specs.kubernetes import pods
from sampan.specs.kubernetes.status import StatusError, has_cause, is_gone

AT_ONCE = 50  # requests of one controller


@dataclass(frozen=True)
class Outcome:
    """What runs after all that was done, and the first thing that went wrong."""

    active: int
    ready: int
    terminating: int
    error: Exception | None = None


class Writer:
    def __init__(self, context: Context, expected: Expectations) -> None:
        self._client = context.client
        self._pods = PodControl(context)
        self._expected = expected
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def create(self, view: View, key: str, indexes: Sequence[int | None]) -> Outcome:
        """Pods of these indexes, few at first."""
        left = iter(indexes)
        self._expected.expect(key, creations=len(indexes))

        async def make() -> None:
            index = next(left)
            waiting = view.waiting or {}
            replaced = waiting.get(index) if index is not None else None
            async with self._slots:
                await self._create(view.job, key, pod_of(view.job, index, replaced))

        done, error = await slow_start(len(indexes), make)
        for _ in left:
            self._expected.created(key)  # it was not even tried
        if error is not None and not isinstance(error, Exception):
            raise error
        return Outcome(len(view.active) + done, view.ready, view.terminating, error)

    async def _create(self, job: Object, key: str, pod: Object) -> None:
        try:
            await self._pods.create(job, pod)
        except BaseException as error:
            self._expected.created(key)
            if not (isinstance(error, StatusError) and has_cause(error, "NamespaceTerminating")):
                raise

    async def delete(self, view: View, key: str, members: Sequence[Object], *, counted: bool) -> Outcome:
        """`counted`: how they end will be in the status; if not, they are let go of at once."""
        if not counted:
            self._expected.expect(key, deletions=[uid_of(pod) for pod in members])

        async def remove(pod: Object) -> None:
            try:
                if not counted:
                    await self._let_go(pod)
                await self._pods.delete(view.job, pod)
            except BaseException as error:
                self._expected.deleted(key, uid_of(pod))
                if not is_gone(error):
                    raise

        errors = await self._all(remove, members)
        gone = [pod for pod, error in zip(members, errors, strict=True) if error is None]
        return Outcome(
            len(view.active) - len(gone),
            view.ready - sum(pods.is_ready(pod) for pod in gone),
            view.terminating + len(gone),
            first(errors),
        )

    async def release(self, members: Sequence[Object]) -> tuple[list[Object], Exception | None]:
        """Remove the finalizers; whose are gone now, and the first error."""
        errors = await self._all(self._let_go, members)
        return [pod for pod, error in zip(members, errors, strict=True) if error is None], first(errors)

    async def _let_go(self, pod: Object) -> None:
        """Of a pod that has gone, or is another by now, nothing is left to be removed."""
        if not is_tracked(pod):
            return
        metadata = pod["metadata"]
        patch = {"metadata": {"uid": metadata["uid"], "$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
        try:
            await self._client.patch(
                PODS, metadata["namespace"], metadata["name"], patch, content_type=STRATEGIC_PATCH
            )
        except StatusError as error:
            if not is_gone(error):
                raise

    async def _all(
        self, work: Callable[[Object], Awaitable[None]], values: Iterable[Object]
    ) -> list[Exception | None]:
        async def one(value: Object) -> Exception | None:
            async with self._slots:
                try:
                    await work(value)
                except (StatusError, SampanError) as error:
                    return error
            return None

        return await asyncio.gather(*(one(value) for value in values))

    async def status(self, job: Object, status: Object) -> Object:
        """The job as it is then. Raises a conflict if it has changed meanwhile."""
        return await self._client.update(
            JOBS, job["metadata"]["namespace"], {**job, "status": status}, "status"
        )


def first(errors: Iterable[Exception | None]) -> Exception | None:
    return next((error for error in errors if error is not None), None)
