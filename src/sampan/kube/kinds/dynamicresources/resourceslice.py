"""ResourceSlice. k8s.io/kubernetes/pkg/apis/resource/validation"""

from typing import Any

from sampan.kube.kinds import structs
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.core.podspec.affinity import node_selector_errors
from sampan.kube.kinds.dynamicresources import pieces
from sampan.kube.kinds.dynamicresources.devices import counters_errors, device_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.storage.parameters import driver_name_errors
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required

DEVICES, DEVICES_WITH_MORE, COUNTER_SETS, COUNTERS = 128, 64, 8, 32
_ONE_OF = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"


def validate(new: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(new["spec"], None, "spec")


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(new["spec"], old["spec"], "spec")


def _spec_errors(spec: Object, old: Object | None, path: str) -> list[FieldError]:
    found = driver_name_errors(spec.get("driver", ""), f"{path}.driver")
    found += _pool_errors(spec.get("pool") or {}, f"{path}.pool")
    if old is not None:
        found += _immutable_errors(spec, old, path)
    found += _nodes_errors(spec, path)
    devices, counters = spec.get("devices"), spec.get("sharedCounters")
    if devices is not None and counters is not None:
        found.append(invalid(path, "", "only one of `sharedCounters` or `devices` is allowed"))
    more = any(one.get("taints") or one.get("consumesCounters") for one in devices or ())
    before = {one.get("name", ""): one for one in (old or {}).get("devices") or ()}
    per_device = bool(spec.get("perDeviceNodeSelection"))

    def check(one: Object, where: str) -> list[FieldError]:
        return device_errors(one, before.get(one.get("name", "")), per_device, where)

    found += pieces.set_errors(
        devices or [], DEVICES_WITH_MORE if more else DEVICES, check, f"{path}.devices", pieces.name_of
    )
    return found + pieces.set_errors(
        counters or [], COUNTER_SETS, _counter_set_errors, f"{path}.sharedCounters", pieces.name_of
    )


def _pool_errors(pool: Object, path: str) -> list[FieldError]:
    found = pieces.pool_name_errors(pool.get("name", ""), f"{path}.name")
    count, generation = pool.get("resourceSliceCount", 0), pool.get("generation", 0)
    if count <= 0:
        found.append(invalid(f"{path}.resourceSliceCount", count, "must be greater than zero"))
    if generation < 0:
        detail = "must be greater than or equal to zero"
        found.append(invalid(f"{path}.generation", generation, detail))
    return found


def _immutable_errors(spec: Object, old: Object, path: str) -> list[FieldError]:
    pool, before = spec.get("pool") or {}, old.get("pool") or {}
    changes = (
        ("pool.name", pool.get("name", ""), before.get("name", "")),
        ("driver", spec.get("driver", ""), old.get("driver", "")),
        ("nodeName", spec.get("nodeName"), old.get("nodeName")),
    )
    return [
        invalid(f"{path}.{field}", value, "field is immutable")
        for field, value, was in changes
        if value != was
    ]


def _nodes_errors(spec: Object, path: str) -> list[FieldError]:
    """On which nodes the devices are."""
    found: list[FieldError] = []
    chosen = []
    name, selector = spec.get("nodeName"), spec.get("nodeSelector")
    if name:
        chosen.append("`nodeName`")
        found += pieces.node_name_errors(name, f"{path}.nodeName")
    elif name is not None:
        detail = "must be either unset or set to a non-empty string"
        found.append(invalid(f"{path}.nodeName", name, detail))
    if selector is not None:
        chosen.append("`nodeSelector`")
        found += node_selector_errors(selector, f"{path}.nodeSelector")
        terms = selector.get("nodeSelectorTerms")
        if len(terms or ()) != 1:
            shown = None if terms is None else structs.shown_list("NodeSelectorTerm", terms)
            where = f"{path}.nodeSelector.nodeSelectorTerms"
            found.append(invalid(where, shown, "must have exactly one node selector term"))
    for field in ("allNodes", "perDeviceNodeSelection"):
        if spec.get(field):
            chosen.append(f"`{field}`")
        elif spec.get(field) is not None:
            detail = "must be either unset or set to true"
            found.append(invalid(f"{path}.{field}", spec[field], detail))
    if not chosen:
        found.append(required(path, _ONE_OF))
    elif len(chosen) > 1:
        detail = f"{_ONE_OF}, but multiple fields are set"
        found.append(invalid(path, f"{{{', '.join(chosen)}}}", detail))
    return found


def _counter_set_errors(one: Object, path: str) -> list[FieldError]:
    name = one.get("name", "")
    found = pieces.label_errors(name, f"{path}.name") if name else [required(f"{path}.name")]
    return found + counters_errors(one.get("counters") or {}, COUNTERS, f"{path}.counters")


def cells(new: Object, now: float) -> list[Any]:
    spec = new["spec"]
    return [
        spec.get("nodeName"),
        spec.get("driver", ""),
        (spec.get("pool") or {}).get("name", ""),
        age(new["metadata"].get("creationTimestamp"), now),
    ]


RESOURCE = Resource(
    "ResourceSlice",
    "resourceslices",
    group=pieces.GROUP,
    namespaced=False,
    validate=validate,
    validate_update=validate_update,
    generation=("spec",),
    deletion_returns_object=True,
    selectable={
        "spec.nodeName": lambda new: new["spec"].get("nodeName") or "",
        "spec.driver": lambda new: new["spec"].get("driver", ""),
    },
    unknown_field="field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {}",
    namespace_selectable=False,
    columns=(
        Column("Node", describe="spec.nodeName"),
        Column("Driver", describe="spec.driver"),
        Column("Pool", describe="spec.pool.name"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
