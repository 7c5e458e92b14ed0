"""Why a job does not get on, for who asks. Pure."""

from dataclasses import dataclass

from sampan.kube.controllers.jobs.facts import is_suspended, replaces_failed_only
from sampan.kube.controllers.jobs.plan import Plan
from sampan.kube.controllers.jobs.view import View
from sampan.specs.kubernetes.pods import phase


@dataclass(frozen=True)
class Why:
    reason: str
    message: str
    unblock: str = ""


def why(view: View, planned: Plan, error: Exception | None) -> Why | None:
    """None: nothing stands in its way."""
    if error is not None:
        return Why(
            "PodsRefused", f"Pods could not be made or deleted: {error}", "It is tried again by itself."
        )
    if is_suspended(view.job):
        return Why("Suspended", "The job is suspended: none of its pods runs.", "Set spec.suspend to false.")
    if planned.wait is not None:
        return Why("BackOff", _waits(view, planned.wait), "The wait doubles with each failure, up to 10 min.")
    if view.terminating and replaces_failed_only(view.job) and not planned.create:
        message = f"Pods that are being deleted are waited for before others are made: {view.terminating}."
        return Why("Terminating", message, "They are let go when their nodes say that they have ended.")
    pending = sum(phase(pod) == "Pending" for pod in view.active)
    if pending:
        return Why(
            "PodsPending", f"{pending} of {len(view.active)} pods have not begun to run.", "See the pods."
        )
    return None


def _waits(view: View, seconds: float) -> str:
    if view.waiting is not None:
        failed = ", ".join(str(index) for index in sorted(view.waiting)[:10])
        return f"Pods of these indexes failed: {failed}; the next is made in {seconds:.0f} s."
    return f"{view.backoff.failures} pods failed in a row; the next is made in {seconds:.0f} s."
