"""What a JobSpec must be like, of jobs and of cron jobs' templates; what it is where nothing is said.

k8s.io/kubernetes/pkg/apis/batch/{v1/defaults,validation/validation}.go
"""

from sampan.kube.kinds import structs
from sampan.kube.kinds.batch.policies import failure_policy_errors, success_policy_errors
from sampan.kube.kinds.core.podspec.defaults import default_template
from sampan.kube.kinds.core.podspec.spec import template_errors
from sampan.kube.kinds.resource import Object
from sampan.kube.kinds.workloads import not_negative
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required, too_long

_ANY_NUMBER = 2**31 - 1
_PARALLEL, _FAILED, _MANY = 100_000, 100_000, 100_000
_OF_MANY = 10_000  # pods at a time, and failed indexes, where there are more completions than _MANY
_TOO_MANY = (
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, "
    "Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
)
_MANAGER_SIZE = 63
_NUMBERS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)


def default_job_spec(spec: Object) -> None:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = spec["parallelism"] = 1
    for name, value in (
        ("parallelism", 1),
        ("backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else _ANY_NUMBER),
        ("completionMode", "NonIndexed"),
        ("suspend", False),
        ("manualSelector", False),
        ("podReplacementPolicy", "TerminatingOrFailed" if not spec.get("podFailurePolicy") else "Failed"),
    ):
        if spec.get(name) is None:
            spec[name] = value
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"
    default_template(spec.setdefault("template", {}))


def job_spec_errors(spec: Object, path: str) -> list[FieldError]:
    found = not_negative(spec, path, *_NUMBERS)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        found.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if (manager := spec.get("managedBy")) is not None:
        found += names.domain_prefixed_path_errors(manager, f"{path}.managedBy")
        if names.size(manager) > _MANAGER_SIZE:
            found.append(too_long(f"{path}.managedBy", _MANAGER_SIZE))
    found += _mode_errors(spec, path)
    if spec.get("podFailurePolicy") is not None:
        found += failure_policy_errors(spec, path)
    found += _success_errors(spec, path)
    found += _replacement_errors(spec, f"{path}.podReplacementPolicy")
    found += template_errors(spec.get("template") or {}, f"{path}.template")
    return found + _restart_errors(spec, f"{path}.template.spec.restartPolicy")


def _mode_errors(spec: Object, path: str) -> list[FieldError]:
    mode = spec.get("completionMode")
    if mode == "Indexed":
        return _indexed_errors(spec, path)
    if mode not in (None, "NonIndexed"):
        return [not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))]
    return [
        invalid(f"{path}.{name}", spec[name], "requires indexed completion mode")
        for name in ("backoffLimitPerIndex", "maxFailedIndexes")
        if spec.get(name) is not None
    ]


def _indexed_errors(spec: Object, path: str) -> list[FieldError]:
    completions = spec.get("completions")
    found: list[FieldError] = []
    if completions is None:
        found.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if (parallel := spec.get("parallelism") or 0) > _PARALLEL:
        detail = f"must be less than or equal to {_PARALLEL} when completion mode is Indexed"
        found.append(invalid(f"{path}.parallelism", parallel, detail))
    failed = spec.get("maxFailedIndexes")
    if failed is not None and completions is not None and failed > completions:
        found.append(invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions"))
    if failed is not None and failed > _FAILED:
        found.append(invalid(f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {_FAILED}"))
    if (completions or 0) > _MANY and spec.get("backoffLimitPerIndex") is not None:
        found += _many_errors(spec, path)
    return found


def _many_errors(spec: Object, path: str) -> list[FieldError]:
    """So that the indexes' states fit into the job."""
    found: list[FieldError] = []
    if spec.get("maxFailedIndexes") is None:
        detail = f"must be specified when completions is above {_MANY}"
        found.append(required(f"{path}.maxFailedIndexes", detail))
    detail = (
        f"must be less than or equal to {_OF_MANY} when completions are above {_MANY} "
        "and used with backoff limit per index"
    )
    found += [
        invalid(f"{path}.{name}", spec[name], detail)
        for name in ("parallelism", "maxFailedIndexes")
        if (spec.get(name) or 0) > _OF_MANY
    ]
    return found


def _success_errors(spec: Object, path: str) -> list[FieldError]:
    policy = spec.get("successPolicy")
    if policy is None:
        return []
    if spec.get("completionMode") == "Indexed":
        return success_policy_errors(spec, path)
    value = structs.shown("SuccessPolicy", policy)
    return [invalid(f"{path}.successPolicy", value, "requires indexed completion mode")]


def _replacement_errors(spec: Object, path: str) -> list[FieldError]:
    policy = spec.get("podReplacementPolicy")
    known = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    return [] if policy is None or policy in known else [not_supported(path, policy, known)]


def _restart_errors(spec: Object, path: str) -> list[FieldError]:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy", "")
    if policy in ("", "Always"):
        return [required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(path, policy, ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def many_indexes_warnings(spec: Object, path: str) -> list[str]:
    many = (spec.get("completions") or 0) > _MANY and (spec.get("parallelism") or 0) > _OF_MANY
    return [f"{path}: {_TOO_MANY}"] if many and spec.get("completionMode") == "Indexed" else []
