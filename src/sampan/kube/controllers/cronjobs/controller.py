"""The CronJob controller: makes jobs when they are due, and takes away old ones."""

from collections.abc import Iterable

from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import OWNER, owner_uid
from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CRON_JOBS, JOBS
from sampan.kube.client.versions import Versions
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.cronjobs import rules
from sampan.kube.controllers.cronjobs.timing import BadTiming, Timing, timing
from sampan.kube.controllers.events import Event
from sampan.specs.kubernetes import time
from sampan.specs.kubernetes.objects import is_going, owner
from sampan.specs.kubernetes.status import StatusError, is_already_there

WORKERS = 5
BEHIND = 0.5  # seconds until a CronJob is looked at again whose last change is not seen yet


class CronJobs:
    """Its `controller` handles one CronJob at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = context.client
        self._versions = Versions(context.clock)
        self._cronjobs = context.informers.of(CRON_JOBS)
        self._jobs = context.informers.of(JOBS)
        self._jobs.index(OWNER, owner_uid)
        self.controller = Controller("cronjob", self._reconcile, [self._cronjobs, self._jobs], WORKERS)
        self.controller.watch(self._cronjobs)
        self.controller.watch(self._jobs, self._owners)

    async def run(self) -> None:
        """Until cancelled."""
        await self.controller.run()

    def _owners(self, job: Object) -> Iterable[str]:
        reference = owner(job)
        if reference is not None and reference.get("kind") == "CronJob":
            found = self._cronjobs.get(f"{job['metadata']['namespace']}/{reference['name']}")
            if found is not None and found["metadata"]["uid"] == reference["uid"]:
                yield key_of(found)

    def _tell(self, cronjob: Object, events: Iterable[Event]) -> None:
        for one in events:
            self._context.recorder.event(cronjob, one.kind, one.reason, one.message)

    # --- one CronJob

    async def _reconcile(self, key: str) -> float | None:
        cronjob = self._cronjobs.get(key)
        if cronjob is None:
            self._versions.forget(key)
            return None
        if self._versions.is_behind(cronjob):
            return BEHIND
        jobs = self._jobs.by(OWNER, cronjob["metadata"]["uid"])
        if rules.strangers(cronjob, jobs):  # or is only what we know of it old?
            fresh = await self._client.get(CRON_JOBS, *self._place(cronjob))
            if fresh["metadata"]["uid"] != cronjob["metadata"]["uid"]:
                return None
            cronjob = fresh
        before = cronjob.get("status") or {}
        found = rules.review(cronjob, jobs, await self._lost(cronjob, jobs))
        self._tell(cronjob, found.events)
        cronjob = {**cronjob, "status": found.status}
        again = None
        try:
            cronjob, again = await self._make_due(cronjob)
        finally:
            cronjob = await self._clean(cronjob, jobs)
            await self._write(cronjob, before)
        return again

    def _place(self, cronjob: Object) -> tuple[str, str]:
        return cronjob["metadata"]["namespace"], cronjob["metadata"]["name"]

    async def _lost(self, cronjob: Object, jobs: Iterable[Object]) -> list[str]:
        """The uids of jobs of its status that the server does not know either."""
        children = {job["metadata"]["uid"] for job in jobs}
        lost = []
        for one in rules.active_of(cronjob):
            if one.get("uid") not in children and await self._get(cronjob, one) is None:
                lost.append(str(one.get("uid") or ""))
        return lost

    async def _get(self, cronjob: Object, reference: Object) -> Object | None:
        """The job that a reference of a CronJob's status is about. It is looked for where the CronJob is,
        whatever the status says: the rights of who wrote that may end at the namespace, and ours do not.
        """
        if not reference.get("name"):
            return None
        found = await self._client.find(JOBS, cronjob["metadata"]["namespace"], reference["name"])
        same = found is not None and found["metadata"]["uid"] == reference.get("uid")
        return found if same else None

    async def _make_due(self, cronjob: Object) -> tuple[Object, float | None]:
        """The CronJob with what was made in its status, and when to look again."""
        if is_going(cronjob):
            return cronjob, None
        if rules.spec_of(cronjob).get("suspend"):
            self._context.explain(cronjob, "Suspended", "It is suspended.", "Set spec.suspend to false.")
            return cronjob, None
        try:
            times = timing(cronjob)
            found = rules.due(cronjob, times, self._context.clock())
        except BadTiming as error:
            self._context.recorder.event(cronjob, WARNING, error.reason, str(error))
            self._context.explain(
                cronjob, error.reason, str(error), "Correct spec.schedule or spec.timeZone."
            )
            return cronjob, None
        self._tell(cronjob, found.events)
        self._explain(cronjob, found)
        if found.at is None:
            return cronjob, found.again
        if rules.spec_of(cronjob).get("concurrencyPolicy") == "Replace":
            for one in rules.active_of(cronjob):
                job = await self._get(cronjob, one)
                if job is not None and rules.is_own(cronjob, job):
                    cronjob = await self._delete(cronjob, job)
        return await self._make(cronjob, times, found.at), found.again

    def _explain(self, cronjob: Object, found: rules.Due) -> None:
        if found.events:
            last = found.events[-1]
            self._context.explain(cronjob, last.reason, last.message)
        else:
            self._context.settle(cronjob)

    async def _make(self, cronjob: Object, times: Timing, at: int) -> Object:
        wanted = rules.job_of(cronjob, times, at)
        namespace, name = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
        try:
            job = await self._client.create(JOBS, namespace, wanted)
        except StatusError as error:
            if not is_already_there(error):
                self._context.recorder.event(cronjob, WARNING, "FailedCreate", f"Error creating job: {error}")
                raise
            # Made by us, before we could write that down.
            job = await self._client.get(JOBS, namespace, name)
            if not rules.is_own(cronjob, job):
                self._context.explain(cronjob, "NameTaken", f"There is a job {name} that is not its own.")
                return cronjob
            if rules.outcome(job):
                return cronjob
        else:
            self._context.recorder.event(cronjob, NORMAL, "SuccessfulCreate", f"Created job {name}")
        active = [*rules.active_of(cronjob), rules.reference_to(job)]
        status = rules.with_active(cronjob["status"], active)
        return {**cronjob, "status": {**status, "lastScheduleTime": time.text(at)}}

    async def _clean(self, cronjob: Object, jobs: Iterable[Object]) -> Object:
        for job in rules.surplus(cronjob, jobs):
            cronjob = await self._delete(cronjob, job)
        return cronjob

    async def _delete(self, cronjob: Object, job: Object) -> Object:
        """The CronJob without the job in its status."""
        metadata = job["metadata"]
        try:
            await self._client.discard(JOBS, job, propagationPolicy="Background")
        except StatusError as error:
            self._context.recorder.event(cronjob, WARNING, "FailedDelete", f"Deleted job: {error}")
            raise
        self._context.recorder.event(cronjob, NORMAL, "SuccessfulDelete", f"Deleted job {metadata['name']}")
        left = [one for one in rules.active_of(cronjob) if one.get("uid") != metadata["uid"]]
        return {**cronjob, "status": rules.with_active(cronjob["status"], left)}

    async def _write(self, cronjob: Object, before: Object) -> None:
        if cronjob["status"] != before:
            namespace = cronjob["metadata"]["namespace"]
            self._versions.wrote(await self._client.update(CRON_JOBS, namespace, cronjob, "status"))
