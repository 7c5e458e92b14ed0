"""Whether a job is to end, and with which words. Pure.

A job ends in two steps: it is said that it will (FailureTarget, SuccessCriteriaMet), and once no pod is left
running or uncounted, that it has (Failed, Complete).
"""

from dataclasses import dataclass

from sampan.kube.client.requests import Object
from sampan.kube.controllers.jobs.facts import (
    completions_of,
    has_failed,
    is_indexed,
    is_suspended,
    spec_of,
    status_of,
)
from sampan.kube.controllers.jobs.policies import FAIL_JOB, failure, success
from sampan.kube.controllers.jobs.view import View
from sampan.specs.kubernetes import indexes, objects, pods, time

FAILURE_TARGET, SUCCESS_CRITERIA_MET = "FailureTarget", "SuccessCriteriaMet"


@dataclass(frozen=True)
class Ending:
    succeeds: bool
    reason: str
    message: str
    said: bool = False  # the first step has been made

    @property
    def first(self) -> str:
        return SUCCESS_CRITERIA_MET if self.succeeds else FAILURE_TARGET

    @property
    def last(self) -> str:
        return "Complete" if self.succeeds else "Failed"


COMPLETIONS = Ending(True, "CompletionsReached", "Reached expected number of succeeded pods")
BACKOFF_LIMIT = Ending(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
DEADLINE = Ending(False, "DeadlineExceeded", "Job was active longer than specified deadline")
MANY_FAILED_INDEXES = Ending(
    False, "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"
)
FAILED_INDEXES = Ending(False, "FailedIndexes", "Job has failed indexes")


def ending(view: View) -> Ending | None:
    """Why all that still runs is to be stopped, if it is."""
    return _said(view.job) or _by_failure_policy(view) or _by_limits(view) or _by_indexes(view)


def _said(job: Object) -> Ending | None:
    for kind, succeeds in ((SUCCESS_CRITERIA_MET, True), (FAILURE_TARGET, False)):
        found = objects.condition(job, kind)
        if found is not None and found.get("status") == "True":
            return Ending(succeeds, found.get("reason", ""), found.get("message", ""), said=True)
    return None


def _by_failure_policy(view: View) -> Ending | None:
    policy = spec_of(view.job).get("podFailurePolicy")
    for pod in view.pods if policy is not None else ():
        if has_failed(pod, view.job) and (found := failure(policy, pod)).action == FAIL_JOB:
            return Ending(False, "PodFailurePolicy", found.message)
    return None


def _by_limits(view: View) -> Ending | None:
    limit = spec_of(view.job).get("backoffLimit", 6)
    if view.failed > limit or _restarts_too_often(view, limit):
        return BACKOFF_LIMIT
    rest = deadline_in(view)
    return DEADLINE if rest is not None and rest <= 0 else None


def _restarts_too_often(view: View, limit: int) -> bool:
    template = (spec_of(view.job).get("template") or {}).get("spec") or {}
    if template.get("restartPolicy") != "OnFailure":
        return False
    running = [pod for pod in view.pods if pods.phase(pod) in ("Running", "Pending")]
    restarts = sum(
        one.get("restartCount", 0)
        for pod in running
        for kind in ("initContainerStatuses", "containerStatuses")
        for one in (pod.get("status") or {}).get(kind) or ()
    )
    return bool(restarts >= max(limit, 1))


def deadline_in(view: View) -> float | None:
    """Seconds until the job has been active for too long; None: never, or not while it is suspended."""
    most = spec_of(view.job).get("activeDeadlineSeconds")
    started = time.seconds(status_of(view.job).get("startTime"))
    if most is None or started is None or is_suspended(view.job):
        return None
    return float(started + most - view.now)


def _by_indexes(view: View) -> Ending | None:
    if not is_indexed(view.job):
        return None
    completions, spec = completions_of(view.job), spec_of(view.job)
    if view.failed_indexes is not None:
        failed, most = indexes.count(view.failed_indexes), spec.get("maxFailedIndexes")
        if most is not None and failed > most:
            return MANY_FAILED_INDEXES
        if failed and failed + view.succeeded >= completions:
            return FAILED_INDEXES
    message = success(spec.get("successPolicy"), completions, view.succeeded_indexes)
    return Ending(True, "SuccessPolicy", message) if message else None


def is_complete(view: View, active: int) -> bool:
    """Have as many pods succeeded as are wanted, and does none run any more?"""
    wanted = spec_of(view.job).get("completions")
    if wanted is None:
        return view.succeeded > 0 and active == 0
    return bool(view.succeeded >= wanted and active == 0)
