"""JSON Merge Patch (RFC 7386), as gopkg.in/evanphx/json-patch.v4 does it for Kubernetes."""

from typing import Any

from sampan.kube.schema.patches.refusals import read, undecodable, unprocessable
from sampan.specs.kubernetes.status import bad_request

PREFIX = "error decoding patch: "


def parse(data: bytes) -> tuple[Any, list[str]]:
    """A patch, and what field validation says of it; raises StatusError."""
    return read(data, PREFIX)


def apply(original: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The object as `patch` makes it; `original` stays as it is, and what did not change is shared with it.

    Raises StatusError.
    """
    if patch is None:
        raise bad_request("Invalid JSON Patch")
    if not isinstance(patch, dict):
        raise undecodable(patch, "map[string]interface {}", PREFIX)
    try:
        return _merged(original, patch)
    except RecursionError:
        raise unprocessable() from None


def _merged(original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    found = dict(original)
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(old := found.get(key), dict):
            found[key] = _merged(old, value)
        else:
            found[key] = _without_nulls(value)
    return dict(sorted(found.items()))  # Go's maps have no order


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(value[key]) for key in sorted(value) if value[key] is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
