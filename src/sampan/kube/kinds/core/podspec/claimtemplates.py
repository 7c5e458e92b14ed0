"""Claims for storage as they stand in templates: of volumes that live as long as their pod, of StatefulSets.

The spec of a claim is judged here for PersistentVolumeClaims, too.
"""

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required
from sampan.specs.kubernetes.labelselector import label_selector_errors
from sampan.specs.kubernetes.object_meta import FIELDS
from sampan.specs.kubernetes.quantity import parse

_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_ALONE = "ReadWriteOncePod"
_VOLUME_MODES = ("Block", "Filesystem")
_META = tuple(one for one in FIELDS if one not in ("labels", "annotations"))  # what a template may not have


def claim_template_errors(template: Object, path: str) -> list[FieldError]:
    """Of an ephemeral volume's."""
    meta = template.get("metadata") or {}
    found = names.annotations_errors(meta.get("annotations"), f"{path}.metadata.annotations")
    found += names.labels_errors(meta.get("labels"), f"{path}.metadata.labels")
    found += [forbidden(f"{path}.metadata.{key}", "cannot be set") for key in _META if meta.get(key)]
    return found + claim_spec_errors(template.get("spec") or {}, f"{path}.spec")


def claim_spec_errors(spec: Object, path: str) -> list[FieldError]:
    """Upstream's ValidatePersistentVolumeClaimSpec."""
    found = _access_modes_errors(spec.get("accessModes") or [], f"{path}.accessModes")
    found = _selector_first(spec, path, found)
    found += _storage_errors(spec, f"{path}.resources[storage]")
    if name := spec.get("storageClassName"):
        where = f"{path}.storageClassName"
        found += [invalid(where, name, message) for message in names.dns1123_subdomain(name)]
    if (mode := spec.get("volumeMode")) is not None and mode not in _VOLUME_MODES:
        found.append(not_supported(f"{path}.volumeMode", mode, _VOLUME_MODES))
    found += _data_sources_errors(spec, path)
    if name := spec.get("volumeAttributesClassName"):
        where = f"{path}.volumeAttributesClassName"
        found += [invalid(where, name, message) for message in names.dns1123_subdomain(name)]
    return found


def _selector_first(spec: Object, path: str, found: list[FieldError]) -> list[FieldError]:
    # Upstream looks at the selector between the absence of access modes and their values.
    errors = label_selector_errors(spec.get("selector"), f"{path}.selector")
    return found + errors if not spec.get("accessModes") else errors + found


def _access_modes_errors(modes: list[str], path: str) -> list[FieldError]:
    if not modes:
        return [required(path, "at least 1 access mode is required")]
    found = [not_supported(path, mode, _ACCESS_MODES) for mode in modes if mode not in _ACCESS_MODES]
    if _ALONE in modes and any(mode in _ACCESS_MODES and mode != _ALONE for mode in modes):
        found.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return found


def _storage_errors(spec: Object, path: str) -> list[FieldError]:
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if amount is None:
        return [required(path)]
    return [] if parse(amount).mantissa > 0 else [invalid(path, amount, "must be greater than zero")]


def _data_sources_errors(spec: Object, path: str) -> list[FieldError]:
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    found = _data_source_errors(source, f"{path}.dataSource") if source is not None else []
    if ref is None:
        return found
    found += _data_source_errors(ref, f"{path}.dataSourceRef")
    where = f"{path}.dataSource"
    if namespace := ref.get("namespace"):
        messages = names.dns1123_label(namespace)
        found += [invalid(f"{path}.dataSourceRef.namespace", namespace, one) for one in messages]
        if source is not None:
            detail = "may not be specified when dataSourceRef.namespace is specified"
            found.append(invalid(path, where, detail))
    elif source is not None and any(source.get(key) != ref.get(key) for key in ("apiGroup", "kind", "name")):
        found.append(invalid(path, where, "must match dataSourceRef"))
    return found


def _data_source_errors(source: Object, path: str) -> list[FieldError]:
    found = [required(f"{path}.{key}") for key in ("name", "kind") if not source.get(key)]
    group, kind = source.get("apiGroup") or "", source.get("kind", "")
    if not group and kind and kind != "PersistentVolumeClaim":
        found.append(
            invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
        )
    if group:
        found += [invalid(f"{path}.apiGroup", group, one) for one in names.dns1123_subdomain(group)]
    return found
