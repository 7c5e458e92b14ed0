"""The pods of a job: its template, tracked, and for an index what tells the pod which one it has. Pure."""

from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.controllers.jobs import perindex
from sampan.kube.controllers.jobs.facts import FINALIZER, INDEX, limit_per_index, spec_of
from sampan.kube.controllers.podcontrol import from_template

_VARIABLE = {
    "name": "JOB_COMPLETION_INDEX",
    "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}},
}
_LONGEST = 58  # of a prefix, to which a name of 63 adds five characters


def pod_of(job: Object, index: int | None, replaced: Object | None = None) -> Object:
    """`replaced`: the failed pod of the same index, whose number of failures goes on."""
    template = spec_of(job).get("template") or {}
    pod = from_template(template, job)
    finalizers = pod["metadata"].get("finalizers") or []
    pod["metadata"]["finalizers"] = [*finalizers, *([] if FINALIZER in finalizers else [FINALIZER])]
    return pod if index is None else _placed(pod, job, index, replaced)


def _placed(pod: Object, job: Object, index: int, replaced: Object | None) -> Object:
    metadata, name = pod["metadata"], job["metadata"]["name"]
    told = {INDEX: str(index)}
    counted = perindex.annotations(job, replaced) if limit_per_index(job) is not None else {}
    metadata["labels"] = {**(metadata.get("labels") or {}), **told}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **told, **counted}
    tail = f"-{index}-"
    metadata["generateName"] = f"{name[: _LONGEST - len(tail)]}{tail}"
    spec: dict[str, Any] = {**pod["spec"], "hostname": f"{name}-{index}"}
    for kind in ("initContainers", "containers"):
        if spec.get(kind):
            spec[kind] = [_told(one) for one in spec[kind]]
    return {**pod, "spec": spec}


def _told(container: Object) -> Object:
    """With the variable that has the index, unless the container has one of that name."""
    variables = container.get("env") or []
    if any(one.get("name") == _VARIABLE["name"] for one in variables):
        return container
    return {**container, "env": [*variables, _VARIABLE]}
