"""Jobs that have ended go after `ttlSecondsAfterFinished`, and their pods with them."""

from sampan.kube.client.informer import split_key
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import JOBS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes import time
from sampan.specs.kubernetes.objects import condition, is_going


def expires_at(job: Object) -> float | None:
    """In seconds since 1970; None of a job that stays, or has not ended. Pure."""
    seconds = (job.get("spec") or {}).get("ttlSecondsAfterFinished")
    if seconds is None or is_going(job):
        return None
    for kind in ("Complete", "Failed"):
        found = condition(job, kind)
        if found is not None and found.get("status") == "True":
            ended = time.seconds(found.get("lastTransitionTime"))
            return None if ended is None else ended + seconds
    return None


def controller(context: Context) -> Controller:
    jobs = context.informers.of(JOBS)

    async def reconcile(key: str) -> float | None:
        job = jobs.get(key)
        at = None if job is None else expires_at(job)
        if at is None:
            return None
        if at <= context.clock():
            # What we know may be old, and its time may have been made longer.
            job = await context.client.find(JOBS, *split_key(key))
            at = None if job is None else expires_at(job)
        if job is None or at is None:
            return None
        if at > (now := context.clock()):
            return at - now
        await context.client.discard(JOBS, job, propagationPolicy="Foreground")
        return None

    found = Controller("ttl-after-finished", reconcile, [jobs], workers=5)
    found.watch(jobs)
    return found
