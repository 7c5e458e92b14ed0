"""CSINode. k8s.io/kubernetes/pkg/apis/storage/validation"""

from typing import Any

from sampan.kube.kinds import structs
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.storage.parameters import driver_name_errors
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, invalid, required

NODE_ID_LENGTH = 256
_PATH = "spec.drivers"


def validate(new: Object, _context: Context) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, driver in enumerate(new["spec"].get("drivers") or ()):
        found += _driver_errors(driver, seen, f"{_PATH}[{at}]")
        seen.add(driver.get("name", ""))
    return found


def _driver_errors(driver: Object, seen: set[str], path: str) -> list[FieldError]:
    name, node = driver.get("name", ""), driver.get("nodeID", "")
    found = driver_name_errors(name, f"{path}.name")
    if not node:
        found.append(required(f"{path}.nodeID"))
    if names.size(node) > NODE_ID_LENGTH:
        found.append(invalid(f"{path}.nodeID", node, f"must be {NODE_ID_LENGTH} characters or less"))
    count = (driver.get("allocatable") or {}).get("count")
    if count is not None and count < 0:
        found.append(invalid(f"{path}.allocatable.count", count, names.NOT_NEGATIVE))
    if name in seen:
        found.append(duplicate(f"{path}.name", name))
    keys: set[str] = set()
    for key in driver.get("topologyKeys") or ():
        if not key:
            found.append(required(path))
        if key in keys:
            found.append(duplicate(path, key))
        keys.add(key)
        found += [invalid(path, key, message) for message in names.qualified_name(key)]
    return found


def validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    """Of a driver that stays, only how much it can take may change."""
    found = validate(new, context)
    for before in old["spec"].get("drivers") or ():
        for after in new["spec"].get("drivers") or ():
            if before.get("name") == after.get("name"):
                one, two = ({**driver, "allocatable": None} for driver in (before, after))
                if one != two:
                    found.append(invalid(_PATH, structs.shown("CSINodeDriver", two), "field is immutable"))
    return found


def cells(new: Object, now: float) -> list[Any]:
    drivers = new["spec"].get("drivers") or ()
    return [len(drivers), age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "CSINode",
    "csinodes",
    group="storage.k8s.io",
    namespaced=False,
    validate=validate,
    validate_update=validate_update,
    unconditional_update=False,
    deletion_returns_object=True,
    columns=(
        Column(
            "Drivers",
            type="integer",
            description="Drivers indicates the number of CSI drivers registered on the node",
        ),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
