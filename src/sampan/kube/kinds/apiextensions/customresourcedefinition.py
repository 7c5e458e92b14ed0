"""CustomResourceDefinition, apiextensions.k8s.io/v1; k8s.io/apiextensions-apiserver
pkg/registry/customresourcedefinition/strategy.go
"""

from sampan.kube.kinds.apiextensions import naming
from sampan.kube.kinds.apiextensions.definition import create_errors, status_errors, update_errors
from sampan.kube.kinds.apiextensions.versionschemas import schema_parts
from sampan.kube.kinds.resource import Context, Object, Resource, Subresource
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import formats
from sampan.specs.kubernetes.fielderror import FieldError

# What is said of every new status, and of definitions whose status nobody has written.
_EMPTY = {"plural": "", "kind": ""}
# Formats of numbers, which mean something without being checked.
_NUMBERS = frozenset(("int32", "int64", "float", "double"))


def default(crd: Object) -> None:
    spec = crd.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if not names.get("singular") and names.get("kind"):
        names["singular"] = names["kind"].lower()
    if not names.get("listKind") and names.get("kind"):
        names["listKind"] = names["kind"] + "List"
    if spec.get("conversion") is None:
        spec["conversion"] = {"strategy": "None"}
    service = ((spec["conversion"].get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service is not None and service.get("port") is None:
        service["port"] = 443
    status = crd.setdefault("status", {})
    if not status.get("storedVersions"):
        _store(spec, status)


def _store(spec: Object, status: Object) -> None:
    """Notes the version that objects are stored as."""
    storage = next((one["name"] for one in spec.get("versions") or () if one.get("storage")), None)
    stored = status.get("storedVersions") or []
    if storage is not None and storage not in stored:
        stored = [*stored, storage]
    status["storedVersions"] = stored or None


def prepare_create(crd: Object, _context: Context) -> None:
    crd["status"] = {"conditions": None, "acceptedNames": dict(_EMPTY)}
    _store(crd["spec"], crd["status"])


def prepare_update(crd: Object, old: Object, _context: Context) -> None:
    crd["status"] = dict(old.get("status") or {})
    _store(crd["spec"], crd["status"])


def prepare_status(crd: Object, old: Object, _context: Context) -> None:
    crd["spec"] = old["spec"]


def mark_deleted(crd: Object, context: Context) -> None:
    """It stays until its resources are gone, and says so; nothing else of its metadata changes."""
    metadata = crd["metadata"]
    metadata.pop("deletionGracePeriodSeconds", None)
    if metadata.get("generation"):
        metadata["generation"] -= 1
    marked = naming.deleting(crd, context.now)
    crd["metadata"], crd["status"] = marked["metadata"], marked["status"]


def held(crd: Object) -> bool:
    return naming.FINALIZER in (crd["metadata"].get("finalizers") or ())


def validate(crd: Object, _context: Context) -> list[FieldError]:
    return create_errors(crd)


def validate_update(crd: Object, old: Object, _context: Context) -> list[FieldError]:
    return update_errors(crd, old)


def validate_status(crd: Object, _old: Object, _context: Context) -> list[FieldError]:
    return status_errors(crd)


def warnings(crd: Object, old: Object | None, context: Context) -> list[str]:
    """Formats that nobody knows, each time they are mentioned."""
    if context.subresource:
        return []
    known = set(_unknown_formats(old["spec"])) if old is not None else set()
    return [f"unrecognized format {quote(one)}" for one in _unknown_formats(crd["spec"]) if one not in known]


def _unknown_formats(spec: Object) -> list[str]:
    found = [one.get("format", "") for one in schema_parts(spec)]
    return [one for one in found if one and one not in _NUMBERS and not formats.supported(one)]


RESOURCE = Resource(
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    group="apiextensions.k8s.io",
    storage_version="v1beta1",
    namespaced=False,
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    subresources=(Subresource("status", prepare_update=prepare_status, validate_update=validate_status),),
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    generation=("spec",),
    reset_fields={"": ("status",), "status": ("metadata", "spec")},
    unconditional_update=False,
    standard_finalizers=False,
    deletion_returns_object=True,
    held=held,
    mark_deleted=mark_deleted,
)
