"""Where a PersistentVolume is: pods' volumes, some of them with secrets of any namespace.

pkg/apis/core/validation, ValidatePersistentVolumeSpec and what it calls; pkg/apis/core/v1/defaults.go
"""

from collections.abc import Callable

from sampan.kube.kinds.core.podspec import storage
from sampan.kube.kinds.core.podspec.paths import backsteps_errors
from sampan.kube.kinds.core.podspec.volumes import SOURCES
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required

Check = Callable[[Object, str], list[FieldError]]


def _glusterfs_errors(source: Object, path: str) -> list[FieldError]:
    found = storage.glusterfs_errors(source, path)
    namespace = source.get("endpointsNamespace")
    if namespace == "":
        detail = "if the endpointnamespace is set, it must be a valid namespace name"
        found.append(invalid(f"{path}.endpointsNamespace", namespace, detail))
    elif namespace is not None:
        messages = names.dns1123_label(namespace)
        found += [invalid(f"{path}.endpointsNamespace", namespace, message) for message in messages]
    return found


def _iscsi_errors(source: Object, path: str) -> list[FieldError]:
    ref = source.get("secretRef")
    found = storage.iscsi_errors(source, path)
    return found + ([required(f"{path}.secretRef.name")] if ref is not None and not ref.get("name") else [])


def _reference_needed(source: Object, path: str) -> list[FieldError]:
    """Who names a secret names its namespace too."""
    ref = source.get("secretRef")
    if ref is None:
        return []
    return [required(f"{path}.secretRef.{field}") for field in ("name", "namespace") if not ref.get(field)]


def _cinder_errors(source: Object, path: str) -> list[FieldError]:
    found = [] if source.get("volumeID") else [required(f"{path}.volumeID")]
    return found + _reference_needed(source, path)


def _storageos_errors(source: Object, path: str) -> list[FieldError]:
    plain = {key: value for key, value in source.items() if key != "secretRef"}
    return storage.storageos_errors(plain, path) + _reference_needed(source, path)


def _azure_file_errors(source: Object, path: str) -> list[FieldError]:
    found = storage.azure_file_errors(source, path)
    if source.get("secretNamespace") == "":
        found.append(
            invalid(f"{path}.secretNamespace", "", "secretNamespace must be non-empty string or nil")
        )
    return found


def _local_errors(source: Object, path: str) -> list[FieldError]:
    where = source.get("path", "")
    return backsteps_errors(where, f"{path}.path") if where else [required(f"{path}.path")]


def _csi_errors(source: Object, path: str) -> list[FieldError]:
    found = storage.driver_name_errors(source.get("driver", ""), f"{path}.driver")
    if not source.get("volumeHandle"):
        found.append(required(f"{path}.volumeHandle"))
    for operation in ("controllerPublish", "controllerExpand", "nodePublish", "nodeExpand"):
        ref = source.get(f"{operation}SecretRef")
        if ref is not None:
            found += _secret_reference_errors(ref, f"{path}.{operation}SecretRef")
    return found


def _secret_reference_errors(ref: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for field, check in (("name", names.dns1123_subdomain), ("namespace", names.dns1123_label)):
        if text := ref.get(field):
            found += [invalid(f"{path}.{field}", text, message) for message in check(text)]
        else:
            found.append(required(f"{path}.{field}"))
    return found


# In upstream's order; (field, how a message about what is in it names it, what is wrong with it).
_CHECKS: tuple[tuple[str, str, Check], ...] = (
    ("hostPath", "hostPath", SOURCES["hostPath"]),
    ("gcePersistentDisk", "persistentDisk", storage.gce_errors),
    ("awsElasticBlockStore", "awsElasticBlockStore", storage.aws_errors),
    ("glusterfs", "glusterfs", _glusterfs_errors),
    ("flocker", "flocker", storage.flocker_errors),
    ("nfs", "nfs", storage.nfs_errors),
    ("rbd", "rbd", storage.rbd_errors),
    ("quobyte", "quobyte", storage.quobyte_errors),
    ("cephfs", "cephfs", storage.cephfs_errors),
    ("iscsi", "iscsi", _iscsi_errors),
    ("cinder", "cinder", _cinder_errors),
    ("fc", "fc", storage.fc_errors),
    ("flexVolume", "flexVolume", storage.flex_errors),
    ("azureFile", "azureFile", _azure_file_errors),
    ("vsphereVolume", "vsphereVolume", storage.vsphere_errors),
    ("photonPersistentDisk", "photonPersistentDisk", storage.photon_errors),
    ("portworxVolume", "portworxVolume", storage.portworx_errors),
    ("azureDisk", "azureDisk", storage.azure_disk_errors),
    ("scaleIO", "scaleIO", storage.scaleio_errors),
    ("local", "local", _local_errors),
    ("storageos", "storageos", _storageos_errors),
    ("csi", "csi", _csi_errors),
)
KINDS = tuple(field for field, _, _ in _CHECKS)


def sources_errors(spec: Object, name: str, path: str) -> list[FieldError]:
    """Exactly one source; further ones are refused, and not looked at."""
    found: list[FieldError] = []
    count = 0
    for field, shown, check in _CHECKS:
        source = spec.get(field)
        if source is None:
            continue
        if count and field != "flexVolume":
            where = f"{path}.{'cephFS' if field == 'cephfs' else field}"
            found.append(forbidden(where, "may not specify more than 1 volume type"))
            continue
        count += 1
        found += check(source, f"{path}.{shown}")
        if field == "iscsi":
            found += storage.iscsi_name_errors(source, name, f"{path}.iscsi")
        if field == "local" and spec.get("nodeAffinity") is None:
            found.append(required(f"{path}.nodeAffinity", "Local volume requires node affinity"))
    return found if count else [*found, required(path, "must specify a volume type")]


def default_sources(spec: Object) -> None:
    """Fill in what a source may leave out."""
    for field, values in _DEFAULTS.items():
        source = spec.get(field)
        if source is not None:
            for key, value in values.items():
                if source.get(key) in (None, ""):
                    source[key] = value


_DEFAULTS: dict[str, Object] = {
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "kind": "Shared", "fsType": "ext4", "readOnly": False},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}

_GONE = {
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}


def source_warnings(spec: Object) -> list[str]:
    """Of what nobody can mount any more."""
    return [f"spec.{field}: {text}" for field, text in _GONE.items() if spec.get(field) is not None]
