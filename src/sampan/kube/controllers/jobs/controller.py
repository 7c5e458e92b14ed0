"""The job controller: what changes leads to a job, which is looked at, helped on, and counted.

Changes of pods are looked at together, a second later: a big job's pods end by hundreds.
"""

import asyncio
from dataclasses import replace

from sampan.kube.client.expectations import PATIENCE, Expectations
from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import OWNER, owner_uid
from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import JOBS, PODS
from sampan.kube.client.versions import Versions
from sampan.kube.controllers.claims import claim, settle
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.jobs import reasons, tracking
from sampan.kube.controllers.jobs.backoff import Backoff
from sampan.kube.controllers.jobs.ending import COMPLETIONS, Ending, deadline_in, ending, is_complete
from sampan.kube.controllers.jobs.facts import (
    FINALIZER,
    is_ours,
    is_over,
    is_suspended,
    is_tracked,
    spec_of,
    status_of,
    uid_of,
)
from sampan.kube.controllers.jobs.plan import Plan, plan
from sampan.kube.controllers.jobs.view import View, look
from sampan.kube.controllers.jobs.writer import Outcome, Writer
from sampan.kube.controllers.owners import ORPHANS, orphan, owner_key, selector_of, suitors
from sampan.specs.kubernetes.objects import is_going, owner

BATCH = 1.0  # seconds
WORKERS = 5
MODES = (None, "NonIndexed", "Indexed")


class Jobs:
    """Its `controller` handles one job at a time; `orphans`, pods that are held for a job that has gone."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._jobs = context.informers.of(JOBS)
        self._pods = context.informers.of(PODS)
        self._pods.index(OWNER, owner_uid)
        self._pods.index(ORPHANS, orphan)
        self._expected = Expectations(context.clock)
        self._writer = Writer(context, self._expected)
        self._removing: dict[str, set[str]] = {}  # by job: pods whose finalizers were removed just now
        self._backoffs: dict[str, Backoff] = {}
        self._versions = Versions(context.clock)
        informers = [self._jobs, self._pods]
        self.controller = Controller("job", self._reconcile, informers, WORKERS)
        self.orphans = Controller("job-orphans", self._let_go, informers, 1)
        self._jobs.on_change(self._job_changed)
        self._pods.on_change(self._pod_changed)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.controller.run())
            group.create_task(self.orphans.run())

    # --- what happens

    def _job_changed(self, what: str, job: Object, old: Object | None) -> None:
        key = key_of(job)
        if old is not None and old["metadata"].get("generation") == job["metadata"].get("generation"):
            self.controller.queue.add_after(key, BATCH)
        else:
            self.controller.queue.add(key)
        if what == "delete" or is_over(job):
            for pod in self._pods.by(OWNER, uid_of(job)):
                if is_tracked(pod):
                    self.orphans.queue.add(key_of(pod))

    def _pod_changed(self, what: str, pod: Object, old: Object | None) -> None:
        gone = what == "delete"
        before = self._job_of(old) if old is not None else None
        job = self._job_of(pod)
        for one in (before, job):
            if one is not None:
                self._observe(key_of(one), pod, gone)
                self.controller.queue.add_after(key_of(one), BATCH)
        if job is not None and what == "add" and not is_going(pod):
            self._expected.created(key_of(job))
        if is_tracked(pod) and not gone and (job is None or is_over(job)):
            self.orphans.queue.add(key_of(pod))
        if owner(pod) is None and not gone and (old is None or _differs(old, pod)):
            for key in suitors(pod, self._jobs, selector_of):
                self.controller.queue.add_after(key, BATCH)

    def _observe(self, key: str, pod: Object, gone: bool) -> None:
        if gone or not is_tracked(pod):
            self._removing.get(key, set()).discard(uid_of(pod))
        if gone or is_going(pod):
            self._expected.deleted(key, uid_of(pod))

    def _job_of(self, pod: Object) -> Object | None:
        """The job that controls a pod, if there is one."""
        key = owner_key(pod, "Job", self._jobs)
        return None if key is None else self._jobs.get(key)

    # --- one pod that has no job any more

    async def _let_go(self, key: str) -> None:
        pod = self._pods.get(key)
        if pod is None:
            return
        reference = owner(pod)
        if reference is not None:
            if reference.get("kind") != "Job" or reference.get("apiVersion") != JOBS.api_version:
                return
            job = self._job_of(pod)
            if job is not None and not (is_over(job) and is_ours(job)):
                return
        _, error = await self._writer.release([pod])
        if error is not None:
            raise error

    # --- one job

    async def _reconcile(self, key: str) -> float | None:
        job = self._jobs.get(key)
        if job is None or is_over(job):
            self._forget(key, job)
            return None
        if not is_ours(job):
            return None
        if self._versions.is_behind(job):
            return BATCH
        if spec_of(job).get("completionMode") not in MODES:
            message = "Skipped Job sync because completion mode is unknown"
            self._context.recorder.event(job, WARNING, "UnknownCompletionMode", message)
            return None
        satisfied = self._expected.satisfied(key)
        view = await self._look(key, job)
        end = ending(view)
        if end is not None:
            outcome = await self._writer.delete(view, key, view.active, counted=True)
            if outcome.active or not satisfied:
                end = None  # pods may be left that are still to be stopped, or to be seen
            await self._record(key, job, view, outcome, end, None)
            return None if satisfied else PATIENCE + 1
        return await self._go_on(key, job, view, satisfied)

    def _forget(self, key: str, job: Object | None) -> None:
        self._backoffs.pop(key, None)
        if job is None:
            self._expected.forget(key)
            self._versions.forget(key)
            self._removing.pop(key, None)
        else:
            self._context.settle(job)

    async def _look(self, key: str, job: Object) -> View:
        orphans = self._pods.by(ORPHANS, job["metadata"]["namespace"])
        found = claim(job, selector_of(job), [*self._pods.by(OWNER, uid_of(job)), *orphans])
        members = await settle(self._context.client, found, job, JOBS, PODS, [FINALIZER])
        now = self._context.clock()
        if not is_suspended(job):
            job = {**job, "status": tracking.started(job, now)}
        removing = self._removing.get(key, set())
        return look(job, members, removing, self._backoffs.get(key, Backoff()), now)

    async def _go_on(self, key: str, job: Object, view: View, satisfied: bool) -> float | None:
        outcome, planned, moved = Outcome(len(view.active), view.ready, view.terminating), Plan(), None
        if satisfied and not is_going(job):
            planned = plan(view)
            outcome = await self._act(key, view, planned)
            moved = tracking.suspension(status_of(view.job), is_suspended(job), view.now)
        complete = is_complete(view, outcome.active)
        if moved is not None and not complete:
            view = self._suspended_or_resumed(view, moved)
        self._explain(view, planned, outcome)
        told = moved if not complete else None
        await self._record(key, job, view, outcome, COMPLETIONS if complete else None, told)
        waits = [max(planned.wait, BATCH)] if planned.wait is not None else []
        if (rest := deadline_in(view)) is not None:
            waits.append(rest)
        if not satisfied:
            waits.append(PATIENCE + 1)  # what never comes is not waited for longer
        return min(waits, default=None)

    async def _act(self, key: str, view: View, planned: Plan) -> Outcome:
        if planned.delete:
            return await self._writer.delete(view, key, planned.delete, counted=False)
        if planned.create:
            return await self._writer.create(view, key, planned.create)
        return Outcome(len(view.active), view.ready, view.terminating)

    def _suspended_or_resumed(self, view: View, status: Object) -> View:
        """A job that goes on has its whole time again."""
        job = {**view.job, "status": status}
        if not is_suspended(job):
            job["status"] = tracking.started(job, view.now, again=True)
        return replace(view, job=job)

    def _explain(self, view: View, planned: Plan, outcome: Outcome) -> None:
        found = reasons.why(view, planned, outcome.error)
        if found is None:
            self._context.settle(view.job)
        else:
            self._context.explain(view.job, found.reason, found.message, found.unblock)

    async def _record(
        self, key: str, job: Object, view: View, outcome: Outcome, end: Ending | None, moved: Object | None
    ) -> None:
        """Write the status, let go of what it has counted, and write it again."""
        now = tracking.running(status_of(view.job), outcome.active, outcome.ready, outcome.terminating)
        counting = tracking.count(view, now, end)
        if counting.status != status_of(job):
            job = await self._write(job, counting.status)
            self._backoffs[key] = view.backoff
            if moved is not None:
                word = "Suspended" if is_suspended(job) else "Resumed"
                self._context.recorder.event(job, NORMAL, word, f"Job {word.lower()}")
        held, error = await self._release(key, view, counting)
        status = tracking.settle(counting.status, held)
        over = tracking.finish(status, end, view.now) if end and not counting.full and not error else None
        if (over or status) != counting.status:
            job = await self._write(job, over or status)
        if over is not None and end is not None:
            self._tell(job, end)
        wrong = error or outcome.error
        if wrong is not None:
            raise wrong

    async def _write(self, job: Object, status: Object) -> Object:
        written = await self._writer.status(job, status)
        self._versions.wrote(written)
        return written

    async def _release(
        self, key: str, view: View, counting: tracking.Counting
    ) -> tuple[set[str], Exception | None]:
        """Which pods are held by their finalizers then."""
        removing = self._removing.setdefault(key, set())
        uids = {uid_of(pod) for pod in counting.release}
        removing |= uids
        released, error = await self._writer.release(counting.release)
        gone = {uid_of(pod) for pod in released}
        removing -= uids - gone
        return {uid_of(pod) for pod in view.pods if view.is_new(pod)} - gone, error

    def _tell(self, job: Object, end: Ending) -> None:
        event = self._context.recorder.event
        if not end.succeeds:
            event(job, WARNING, end.reason, end.message)
            return
        completions = spec_of(job).get("completions")
        if completions is not None and status_of(job).get("succeeded", 0) > completions:
            message = "Too many succeeded pods running after completion count reached"
            event(job, WARNING, "TooManySucceededPods", message)
        event(job, NORMAL, "Completed", "Job completed")


def _differs(old: Object, new: Object) -> bool:
    one, other = old["metadata"], new["metadata"]
    return one.get("labels") != other.get("labels") or owner(old) != owner(new)
