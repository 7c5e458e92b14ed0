"""Writes as admission sees them."""

from typing import Any, Protocol

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.api.calls import Call
from sampan.kube.api.options import DeleteOptions, WriteOptions
from sampan.kube.kinds.resource import Object

Options = dict[str, Any]


class Admission(Protocol):
    """The chain of admission plugins."""

    async def mutate(self, request: AdmissionRequest) -> None: ...

    async def validate(self, request: AdmissionRequest) -> None: ...


def admission_request(
    call: Call, operation: str, new: Object | None, old: Object | None, options: Options
) -> AdmissionRequest:
    return AdmissionRequest(
        operation,
        call.served.resource,
        call.user,
        call.reader,
        call.namespace,
        call.name,
        call.subresource,
        new,
        old,
        options,
        bool(options.get("dryRun")),
        call.warnings,
        call.annotations,
    )


def admitted(request: AdmissionRequest) -> Object:
    """What the plugins have made of it."""
    assert request.object is not None
    return request.object


def write_options_seen(kind: str, options: WriteOptions) -> Options:
    """CreateOptions, UpdateOptions or PatchOptions."""
    found: Options = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if options.dry_run:
        found["dryRun"] = ["All"]
    if options.manager:
        found["fieldManager"] = options.manager
    if options.validation != "Warn":
        found["fieldValidation"] = options.validation
    if kind == "PatchOptions" and options.force:
        found["force"] = True
    return found


def delete_options_seen(options: DeleteOptions) -> Options:
    found: Options = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}
    if options.dry_run:
        found["dryRun"] = ["All"]
    if options.grace is not None:
        found["gracePeriodSeconds"] = options.grace
    if options.propagation:
        found["propagationPolicy"] = options.propagation
    if options.orphan is not None:
        found["orphanDependents"] = options.orphan
    preconditions = {"uid": options.uid, "resourceVersion": options.resource_version}
    kept = {key: value for key, value in preconditions.items() if value is not None}
    if kept:
        found["preconditions"] = kept
    return found
