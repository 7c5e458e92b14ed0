"""What a job asks for, and what its pods are to it. Pure; pkg/controller/job of Kubernetes."""

from typing import Any

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import objects, pods, time
from sampan.specs.kubernetes.objects import annotations_of

# On a pod until the job's status has counted it, so that none is lost and none counted twice.
FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
OWN_CONTROLLER = "kubernetes.io/job-controller"


def spec_of(job: Object) -> Object:
    found: Object = job.get("spec") or {}
    return found


def status_of(job: Object) -> Object:
    found: Object = job.get("status") or {}
    return found


def uid_of(value: Object) -> str:
    return str(value["metadata"].get("uid", ""))


def is_ours(job: Object) -> bool:
    """Not one that another controller looks after."""
    return (spec_of(job).get("managedBy") or OWN_CONTROLLER) == OWN_CONTROLLER


def is_over(job: Object) -> bool:
    return objects.is_true(job, "Complete") or objects.is_true(job, "Failed")


def is_indexed(job: Object) -> bool:
    return spec_of(job).get("completionMode") == "Indexed"


def completions_of(job: Object) -> int:
    """Of an indexed job, which always says."""
    return int(spec_of(job).get("completions") or 0)


def is_suspended(job: Object) -> bool:
    return bool(spec_of(job).get("suspend"))


def limit_per_index(job: Object) -> int | None:
    found: Any = spec_of(job).get("backoffLimitPerIndex")
    return found if isinstance(found, int) else None


def replaces_failed_only(job: Object) -> bool:
    """Are pods that are being deleted waited for before others take their places?"""
    spec = spec_of(job)
    return spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy") is not None


def is_tracked(pod: Object) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def index_of(pod: Object) -> int | None:
    """None of a pod that says none, or what is none."""
    text = annotations_of(pod).get(INDEX, "")
    digits = text.removeprefix("+")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def place_of(pod: Object, job: Object) -> int | None:
    """The index of a pod that is one of the job's."""
    index = index_of(pod)
    return index if index is not None and index < completions_of(job) else None


def has_failed(pod: Object, job: Object) -> bool:
    """A pod that is deleted before it has ended counts as well, unless the job wants to know how it ends."""
    if pods.phase(pod) == "Failed":
        return True
    return not replaces_failed_only(job) and objects.is_going(pod) and pods.phase(pod) != "Succeeded"


def ended_at(pod: Object) -> float:
    """When a pod ended: its last container, or when it was not ready any more, or was deleted."""
    told = _last_container(pod)
    if told is None:
        told = _unready_since(pod)
    if told is None:
        told = _deleted_at(pod)
    if told is None:
        told = time.seconds(pod["metadata"].get("creationTimestamp"))
    return told or 0.0


def _last_container(pod: Object) -> float | None:
    status = pod.get("status") or {}
    sidecars = {one.get("name") for one in pods.sidecars(pod)}
    states = list(status.get("containerStatuses") or ())
    states += [one for one in status.get("initContainerStatuses") or () if one.get("name") in sidecars]
    found = [
        time.seconds(((one.get("state") or {}).get("terminated") or {}).get("finishedAt")) for one in states
    ]
    ends = [end for end in found if end is not None]
    return max(ends) if ends and len(ends) == len(states) else None


def _unready_since(pod: Object) -> float | None:
    found = objects.condition(pod, "Ready")
    if found is None or found.get("status") != "False":
        return None
    return time.seconds(found.get("lastTransitionTime"))


def _deleted_at(pod: Object) -> float | None:
    due = time.seconds(pod["metadata"].get("deletionTimestamp"))
    if due is None:
        return None
    return due - (pod["metadata"].get("deletionGracePeriodSeconds") or 0)
