"""What is done with custom resources before they are written; k8s.io/apiextensions-apiserver
pkg/registry/customresource
"""

from typing import Any

from sampan.kube.kinds.resource import Context, Object, Subresource
from sampan.kube.schema.structural import Structure
from sampan.specs.golang.printing import plain, type_name
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import fielderror
from sampan.specs.kubernetes.fielderror import FieldError
from sampan.specs.kubernetes.names import qualified_name

MAX_INT32 = (1 << 31) - 1
_UNSURE = (
    "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts "
    "with other finalizer writers"
)


class Strategy:
    """Of one version."""

    def __init__(self, structure: Structure, subresources: Object) -> None:
        self._structure = structure
        self._has_status = subresources.get("status") is not None
        self._scale: Object | None = subresources.get("scale")
        status = structure.schema.get("properties", {}).get("status")
        inside = {"type": "object", "properties": {"status": status}} if status is not None else None
        self._status = Structure(inside)

    def prepare_create(self, new: Object, _context: Context) -> None:
        if self._has_status:
            new.pop("status", None)
        new["metadata"]["generation"] = 1

    def prepare_update(self, new: Object, old: Object, _context: Context) -> None:
        if self._has_status:
            _keep(new, old, "status")
        if {**new, "metadata": None} != {**old, "metadata": None}:
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def prepare_status(self, new: Object, old: Object, _context: Context) -> None:
        """Nothing but the status changes, and who owns what."""
        status, owners = new.get("status"), new["metadata"].get("managedFields")
        version = new["metadata"].get("resourceVersion")
        had = "status" in new
        new.clear()
        new.update(old)
        new["metadata"] = {**old["metadata"], "managedFields": owners}
        if owners is None:
            del new["metadata"]["managedFields"]
        if version is not None:
            new["metadata"]["resourceVersion"] = version
        new.pop("status", None)
        if had:
            new["status"] = status

    def validate(self, new: Object, _context: Context) -> list[FieldError]:
        errors = self._structure.schema_errors(new) + self._spec_scale(new) + self._status_scale(new)
        return errors + self._structure.more_errors(new, None, errors)

    def validate_update(self, new: Object, old: Object, _context: Context) -> list[FieldError]:
        errors = self._structure.schema_errors(new, old) + self._spec_scale(new) + self._status_scale(new)
        return errors + self._structure.more_errors(new, old, errors)

    def validate_status(self, new: Object, old: Object, _context: Context) -> list[FieldError]:
        errors: list[FieldError] = []
        if "status" in new:
            before = {"status": old["status"]} if "status" in old else {}
            errors = self._status.schema_errors({"status": new["status"]}, before)
        errors += self._status_scale(new)
        return errors + self._structure.more_errors(new, old, errors, embedded=False)

    def warnings(self, new: Object, old: Object | None, context: Context) -> list[str]:
        found = self._structure.warnings(new, old)
        if context.subresource == "status":
            return found
        before = set(old["metadata"].get("finalizers") or ()) if old is not None else set()
        added = set(new["metadata"].get("finalizers") or ()) - before
        return found + [text for one in sorted(added) for text in _finalizer_warnings(one)]

    def subresources(self) -> tuple[Subresource, ...]:
        found = []
        if self._has_status:
            update, check = self.prepare_status, self.validate_status
            found.append(Subresource("status", prepare_update=update, validate_update=check))
        if self._scale is not None:
            found.append(Subresource("scale", group="autoscaling", version="v1", kind="Scale"))
        return tuple(found)

    # --- scales

    def _spec_scale(self, value: Object) -> list[FieldError]:
        return [] if self._scale is None else _replicas(value, self._scale["specReplicasPath"])

    def _status_scale(self, value: Object) -> list[FieldError]:
        if self._scale is None:
            return []
        errors = _replicas(value, self._scale["statusReplicasPath"])
        path = self._scale.get("labelSelectorPath")
        if path:
            _, wrong = nested(value, path, str)
            if wrong:
                errors.append(fielderror.invalid(path, "", wrong))
        return errors


def _keep(new: Object, old: Object, name: str) -> None:
    if name in old:
        new[name] = old[name]
    else:
        new.pop(name, None)


def _replicas(value: Object, path: str) -> list[FieldError]:
    found, wrong = nested(value, path, int)
    if wrong:
        return [fielderror.invalid(path, 0, wrong)]
    if found is None or 0 <= found <= MAX_INT32:
        return []
    what = "should be a non-negative integer" if found < 0 else f"should be less than or equal to {MAX_INT32}"
    return [fielderror.invalid(path, found, what)]


def nested(value: Any, path: str, wanted: type) -> tuple[Any, str]:
    """What is there (None: nothing), or why it cannot be read, in Go's words."""
    parts = path.removeprefix(".").split(".")
    for at, part in enumerate(parts):
        if type(value) is not dict:
            if value is None:
                return None, ""
            where = "." + ".".join(parts[: at + 1])
            return None, _accessor(where, value, "map[string]interface{}")
        if part not in value:
            return None, ""
        value = value[part]
    if type(value) is not wanted:
        return None, _accessor("." + ".".join(parts), value, "int64" if wanted is int else "string")
    return value, ""


def _accessor(where: str, value: Any, wanted: str) -> str:
    kind = "<nil>" if value is None else type_name(value)
    return f"{where} accessor error: {plain(value)} is of the type {kind}, expected {wanted}"


def _finalizer_warnings(name: str) -> list[str]:
    found = [f"metadata.finalizers: {quote(name)}: {text}" for text in qualified_name(name)]
    if "/" not in name:
        found.append(f"metadata.finalizers: {quote(name)}: {_UNSURE}")
    return found
