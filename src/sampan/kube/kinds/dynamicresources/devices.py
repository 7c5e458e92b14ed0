"""A device of a ResourceSlice. k8s.io/kubernetes/pkg/apis/resource/validation"""

import re
from collections.abc import Mapping
from typing import Any

from sampan.kube.kinds import structs
from sampan.kube.kinds.core.podspec.affinity import node_selector_errors
from sampan.kube.kinds.dynamicresources import pieces
from sampan.kube.kinds.dynamicresources.capacity import capacity_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required, too_long

ATTRIBUTES, TAINTS, CONSUMPTIONS, COUNTERS, VALUE_LENGTH = 32, 16, 2, 32, 64
KEY_LENGTH = pieces.DOMAIN_LENGTH + 1 + pieces.ID_LENGTH
_ONE_OF = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is "
    "set to true in the ResourceSlice spec"
)
_NO_NODES = (
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in "
    "the ResourceSlice spec"
)
_NUMBER = r"(0|[1-9]\d*)"
_BEFORE = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD = "[0-9a-zA-Z-]+"
_is_version = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_BEFORE}(\.{_BEFORE})*)?(\+{_BUILD}(\.{_BUILD})*)?", re.ASCII
).fullmatch


def device_errors(device: Object, old: Object | None, per_device: bool, path: str) -> list[FieldError]:
    """`per_device`: each device says on which nodes it is."""
    found = pieces.label_errors(device.get("name", ""), f"{path}.name")
    attributes, capacities = device.get("attributes") or {}, device.get("capacity") or {}
    if (count := len(attributes) + len(capacities)) > ATTRIBUTES:
        detail = f"the total number of attributes and capacities must not exceed {ATTRIBUTES}"
        found.append(invalid(path, count, detail))
    found += _map_errors(attributes, _attribute_errors, f"{path}.attributes")
    shared = bool(device.get("allowMultipleAllocations"))
    found += _map_errors(
        capacities, lambda one, where: capacity_errors(one, shared, where), f"{path}.capacity"
    )
    taints = device.get("taints") or []
    if old is None or taints != (old.get("taints") or []):
        found += pieces.items_errors(taints, TAINTS, _taint_errors, f"{path}.taints")
    found += pieces.set_errors(
        device.get("consumesCounters") or [],
        CONSUMPTIONS,
        _consumption_errors,
        f"{path}.consumesCounters",
        lambda one: one.get("counterSet", ""),
    )
    found += _nodes_errors(device, per_device, path)
    conditions, failures = device.get("bindingConditions") or [], device.get("bindingFailureConditions")
    return found + pieces.binding_errors(conditions, failures or [], path)


def _map_errors(items: dict[str, Any], check: pieces.Check, path: str) -> list[FieldError]:
    return pieces.map_errors(items, -1, KEY_LENGTH, pieces.qualified_errors, check, path)


def _attribute_errors(attribute: Object, path: str) -> list[FieldError]:
    given = [field for field in ("bool", "int", "string", "version") if attribute.get(field) is not None]
    found: list[FieldError] = []
    if (text := attribute.get("string")) is not None and names.size(text) > VALUE_LENGTH:
        found.append(too_long(f"{path}.string", VALUE_LENGTH))
    if (version := attribute.get("version")) is not None:
        if not _is_version(version):
            detail = "must be a string compatible with semver.org spec 2.0.0"
            found.append(invalid(f"{path}.version", version, detail))
        if names.size(version) > VALUE_LENGTH:
            found.append(too_long(f"{path}.version", VALUE_LENGTH))
    if len(given) != 1:
        shown = structs.shown("DeviceAttribute", attribute) if given else ""
        found.append(invalid(path, shown, "exactly one value must be specified"))
    return found


def _taint_errors(taint: Object, path: str) -> list[FieldError]:
    value, effect = taint.get("value", ""), taint.get("effect", "")
    found = pieces.key_errors(taint.get("key", ""), f"{path}.key")
    found += [invalid(f"{path}.value", value, message) for message in names.label_value(value)]
    if not effect:
        found.append(required(f"{path}.effect"))
    elif effect not in pieces.EFFECTS:
        found.append(not_supported(f"{path}.effect", effect, pieces.EFFECTS))
    return found


def _consumption_errors(one: Object, path: str) -> list[FieldError]:
    name = one.get("counterSet", "")
    where = f"{path}.counterSet"
    found = pieces.label_errors(name, where) if name else [required(where)]
    return found + counters_errors(one.get("counters") or {}, COUNTERS, f"{path}.counters")


def counters_errors(counters: Mapping[str, Any], most: int, path: str) -> list[FieldError]:
    """There are some, and any amount will do."""
    if not counters:
        return [required(path)]
    return pieces.map_errors(dict(counters), most, 63, pieces.label_errors, lambda *_: [], path)


def _nodes_errors(device: Object, per_device: bool, path: str) -> list[FieldError]:
    name, selector, everywhere = (device.get(field) for field in ("nodeName", "nodeSelector", "allNodes"))
    if not per_device:
        there = any(one is not None for one in (name, selector, everywhere))
        return [invalid(path, None, _NO_NODES)] if there else []
    found: list[FieldError] = []
    chosen = []
    if name:
        chosen.append("`nodeName`")
        found += pieces.node_name_errors(name, f"{path}.nodeName")
    elif name is not None:
        found.append(invalid(f"{path}.nodeName", name, "must not be empty"))
    if selector is not None:
        chosen.append("`nodeSelector`")
        found += node_selector_errors(selector, f"{path}.nodeSelector")
    if everywhere:
        chosen.append("`allNodes`")
    elif everywhere is not None:
        detail = "must be either unset or set to true"
        found.append(invalid(f"{path}.allNodes", everywhere, detail))
    if not chosen:
        found.append(required(path, _ONE_OF))
    elif len(chosen) > 1:
        found.append(invalid(path, f"{{{', '.join(chosen)}}}", _ONE_OF))
    return found
