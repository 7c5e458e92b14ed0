"""Custom resources' structural schemas: as Nodes, and as all that is done with their objects.

A schema is `openAPIV3Schema` of a version of a CustomResourceDefinition, a JSONSchemaProps as JSON. Nothing
is compiled before it is needed: of a thousand definitions most are never used between two starts.
"""

from functools import cached_property
from typing import Any

from sampan.kube.schema import builtin, decoding
from sampan.kube.schema.defaulting import compile_defaults, drop_nulls, prune_defaults
from sampan.kube.schema.embedded import each, embedded_errors, has_embedded
from sampan.kube.schema.listtypes import compile_list_types
from sampan.kube.schema.node import MISSING, Node
from sampan.kube.schema.pruning import prune
from sampan.kube.schema.results import UNKNOWN
from sampan.kube.schema.rules import Rules, blocked, has_rules, not_checked
from sampan.kube.schema.validation import compile_validation
from sampan.specs.kubernetes.fielderror import FieldError

Schema = dict[str, Any]
DEEPEST = 200  # levels of an object; orjson writes 254
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def make_node(schema: Schema, *, root: bool = False) -> Node:
    """The Node of a schema. `root`: it is that of a whole resource, whose metadata are ObjectMeta."""
    node = bare(schema)
    node.description = schema.get("description", "")
    node.nullable = bool(schema.get("nullable"))
    node.preserve = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    node.embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    node.default = schema["default"] if schema.get("default") is not None else MISSING
    node.map_type = schema.get("x-kubernetes-map-type", "granular")
    node.schema = schema
    if root or node.embedded:
        for name in ("apiVersion", "kind"):
            node.fields.setdefault(name, Node("string"))
        node.fields["metadata"] = builtin.node(OBJECT_META)
    return node


def bare(schema: Schema) -> Node:
    if schema.get("x-kubernetes-int-or-string"):
        return Node("string", "int-or-string")
    kind = schema.get("type", "")
    if kind == "array":
        return _list(schema)
    if kind == "object":
        values = schema.get("additionalProperties")
        if values:
            node = Node("map")
            node.items = make_node(values) if isinstance(values, dict) else Node("any")
            return node
        node = Node("object")
        node.fields = {name: make_node(one) for name, one in schema.get("properties", {}).items()}
        return node
    return Node(kind or "any", schema.get("format", ""))


def _list(schema: Schema) -> Node:
    node = Node("list")
    items = schema.get("items")
    node.items = make_node(items) if isinstance(items, dict) else Node("any")
    node.list_type = schema.get("x-kubernetes-list-type", "atomic")
    node.list_keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
    return node


class Structure:
    """One version of a custom resource: what is done with its objects."""

    def __init__(self, schema: Schema | None) -> None:
        # Without a schema (definitions from before they were required) everything is kept.
        self.schema: Schema = schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

    @cached_property
    def node(self) -> Node:
        return make_node(self.schema, root=True)

    @cached_property
    def _defaulted(self) -> Any:
        return compile_defaults(prune_defaults(self.schema))

    @cached_property
    def _validated(self) -> Any:
        return compile_validation(self.schema)

    @cached_property
    def _list_types(self) -> Any:
        return compile_list_types(self.schema)

    @cached_property
    def _rules(self) -> Rules | None:
        return Rules(self.schema) if has_rules(self.schema) else None

    @cached_property
    def _has_embedded(self) -> bool:
        return has_embedded(self.schema)

    def decode(self, value: Any) -> decoding.Decoded:
        """An object of this version made of parsed JSON, which stays as it is: without what the schema does
        not know, and nothing else checked but metadata.

        Raises decoding.DecodeError.
        """
        if type(value) is not dict:
            raise decoding.DecodeError(_no_object(value))
        found = copied(value)
        unknown: list[str] = []
        if "metadata" in found:
            found["metadata"], unknown = decode_meta(found["metadata"])
        unknown += prune(found, self.schema)
        drop_nulls(found, self.schema)
        if self._has_embedded:
            each(found, self.schema, "", lambda path, one: unknown.extend(_decode_embedded(path, one)))
        return decoding.Decoded(found, [f'unknown field "{path}"' for path in unknown])

    def settle(self, value: dict[str, Any]) -> dict[str, Any]:
        """What was stored when the schema may have been another, as it is to be seen now."""
        found: dict[str, Any] = copied(value)
        prune(found, self.schema)
        drop_nulls(found, self.schema)
        self.default(found)
        return found

    def default(self, value: dict[str, Any]) -> None:
        """Fills in defaults."""
        self._defaulted(value)

    def validate(self, value: dict[str, Any], old: dict[str, Any] | None = None) -> list[FieldError]:
        """What is wrong, but for metadata; with `old` it is an update."""
        errors: list[FieldError] = self._validated(value, UNKNOWN if old is None else old)
        errors = list(errors)
        return errors + self.more_errors(value, old, errors)

    def schema_errors(self, value: dict[str, Any], old: dict[str, Any] | None = None) -> list[FieldError]:
        """The first part of `validate`."""
        return list(self._validated(value, UNKNOWN if old is None else old))

    def more_errors(
        self,
        value: dict[str, Any],
        old: dict[str, Any] | None,
        before: list[FieldError],
        *,
        embedded: bool = True,
    ) -> list[FieldError]:
        """The second part of `validate`: rules are evaluated only if nothing `before` keeps them from it.
        `embedded`: are resources inside of it looked at?
        """
        errors = embedded_errors(value, self.schema) if embedded and self._has_embedded else []
        if old is None or not self._list_types(old):
            errors += self._list_types(value)
        if self._rules is None:
            return errors
        if blocked(before + errors):
            return [*errors, not_checked()]
        return errors + self._rules.validate(value, UNKNOWN if old is None else old)[0]

    def warnings(self, value: dict[str, Any], old: dict[str, Any] | None) -> list[str]:
        """Rules that what was there before already broke."""
        if self._rules is None or old is None:
            return []
        return self._rules.validate(value, old)[1]


def decode_meta(value: Any) -> tuple[dict[str, Any], list[str]]:
    """ObjectMeta, and the paths of what is none. Raises decoding.DecodeError."""
    decoded = decoding.decode(builtin.node(OBJECT_META), value)
    return decoded.object, [f"metadata.{_path(text)}" for text in decoded.unknown]


def _path(text: str) -> str:
    return text.removeprefix('unknown field "').removesuffix('"')


def _decode_embedded(path: str, resource: dict[str, Any]) -> list[str]:
    if "metadata" not in resource:
        return []
    resource["metadata"], unknown = decode_meta(resource["metadata"])
    return [f"{path}.{one}" for one in unknown]


def copied(value: Any, level: int = 0) -> Any:
    """Raises decoding.DecodeError for what nests deeper than any object could be written."""
    if type(value) is dict:
        if level > DEEPEST:
            raise decoding.DecodeError("exceeded max depth")
        return {key: copied(one, level + 1) for key, one in value.items()}
    if type(value) is list:
        if level > DEEPEST:
            raise decoding.DecodeError("exceeded max depth")
        return [copied(one, level + 1) for one in value]
    return value


def _no_object(value: Any) -> str:
    return f"json: cannot unmarshal {decoding.go_kind(value)} into Go value of type map[string]interface {{}}"
