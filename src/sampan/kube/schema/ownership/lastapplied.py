"""kubectl's annotation of client-side apply, once the same object is applied by the server.

k8s.io/apimachinery/pkg/util/managedfields/internal: lastappliedmanager.go, lastappliedupdater.go. Only for
the manager "kubectl": what is as the annotation says was kubectl's all along, so taking it over is no
conflict.
"""

import json
from collections.abc import Callable
from typing import Any

from sampan.kube.schema.node import Node
from sampan.kube.schema.ownership.elements import show
from sampan.kube.schema.ownership.fields import compare, fields_of
from sampan.kube.schema.ownership.fieldset import Set, difference, paths
from sampan.kube.schema.ownership.types import Unkeyed
from sampan.kube.schema.ownership.validation import problems
from sampan.specs.kubernetes.status import StatusError, is_conflict

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
MAX_ANNOTATIONS = 256 << 10  # bytes: what all annotations of an object may have together

Object = dict[str, Any]


def carried_on(
    node: Node, live: Object, applied: Object, result: Callable[[bool], Object], force: bool
) -> Object:
    """`result` (of force), with the conflicts that are none left out and the annotation kept up to date."""
    try:
        found = result(force)
    except StatusError as error:
        allowed = _allowed(node, live)
        if allowed is None or not is_conflict(error) or error.details is None:
            raise
        fine = {show(path) for path in paths(allowed)}
        left = [cause for cause in error.details["causes"] if cause["field"] not in fine]
        if left:
            raise _narrowed(left) from None
        found = result(True)
    annotations = found["metadata"].get("annotations") or {}
    if not annotations.get(ANNOTATION):
        return found
    return {**found, "metadata": {**found["metadata"], "annotations": _annotated(annotations, applied)}}


def _narrowed(causes: list[dict[str, str]]) -> StatusError:
    whose = [cause["message"].removeprefix("conflict with ") for cause in causes]
    if len(causes) == 1:
        message = f"Apply failed with 1 conflict: conflict with {whose[0]}: {causes[0]['field']}"
        return StatusError("Conflict", message, {"causes": causes})
    lines = []
    for manager in dict.fromkeys(whose):
        lines.append(f"conflicts with {manager}:")
        lines += [
            f"- {cause['field']}" for cause, other in zip(causes, whose, strict=True) if other == manager
        ]
    message = f"Apply failed with {len(causes)} conflicts: {chr(10).join(lines)}"
    return StatusError("Conflict", message, {"causes": causes})


def _allowed(node: Node, live: Object) -> Set | None:
    """The fields that are as the annotation has them; None if it says nothing."""
    text = (live["metadata"].get("annotations") or {}).get(ANNOTATION)
    try:
        last = json.loads(text or "null")
        if not isinstance(last, dict) or last.get("apiVersion") != live.get("apiVersion"):
            return None
        if problems(node, last):
            return None
        changed, removed = compare(node, last, live)
        return difference(difference(fields_of(node, last), changed), removed)
    except (ValueError, Unkeyed, RecursionError):
        return None


def _annotated(annotations: dict[str, str], applied: Object) -> dict[str, str]:
    found = {**annotations, ANNOTATION: _encoded(applied)}
    if (
        sum(len(key.encode()) + len(value.encode(errors="replace")) for key, value in found.items())
        > MAX_ANNOTATIONS
    ):
        del found[ANNOTATION]
    return found


def _encoded(applied: Object) -> str:
    """As kubectl would write it: Go's JSON, without the annotation itself."""
    metadata = dict(applied.get("metadata") or {})
    if metadata.get("annotations"):
        metadata["annotations"] = {
            key: one for key, one in metadata["annotations"].items() if key != ANNOTATION
        }
    text = json.dumps(
        {**applied, "metadata": metadata}, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text + "\n"
