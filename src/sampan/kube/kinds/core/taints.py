"""What keeps pods off a node."""

from collections.abc import Sequence

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    shown_in_order,
)

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def taints_errors(taints: Sequence[Object], path: str) -> list[FieldError]:
    """Of a node's; each pair of key and effect stands there once."""
    found: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for at, taint in enumerate(taints):
        pair = (taint.get("key", ""), taint.get("effect", ""))
        found += _taint_errors(taint, *pair, f"{path}[{at}]")
        if pair in seen:
            detail = "taints must be unique by key and effect pair"
            found.append(duplicate(f"{path}[{at}]", _shown(taint), detail))
        seen.add(pair)
    return found


def _taint_errors(taint: Object, key: str, effect: str, path: str) -> list[FieldError]:
    found = [invalid(f"{path}.key", key, message) for message in names.qualified_name(key)]
    value = taint.get("value", "")
    if messages := names.label_value(value):
        found.append(invalid(f"{path}.value", value, ";".join(messages)))
    if not effect:
        found.append(required(f"{path}.effect"))
    elif effect not in EFFECTS:
        found.append(not_supported(f"{path}.effect", effect, EFFECTS))
    return found


def _shown(taint: Object) -> str:
    fields = {"Key": "key", "Value": "value", "Effect": "effect"}
    shown = {name: taint.get(field, "") for name, field in fields.items()}
    return shown_in_order(shown | {"TimeAdded": taint.get("timeAdded")})
