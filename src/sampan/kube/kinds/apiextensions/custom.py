"""The resources that a CustomResourceDefinition defines; k8s.io/apiextensions-apiserver
pkg/apiserver/customresource_handler.go and customresource_discovery_controller.go
"""

from collections.abc import Callable
from dataclasses import dataclass

from sampan.kube.kinds.apiextensions import columns
from sampan.kube.kinds.apiextensions.conversion import renamed
from sampan.kube.kinds.apiextensions.naming import is_true
from sampan.kube.kinds.apiextensions.strategy import Strategy, nested
from sampan.kube.kinds.resource import Object, Resource, ScaleOf
from sampan.kube.schema.structural import Structure
from sampan.specs.kubernetes.apiversions import order

# In the order in which discovery has them; while a definition is on its way out nothing new comes.
_ENDING = ("delete", "deletecollection", "get", "list", "watch")
VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


@dataclass(frozen=True)
class Custom:
    """One served version of a custom resource.

    Bodies are decoded by `structure.decode`. `conversion` is the definition's, and only with the strategy
    None does the resource convert what is stored by itself.
    """

    resource: Resource
    structure: Structure
    storage_version: str
    conversion: Object
    converts: bool  # must a webhook be asked for what is stored?


def resources(crd: Object) -> list[Custom]:
    """Of all served versions, the preferred one first; none of a definition that is not established."""
    if not is_true(crd, "Established"):
        return []
    versions = [one for one in crd["spec"]["versions"] if one.get("served")]
    return [_custom(crd, one) for one in sorted(versions, key=lambda one: order(one["name"]))]


def _custom(crd: Object, version: Object) -> Custom:
    spec = crd["spec"]
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    structure = Structure(schema)
    strategy = Strategy(structure, version.get("subresources") or {})
    storage = next(one["name"] for one in spec["versions"] if one.get("storage"))
    names = crd["status"]["acceptedNames"]
    to_stored, from_stored = _forms(crd, version["name"], storage, structure)
    resource = Resource(
        kind=names["kind"],
        plural=names["plural"],
        group=spec["group"],
        version=version["name"],
        singular=names.get("singular", ""),
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=_ENDING if is_true(crd, "Terminating") else VERBS,
        subresources=strategy.subresources(),
        scale=_scale((version.get("subresources") or {}).get("scale")),
        default=structure.default,
        prepare_create=strategy.prepare_create,
        prepare_update=strategy.prepare_update,
        validate=strategy.validate,
        validate_update=strategy.validate_update,
        warnings=strategy.warnings,
        reset_fields=_reset(version),
        selectable=columns.selectable(version),
        unknown_field="field label not supported: {}",
        namespace_selectable=spec["scope"] == "Namespaced",
        columns=columns.columns(version),
        cells=columns.cells(version),
        unconditional_update=False,
        standard_finalizers=False,
        deprecated=_deprecation(spec, version, names["kind"]),
        to_stored=to_stored,
        from_stored=from_stored,
    )
    other = version["name"] != storage or _changed(crd)
    converts = spec["conversion"].get("strategy") == "Webhook" and other
    return Custom(resource, structure, storage, spec["conversion"], converts)


def _changed(crd: Object) -> bool:
    """May there be objects that were stored under another spec than today's?"""
    return bool(crd["metadata"].get("generation", 1) != 1)


def _reset(version: Object) -> dict[str, tuple[str, ...]]:
    has_status = (version.get("subresources") or {}).get("status") is not None
    return {"": ("status",), "status": ("spec",)} if has_status else {}


def _scale(scale: Object | None) -> ScaleOf | None:
    if scale is None:
        return None
    path = scale.get("labelSelectorPath", "")

    def selector(value: Object) -> str:
        return nested(value, path, str)[0] or ""

    return ScaleOf(
        scale["specReplicasPath"].removeprefix("."),
        scale["statusReplicasPath"].removeprefix("."),
        selector if path else None,
    )


def _deprecation(spec: Object, version: Object, kind: str) -> str:
    if not version.get("deprecated"):
        return ""
    said = version.get("deprecationWarning")
    if said is not None:
        return str(said)
    text = f"{spec['group']}/{version['name']} {kind} is deprecated"
    better = [
        one["name"]
        for one in spec["versions"]
        if one.get("served") and not one.get("deprecated") and order(one["name"]) < order(version["name"])
    ]
    return f"{text}; use {spec['group']}/{min(better, key=order)} {kind}" if better else text


Convert = Callable[[Object], Object]


def _forms(
    crd: Object, version: str, storage: str, structure: Structure
) -> tuple[Convert | None, Convert | None]:
    """To what is stored, and back.

    Objects that were stored before the schema changed are seen with today's. As long as it never did, all
    that is stored has passed it, and is handed out as it is.
    """
    group = crd["spec"]["group"]
    if crd["spec"]["conversion"].get("strategy") == "Webhook":
        return None, None
    if version == storage and not _changed(crd):
        return None, None

    def to_stored(value: Object) -> Object:
        return renamed(value, f"{group}/{storage}")

    def from_stored(value: Object) -> Object:
        found = structure.settle(value)
        found["apiVersion"] = f"{group}/{version}"
        return found

    return to_stored, from_stored
