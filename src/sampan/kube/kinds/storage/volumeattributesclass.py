"""VolumeAttributesClass. k8s.io/kubernetes/pkg/apis/storage/validation"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.storage.parameters import parameters_errors, provisioner_errors
from sampan.specs.kubernetes.fielderror import FieldError, forbidden


def validate(new: Object, _context: Context) -> list[FieldError]:
    found = provisioner_errors(new.get("driverName", ""), "driverName")
    return found + parameters_errors(new.get("parameters"), "parameters", needed=True)


def validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    found = [
        forbidden(field, f"updates to {field} are forbidden.")
        for field in ("driverName", "parameters")
        if new.get(field) != old.get(field)
    ]
    return found + validate(new, context)


def cells(new: Object, now: float) -> list[Any]:
    return [new.get("driverName", ""), age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "VolumeAttributesClass",
    "volumeattributesclasses",
    group="storage.k8s.io",
    namespaced=False,
    short_names=("vac",),
    validate=validate,
    validate_update=validate_update,
    deletion_returns_object=True,
    storage_version="v1beta1",
    columns=(
        Column("DriverName", describe="driverName"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
