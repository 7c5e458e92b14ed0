"""The one model of what objects look like, for built-in kinds and custom resources alike.

Built-in kinds' nodes are made from the packaged OpenAPI data (builtin.py), custom resources' from their
structural schemas (structural.py). Decoding, pruning, defaulting, merging, ownership of fields, protobuf and
OpenAPI all read nothing but this. A definition may contain itself (JSONSchemaProps), so nodes are filled in
after they are made, and never changed once handed out.
"""

from typing import Any


class Missing:
    """The one value that is no JSON value: there is no default."""


MISSING = Missing()


class Node:
    """One place in an object.

    `type`: "object" (with `fields`), "map" (of `items`), "list" (of `items`), "string", "integer", "number",
    "boolean", or "any" (kept as it is: RawExtension, FieldsV1, JSON).
    `format`: of a string "quantity", "date-time" (metav1.Time), "micro-time", "duration", "byte" (base64);
    "int-or-string"; of an integer "int32" or "int64"; of a number "double".
    """

    __slots__ = (
        "always",
        "default",
        "definition",
        "description",
        "embedded",
        "fields",
        "format",
        "go_type",
        "inline",
        "items",
        "list_keys",
        "list_type",
        "map_type",
        "nullable",
        "off",
        "patch_merge_key",
        "patch_strategy",
        "pointer",
        "preserve",
        "schema",
        "type",
    )

    def __init__(self, type: str, format: str = "") -> None:
        self.type = type
        self.format = format
        self.definition = ""  # "io.k8s.api.core.v1.PodSpec": what it is an instance of, if it has a name
        self.go_type = ""  # as Go names it in messages, "v1.PodSpec", "[]v1.Container"
        self.description = ""  # loaded only for OpenAPI and tables: schema/descriptions
        self.fields: dict[str, Node] = {}
        self.items: Node | None = None
        self.list_type = "atomic"  # "atomic", "set", "map"
        self.list_keys: tuple[str, ...] = ()
        self.map_type = "granular"  # "granular", "atomic"; of objects as of maps
        self.patch_strategy = ""  # "merge", "replace", "retainKeys", "merge,retainKeys", ""
        self.patch_merge_key = ""
        self.default: Any = MISSING
        # Go writes the field even when it is empty (no omitempty, or a struct by value): its zero value.
        self.always: Any = MISSING
        # A pointer in Go: the field keeps an empty value. Other empty strings, numbers, lists and maps are
        # left out, unless they are `always` written.
        self.pointer = False
        self.inline = (
            ""  # Go's embedded struct that the field is in ("ProbeHandler"): part of paths in errors
        )
        self.off = False  # of a feature gate that is off: the field is known, and not kept (gates.py)
        self.nullable = False
        self.preserve = False  # x-kubernetes-preserve-unknown-fields
        self.embedded = False  # x-kubernetes-embedded-resource
        self.schema: dict[str, Any] | None = None  # of custom resources: what else is to be validated here

    def __repr__(self) -> str:
        return f"Node({self.definition or self.type}{':' + self.format if self.format else ''})"
