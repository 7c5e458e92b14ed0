"""ConfigMaps; pkg/apis/core/validation and pkg/registry/core/configmap."""

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, too_long

LARGEST = 1 << 20  # bytes of all values; of a Secret's, too
IMMUTABLE = "field is immutable when `immutable` is set"


def decoded_size(text: str | None) -> int:
    """Bytes of what stands in base64; null is no bytes."""
    if not text:
        return 0
    return len(text) * 3 // 4 - text.count("=", -2)


def key_errors(key: str, path: str) -> list[FieldError]:
    return [invalid(f"{path}[{key}]", key, message) for message in names.config_map_key(key)]


def _validate(value: Object, _context: Context) -> list[FieldError]:
    data, binary = value.get("data") or {}, value.get("binaryData") or {}
    found: list[FieldError] = []
    total = 0
    for key, text in data.items():
        found += key_errors(key, "data")
        if key in binary:
            found.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        total += names.size(text)
    for key, text in binary.items():
        found += key_errors(key, "binaryData")
        total += decoded_size(text)
    if total > LARGEST:
        found.append(too_long("[]", LARGEST))  # upstream names no field, and prints that so
    return found


def _validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    return immutable_errors(new, old, ("data", "binaryData")) + _validate(new, context)


def immutable_errors(new: Object, old: Object, fields: tuple[str, ...]) -> list[FieldError]:
    """What was immutable stays so, with the same content."""
    if not old.get("immutable"):
        return []
    found = [] if new.get("immutable") else [forbidden("immutable", IMMUTABLE)]
    return found + [
        forbidden(field, IMMUTABLE) for field in fields if (new.get(field) or {}) != (old.get(field) or {})
    ]


def _cells(value: Object, now: float) -> list[object]:
    count = len(value.get("data") or ()) + len(value.get("binaryData") or ())
    return [count, age_of(value, now)]


RESOURCE = Resource(
    kind="ConfigMap",
    plural="configmaps",
    short_names=("cm",),
    validate=_validate,
    validate_update=_validate_update,
    columns=(Column("Data", describe="data"), AGE),
    cells=_cells,
)
