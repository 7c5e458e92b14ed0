"""Jobs: pods that run until so many of them have succeeded."""

from typing import Any

from sampan.kube.kinds import structs, workloads
from sampan.kube.kinds.ages import age_of, duration, seconds_of
from sampan.kube.kinds.batch.jobspec import default_job_spec, job_spec_errors, many_indexes_warnings
from sampan.kube.kinds.batch.jobstatus import has_condition, status_errors
from sampan.kube.kinds.core.podspec.warnings import name_warnings
from sampan.kube.kinds.equality import immutable_errors, same
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.workloads import spec_of, status_of
from sampan.specs.kubernetes import labels as selectors
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required
from sampan.specs.kubernetes.labelselector import can_select, label_selector_errors, shown
from sampan.specs.kubernetes.object_meta import IMMUTABLE

_UID, _NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
_OLD_UID, _OLD_NAME = "controller-uid", "job-name"
# May still change of a job that has not begun, so that who queues jobs can say where they run.
_PLACEMENT = ("affinity", "nodeSelector", "tolerations", "schedulingGates")
_FIXED = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_STRUCTS = {"podFailurePolicy": "PodFailurePolicy", "successPolicy": "SuccessPolicy"}
_PRESERVED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove "
    "them or set propagationPolicy=Orphan to suppress this warning"
)


def _template_labels(value: Object) -> dict[str, str]:
    return ((spec_of(value).get("template") or {}).get("metadata") or {}).get("labels") or {}


def _default(value: Object) -> None:
    default_job_spec(value.setdefault("spec", {}))
    _label(value)


def _label(value: Object) -> None:
    meta = value.setdefault("metadata", {})
    if not meta.get("labels") and (labels := _template_labels(value)):
        meta["labels"] = dict(labels)


def _prepare_create(value: Object, _context: Context) -> None:
    value["status"] = {}
    if not spec_of(value).get("manualSelector"):
        _generate_selector(value)


def _generate_selector(value: Object) -> None:
    """The job's own name and uid, on its pods and as what selects them."""
    meta, spec = value["metadata"], value["spec"]
    template = spec.setdefault("template", {})
    ours = {_OLD_NAME: meta.get("name", ""), _NAME: meta.get("name", "")}
    ours |= {_OLD_UID: meta.get("uid", ""), _UID: meta.get("uid", "")}
    before = _template_labels(value)
    labels = ours | before
    # Labels that a job has only from its template are the template's, with all that is added there.
    if before and meta.get("labels") == before:
        meta["labels"] = dict(labels)
    template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
    selector = spec.get("selector") or {}
    matches = {_UID: meta.get("uid", "")} | (selector.get("matchLabels") or {})
    spec["selector"] = {**selector, "matchLabels": matches}
    if not names.label_value(meta.get("name", "")):
        _label(value)  # as when it is read again; it is not judged by labels that only then are there


def _generated_errors(value: Object) -> list[FieldError]:
    """Is the selector the one that is made for a job without one?"""
    spec, meta = spec_of(value), value.get("metadata") or {}
    if spec.get("manualSelector"):
        return []
    labels = _template_labels(value)
    uid, name = meta.get("uid", ""), meta.get("name", "")
    found: list[FieldError] = []
    for key, wanted in ((_OLD_UID, uid), (_OLD_NAME, name), (_UID, uid), (_NAME, name)):
        path, detail = f"spec.template.metadata.labels[{key}]", f"must be '{wanted}'"
        if key not in labels:
            found.append(required(path, detail))
        elif labels[key] != wanted:
            found.append(invalid(path, labels, detail))
    selector = spec.get("selector")
    if selector is not None and can_select(selector):
        own = {_OLD_UID: uid, _OLD_NAME: name, _UID: uid, _NAME: name}
        if not selectors.from_object(selector).matches(own):
            found.append(invalid("spec.selector", shown(selector), "`selector` not auto-generated"))
    return found


def _spec_errors(spec: Object) -> list[FieldError]:
    found = job_spec_errors(spec, "spec")
    selector = spec.get("selector")
    if selector is None:
        return [*found, required("spec.selector")]
    found += label_selector_errors(selector, "spec.selector")
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if can_select(selector) and not selectors.from_object(selector).matches(labels or {}):
        detail = "`selector` does not match template `labels`"
        found.append(invalid("spec.template.metadata.labels", labels, detail))
    return found


def _errors(value: Object, _context: Context) -> list[FieldError]:
    spec = spec_of(value)
    found = _generated_errors(value) + _spec_errors(spec)
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and completions > 0:
        name = f"{(value.get('metadata') or {}).get('name', '')}-{completions - 1}"
        detail = "will not able to create pod with invalid DNS label: "
        if names.dns1123_label(name):
            found.append(
                invalid("metadata.name", (value.get("metadata") or {}).get("name", ""), detail + name)
            )
    return found


def _update_errors(new: Object, old: Object, context: Context) -> list[FieldError]:
    found = _errors(new, context) + _spec_errors(spec_of(new))
    spec, before = spec_of(new), spec_of(old)
    found += _completions_errors(spec, before)
    selector = spec.get("selector")
    found += immutable_errors(spec, before, "selector", "spec", None if selector is None else shown(selector))
    found += _template_change_errors(new, old)
    for name in _FIXED:
        value = structs.shown(_STRUCTS[name], spec.get(name)) if name in _STRUCTS else None
        found += immutable_errors(spec, before, name, "spec", value)
    return found


def _completions_errors(spec: Object, before: Object) -> list[FieldError]:
    completions = spec.get("completions")
    if spec.get("completionMode") != "Indexed":
        return immutable_errors(spec, before, "completions", "spec")
    if completions == before.get("completions") or completions == spec.get("parallelism"):
        return []
    detail = "can only be modified in tandem with spec.parallelism"
    return [invalid("spec.completions", completions, detail)]


def _template_change_errors(new: Object, old: Object) -> list[FieldError]:
    template, before = spec_of(new).get("template") or {}, spec_of(old).get("template") or {}
    if spec_of(old).get("suspend") and not status_of(old).get("startTime"):
        before = _placed(before, template)
    if same(template, before):
        return []
    return [invalid("spec.template", structs.shown("PodTemplateSpec", template), IMMUTABLE)]


def _placed(before: Object, template: Object) -> Object:
    """The old template, on the nodes and with the labels of the new one."""
    old, new = before.get("spec") or {}, template.get("spec") or {}
    spec = {key: value for key, value in old.items() if key not in _PLACEMENT}
    spec |= {key: new[key] for key in _PLACEMENT if key in new and key != "affinity"}
    others = {key: one for key, one in (old.get("affinity") or {}).items() if key != "nodeAffinity"}
    wanted = (new.get("affinity") or {}).get("nodeAffinity")
    if wanted is not None:
        others["nodeAffinity"] = wanted
    if others or new.get("affinity") == {}:
        spec["affinity"] = others
    meta = {
        key: one
        for key, one in (before.get("metadata") or {}).items()
        if key not in ("labels", "annotations")
    }
    given = template.get("metadata") or {}
    meta |= {key: given[key] for key in ("labels", "annotations") if key in given}
    return {**before, "metadata": meta, "spec": spec}


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    spec = spec_of(new)
    found = name_warnings((new.get("metadata") or {}).get("name", "")) if old is None else []
    found += many_indexes_warnings(spec, "spec")
    return found + workloads.changed_template_warnings(new, old)


def _state(value: Object) -> str:
    for type_ in ("Complete", "Failed"):
        if has_condition(value, type_):
            return type_
    if (value.get("metadata") or {}).get("deletionTimestamp"):
        return "Terminating"
    for type_ in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if has_condition(value, type_):
            return type_
    return "Running"


def _completions(spec: Object, status: Object) -> str:
    succeeded = status.get("succeeded", 0)
    if (completions := spec.get("completions")) is not None:
        return f"{succeeded}/{completions}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration(status: Object, now: float) -> str:
    started, ended = status.get("startTime"), status.get("completionTime")
    if not started:
        return ""
    return duration((seconds_of(ended) if ended else now) - seconds_of(started))


def _cells(value: Object, now: float) -> list[Any]:
    spec, status = spec_of(value), status_of(value)
    return [
        _state(value),
        _completions(spec, status),
        _duration(status, now),
        age_of(value, now),
        *workloads.containers_cells(spec.get("template") or {}),
        workloads.selector_text(spec.get("selector")),
    ]


RESOURCE = Resource(
    kind="Job",
    plural="jobs",
    group="batch",
    categories=("all",),
    subresources=(workloads.status_subresource(status_errors),),
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=workloads.keep_status,
    validate=_errors,
    validate_update=_update_errors,
    warnings=_warnings,
    generation=("spec",),
    reset_fields={"": ("status",), "status": ("spec",)},
    unknown_field='field label "{}" not supported for Job',
    selectable={"status.successful": lambda job: str(status_of(job).get("succeeded") or 0)},
    orphan_by_default=True,
    orphan_warning=_PRESERVED,
    columns=(
        Column("Status", description="Status of the job."),
        Column("Completions", describe="status.succeeded"),
        Column("Duration", description="Time required to complete the job."),
        workloads.AGE,
        *workloads.CONTAINERS,
        Column("Selector", describe="spec.selector", priority=1),
    ),
    cells=_cells,
)
