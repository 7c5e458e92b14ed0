"""The schemas of built-in kinds, from the data that the build hook (hatch_build.py) has packed.

A definition is read, and its node made, when it is first asked for; what is not used costs nothing.
"""

import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from sampan.kube.schema import goforms
from sampan.kube.schema.node import Node

FOLDER = Path(__file__).parent
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
# Definitions that JSON has another form for than their Go type.
SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("string", "quantity", "resource.Quantity"),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("int-or-string", "", "intstr.IntOrString"),
    f"{META}.Time": ("string", "date-time", "v1.Time"),
    f"{META}.MicroTime": ("string", "micro-time", "v1.MicroTime"),
    f"{META}.Duration": ("string", "duration", "v1.Duration"),
    f"{META}.FieldsV1": ("any", "", "v1.FieldsV1"),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ("any", "", "runtime.RawExtension"),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": ("any", "", "v1.JSON"),
}
# Kinds that every version of every group has besides its own (metav1.AddToGroupVersion).
COMMON = frozenset(
    (
        "WatchEvent",
        "ListOptions",
        "GetOptions",
        "DeleteOptions",
        "CreateOptions",
        "UpdateOptions",
        "PatchOptions",
    )
)
UNVERSIONED = frozenset(("Status", "APIVersions", "APIGroupList", "APIGroup", "APIResourceList"))
# The group of a definition's package where the name of the group does not begin with it.
_PACKAGES = {
    "": "io.k8s.api.core",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
    "meta.k8s.io": "io.k8s.apimachinery.pkg.apis.meta",
}


class Definitions:
    """The packed definitions; the file stays closed, and its text in memory is read piece by piece."""

    def __init__(self, path: Path) -> None:
        head, _, self._text = path.read_bytes().partition(b"\n")
        self._places: dict[str, tuple[int, int]] = orjson.loads(head)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def get(self, name: str) -> dict[str, Any]:
        at, length = self._places[name]
        found: dict[str, Any] = orjson.loads(self._text[at : at + length])
        return found


@lru_cache(maxsize=1)
def definitions() -> Definitions:
    """Raises FileNotFoundError where the build hook has not run."""
    return Definitions(FOLDER / "builtin.types")


_nodes: dict[str, Node] = {}


def node(definition: str) -> Node:
    """The schema of a definition, "io.k8s.api.core.v1.PodSpec"; raises KeyError."""
    found = _nodes.get(definition)
    if found is None:
        found = _nodes[definition] = _made(definition)
        if not found.go_type:
            _fill(definition, found)
    return found


def _made(definition: str) -> Node:
    special = SPECIAL.get(definition)
    if special is not None:
        made = Node(special[0], special[1])
        made.go_type = special[2]
    else:
        raw = definitions().get(definition)
        made = Node("object" if raw["fields"] else "any")
    made.definition = definition
    return made


def _fill(definition: str, made: Node) -> None:
    raw = definitions().get(definition)
    package, _, name = definition.rpartition(".")
    made.go_type = f"{package.rpartition('.')[2]}.{name}"
    made.map_type = raw.get("map", "granular")
    required = raw.get("required") or ()
    for field_name, text in raw["fields"].items():
        made.fields[field_name] = _field(text)
    short = goforms.short(definition)
    for field_name, inner in made.fields.items():
        goforms.mark(short, field_name, inner, field_name in required)


def _field(described: str | dict[str, Any]) -> Node:
    """A place of its own: what is said of a field is not said of its definition."""
    if isinstance(described, str):
        described = {"type": described}
    kind = described["type"]
    if kind.startswith("@"):
        shared = node(kind[1:])
        made = Node(shared.type, shared.format)
        made.definition, made.go_type = shared.definition, shared.go_type
        made.fields = shared.fields  # the same dictionary, which may be filled only later
        made.map_type = described.get("map", shared.map_type)
    elif kind in ("list", "map"):
        made = Node(kind)
        made.items = _field(described["items"])
        made.go_type = ("[]" if kind == "list" else "map[string]") + made.items.go_type
        made.list_type = described.get("list", "atomic")
        made.list_keys = tuple(described.get("keys") or ())
        made.map_type = described.get("map", "granular")
    else:
        made = _scalar(kind)
    made.patch_strategy = described.get("strategy", "")
    made.patch_merge_key = described.get("merge", "")
    return made


def _scalar(kind: str) -> Node:
    if kind in ("int32", "int64"):
        made = Node("integer", kind)
    elif kind in ("double", "number"):
        made = Node("number", "double")
    elif kind == "byte":
        made = Node("string", "byte")
    elif kind in ("string", "boolean", "any"):
        made = Node(kind)
    elif kind == "integer":
        made = Node("integer", "int64")
    else:
        made = Node("any" if kind == "object" else "string", "" if kind == "object" else kind)
    made.go_type = {"boolean": "bool", "double": "float64", "byte": "[]uint8", "integer": "int64"}.get(
        kind, kind
    )
    return made


def definition_of(group: str, version: str, kind: str) -> str:
    """The name of the definition of a kind."""
    package = _PACKAGES.get(group) or f"io.k8s.api.{group.split('.')[0]}"
    return f"{package}.{version}.{kind}"


def is_kind(api_version: str, kind: str) -> bool:
    """Does upstream's scheme know such a kind?"""
    group, _, version = api_version.rpartition("/")
    if kind in COMMON and (not group or definition_of(group, version, "")[:-1]):
        return True
    if api_version in ("v1", "meta.k8s.io/v1") and kind in UNVERSIONED:
        return True
    if api_version == "v1" and kind == "List":
        return True
    return definition_of(group, version, kind) in definitions()


@lru_cache(maxsize=1)
def _descriptions() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = orjson.loads(
        zlib.decompress((FOLDER / "builtin.descriptions").read_bytes())
    )
    return found


@lru_cache(maxsize=1000)
def description(definition: str, path: str) -> str:
    """What is said of a field, "spec.replicas"; "" of the definition itself, or where nothing is said."""
    if not path:
        return _descriptions().get(definition, {}).get("", "")
    *parents, last = path.split(".")
    here = node(definition)
    for part in parents:
        here = here.fields[part]
        while here.items is not None:
            here = here.items
    return _descriptions().get(here.definition, {}).get(last, "")
