"""What a job's policies say: of a pod that has failed, and of the indexes that have succeeded. Pure.

kubernetes.io/docs/concepts/workloads/controllers/job, "Pod failure policy" and "Success policy"
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import indexes

IGNORE, COUNT, FAIL_INDEX, FAIL_JOB = "Ignore", "Count", "FailIndex", "FailJob"


@dataclass(frozen=True)
class Failure:
    """What a failed pod means: `action` is None where no rule fits, and then it counts."""

    action: str | None = None
    message: str = ""  # of FAIL_JOB

    @property
    def counts(self) -> bool:
        return self.action != IGNORE


def failure(policy: Object | None, pod: Object) -> Failure:
    """By the first rule that fits."""
    for at, rule in enumerate((policy or {}).get("rules") or ()):
        why = _fits(rule, pod)
        if why and rule.get("action") in (IGNORE, COUNT, FAIL_INDEX, FAIL_JOB):
            action = rule["action"]
            return Failure(
                action, f"{why} matching {action} rule at index {at}" if action == FAIL_JOB else ""
            )
    return Failure()


def _fits(rule: Object, pod: Object) -> str:
    """What of the pod the rule is about; "" if it is about others."""
    metadata = pod["metadata"]
    name = f"{metadata.get('namespace', '')}/{metadata['name']}"
    status = pod.get("status") or {}
    codes = rule.get("onExitCodes")
    if codes is not None:
        for one in [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]:
            code = _exit_code(one)
            if code and _has_code(codes, one.get("name", ""), code):
                return f"Container {one.get('name', '')} for pod {name} failed with exit code {code}"
        return ""
    for one in status.get("conditions") or ():
        if _has_condition(rule.get("onPodConditions") or (), one):
            return f"Pod {name} has condition {one['type']}"
    return ""


def _exit_code(container: Object) -> int:
    """0 as well of one that has not ended."""
    ended = (container.get("state") or {}).get("terminated") or {}
    return int(ended.get("exitCode") or 0)


def _has_code(codes: Object, container: str, code: int) -> bool:
    if codes.get("containerName") not in (None, container):
        return False
    listed = code in (codes.get("values") or ())
    return {"In": listed, "NotIn": not listed}.get(codes.get("operator", ""), False)


def _has_condition(patterns: Iterable[Object], condition: Object) -> bool:
    return any(
        one.get("type") == condition.get("type") and one.get("status", "True") == condition.get("status")
        for one in patterns
    )


def success(policy: Object | None, completions: int, succeeded: "indexes.Intervals") -> str:
    """Which rule is met by the indexes that have succeeded; "" if none is."""
    if policy is None or not succeeded:
        return ""
    for at, rule in enumerate(policy.get("rules") or ()):
        if _is_met(rule, completions, succeeded):
            return f"Matched rules at index {at}"
    return ""


def _is_met(rule: Object, completions: int, succeeded: "indexes.Intervals") -> bool:
    text, number = rule.get("succeededIndexes"), rule.get("succeededCount")
    if text is None:
        return number is not None and indexes.count(succeeded) >= number
    wanted = indexes.recover(text, completions)
    both = indexes.overlap(wanted, succeeded)
    return bool(wanted) and (both == indexes.count(wanted) or (number is not None and both >= number))
