"""Volumes whose files are parts of other objects: keys of maps, fields of the pod, tokens."""

from sampan.kube.kinds.core.podspec.environment import VOLUME_FIELDS, field_ref_errors, resource_ref_errors
from sampan.kube.kinds.core.podspec.paths import mode_errors, unreserved_path_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required

_SHORTEST, _LONGEST = 10 * 60, 1 << 32  # seconds that a token may be good for
_TWICE = "conflicting duplicate paths"


def item_errors(item: Object, path: str) -> list[FieldError]:
    """A key, and where its value is to be."""
    found = [] if item.get("key") else [required(f"{path}.key")]
    where = item.get("path", "")
    if not where:
        found.append(required(f"{path}.path"))
    found += unreserved_path_errors(where, f"{path}.path")
    return found + mode_errors(item.get("mode"), f"{path}.mode")


def downward_file_errors(file: Object, path: str) -> list[FieldError]:
    where = file.get("path", "")
    found = [] if where else [required(f"{path}.path")]
    found += unreserved_path_errors(where, f"{path}.path")
    field, resource = file.get("fieldRef"), file.get("resourceFieldRef")
    if field is not None:
        found += field_ref_errors(field, VOLUME_FIELDS, f"{path}.fieldRef")
        if resource is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            found.append(invalid(path, "resource", detail))
    elif resource is not None:
        found += resource_ref_errors(resource, f"{path}.resourceFieldRef", volume=True)
    else:
        found.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return found + mode_errors(file.get("mode"), f"{path}.mode")


def projected_errors(source: Object, path: str) -> list[FieldError]:
    found = mode_errors(source.get("defaultMode"), f"{path}.defaultMode")
    taken: set[str] = set()
    for at, one in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{at}]"
        for kind in ("secret", "configMap"):
            if one.get(kind) is not None:
                found += _keys_errors(one[kind], taken, path, f"{where}.{kind}")
        if one.get("downwardAPI") is not None:
            found += _files_errors(one["downwardAPI"], taken, path, f"{where}.downwardAPI")
        if one.get("serviceAccountToken") is not None:
            found += _token_errors(one["serviceAccountToken"], path, f"{where}.serviceAccountToken")
        if sum(value is not None for value in one.values()) > 1:
            found.append(forbidden(where, "may not specify more than 1 volume type per source"))
    return found


def _keys_errors(source: Object, taken: set[str], volume_path: str, path: str) -> list[FieldError]:
    name = source.get("name", "")
    found = [] if name else [required(f"{path}.name")]
    for at, item in enumerate(source.get("items") or ()):
        found += item_errors(item, f"{path}.items[{at}]")
        found += _taken_errors(item.get("path", ""), name, taken, volume_path)
    return found


def _files_errors(source: Object, taken: set[str], volume_path: str, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for file in source.get("items") or ():
        found += downward_file_errors(file, path)
        where = file.get("path", "")
        found += _taken_errors(where, where, taken, volume_path)
    return found


def _taken_errors(where: str, shown: str, taken: set[str], path: str) -> list[FieldError]:
    if where in taken:
        return [invalid(path, shown, _TWICE)]
    if where:
        taken.add(where)
    return []


def _token_errors(token: Object, volume_path: str, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    seconds, where = token.get("expirationSeconds", 0), token.get("path", "")
    if seconds < _SHORTEST:
        detail = "may not specify a duration less than 10 minutes"
        found.append(invalid(f"{path}.expirationSeconds", seconds, detail))
    if seconds > _LONGEST:
        detail = "may not specify a duration larger than 2^32 seconds"
        found.append(invalid(f"{path}.expirationSeconds", seconds, detail))
    if not where:
        return [*found, required(f"{volume_path}.path")]
    return found + unreserved_path_errors(where, f"{volume_path}.path")
