"""Who owns what: metadata.managedFields, read and written.

k8s.io/apimachinery/pkg/util/managedfields/internal: managedfields.go, capmanagers.go
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sampan.kube.schema.ownership.fieldset import Set, decode, union
from sampan.specs.golang.quote import quote

MAX_UPDATERS = 10


class Manager(NamedTuple):
    """By what an entry is known. An applier has one for all versions, so its `version` is empty here."""

    name: str
    operation: str  # "Apply" or "Update"
    version: str
    subresource: str


class Owned(NamedTuple):
    version: str  # of the form in which the fields are told
    fields: Set
    time: str | None


Managers = dict[Manager, Owned]


def updater(name: str, version: str, subresource: str) -> Manager:
    return Manager(name or "unknown", "Update", version, subresource)


def applier(name: str, subresource: str) -> Manager:
    return Manager(name or "unknown", "Apply", "", subresource)


def read(entries: list[Any], *, stored: bool) -> Managers:
    """Raises ValueError. Entries that are `stored` are our own, and need no second look."""
    found: Managers = {}
    for index, entry in enumerate(entries):
        if not stored:
            _check(index, entry)
        operation, version = entry["operation"], entry["apiVersion"]
        manager = Manager(
            entry.get("manager", ""),
            operation,
            version if operation == "Update" else "",
            entry.get("subresource", ""),
        )
        fields = entry.get("fieldsV1") or {}
        found[manager] = Owned(version, fields if stored else decode(fields), entry.get("time"))
    return found


def _check(index: int, entry: Mapping[str, Any]) -> None:
    if entry.get("operation") not in ("Apply", "Update"):
        raise ValueError("operation must be `Apply` or `Update`")
    if not entry.get("apiVersion"):
        raise ValueError("apiVersion must not be empty")
    kind = entry.get("fieldsType", "")
    if not kind:
        raise ValueError(f"missing fieldsType in managed fields entry {index}")
    if kind != "FieldsV1":
        raise ValueError(f"invalid fieldsType {quote(kind)} in managed fields entry {index}")


def write(managers: Managers) -> list[dict[str, Any]]:
    return [_entry(manager, owned) for manager, owned in sorted(managers.items(), key=_place)]


def _place(item: tuple[Manager, Owned]) -> Any:
    (name, operation, _, subresource), (version, _, time) = item
    return (operation, time or "", name, version, subresource)  # times are RFC 3339, in UTC


def _entry(manager: Manager, owned: Owned) -> dict[str, Any]:
    found: dict[str, Any] = {"manager": manager.name} if manager.name else {}
    found["operation"] = manager.operation
    found["apiVersion"] = owned.version
    if owned.time is not None:
        found["time"] = owned.time
    found["fieldsType"] = "FieldsV1"
    found["fieldsV1"] = owned.fields
    if manager.subresource:
        found["subresource"] = manager.subresource
    return found


def identifier(manager: Manager) -> str:
    """What upstream keeps managers by, and sorts them by where nothing else tells them apart."""
    keys = ("manager", "operation", "apiVersion", "subresource")
    return json.dumps(
        {key: value for key, value in zip(keys, manager, strict=True) if value},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def shown(manager: Manager) -> str:
    """As a conflict names it."""
    text = quote(manager.name)
    if manager.subresource:
        text += f" with subresource {quote(manager.subresource)}"
    return f"{text} using {manager.version}" if manager.operation == "Update" else text


def capped(managers: Managers) -> Managers:
    """With at most MAX_UPDATERS updaters: the oldest ones of a version are taken together."""
    updaters = [manager for manager in managers if manager.operation == "Update"]
    if len(updaters) <= MAX_UPDATERS:
        return managers
    updaters.sort(key=lambda manager: (managers[manager].time or "", identifier(manager)))
    found, count, first = dict(managers), len(updaters), dict[str, Manager]()
    for manager in updaters:
        if count <= MAX_UPDATERS:
            break
        version, fields, time = managers[manager]
        if version not in first:
            first[version] = manager
            continue
        bucket = updater("ancient-changes", version, "")
        if bucket not in found:
            found[bucket] = found.pop(first[version])
        if manager != bucket:
            del found[manager]
        found[bucket] = Owned(version, union(fields, found[bucket].fields), time)
        count -= 1
    return found
