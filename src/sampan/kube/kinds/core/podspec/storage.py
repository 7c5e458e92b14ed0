"""Volumes that are somebody's storage system: most of them old, few looked at closely."""

import re

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required, too_long

_IQN = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([a-zA-Z0-9-.]+)(:[^,;*&$|\s]+)$", re.ASCII).search,
    "eui": re.compile(r"^eui.[a-zA-Z0-9]{16}$").search,
    "naa": re.compile(r"^naa.[a-zA-Z0-9]{32}$").search,
}
_BYTE = (0, 255)
_CACHING = ("None", "ReadOnly", "ReadWrite")
_DISKS = ("Dedicated", "Managed", "Shared")
_MANAGED_URI = (
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
)
_BLOB_URI = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
_HOST_PORTS = "must be a host:port pair or multiple pairs separated by commas"


def _needed(source: Object, path: str, *fields: str) -> list[FieldError]:
    return [required(f"{path}.{name}") for name in fields if not source.get(name)]


def _secret_ref_errors(source: Object, path: str) -> list[FieldError]:
    ref = source.get("secretRef")
    return [] if ref is None or ref.get("name") else [required(f"{path}.secretRef.name")]


def _partition_errors(source: Object, path: str) -> list[FieldError]:
    number = source.get("partition", 0)
    if 0 <= number <= 255:
        return []
    return [invalid(f"{path}.partition", number, names.range_error(1, 255))]


def gce_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "pdName") + _partition_errors(source, path)


def aws_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "volumeID") + _partition_errors(source, path)


def nfs_errors(source: Object, path: str) -> list[FieldError]:
    found = _needed(source, path, "server", "path")
    if not (where := source.get("path", "")).startswith("/"):
        found.append(invalid(f"{path}.path", where, "must be an absolute path"))
    return found


def iscsi_errors(source: Object, path: str) -> list[FieldError]:
    found = _needed(source, path, "targetPortal")
    if iqn := source.get("iqn", ""):
        found += _iqn_errors(iqn, f"{path}.iqn")
    else:
        found.append(required(f"{path}.iqn"))
    lun = source.get("lun", 0)
    found += [invalid(f"{path}.lun", lun, message) for message in names.in_range(lun, *_BYTE)]
    asks = source.get("chapAuthDiscovery") or source.get("chapAuthSession")
    if asks and source.get("secretRef") is None:
        found.append(required(f"{path}.secretRef"))
    if (initiator := source.get("initiatorName")) is not None:
        found += _iqn_errors(initiator, f"{path}.initiatorname")
    return found


def _iqn_errors(name: str, path: str) -> list[FieldError]:
    pattern = _IQN.get(name[:3])
    if pattern is None:
        return [invalid(path, name, "must be valid format starting with iqn, eui, or naa")]
    return [] if pattern(name) else [invalid(path, name, "must be valid format")]


def iscsi_name_errors(source: Object, volume: str, path: str) -> list[FieldError]:
    if source.get("initiatorName") is None or names.size(f"{volume}:{source.get('targetPortal', '')}") <= 64:
        return []
    detail = (
        "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters "
        "if iscsi.initiatorName is specified."
    )
    return [invalid(f"{path}.name", volume, detail)]


def glusterfs_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "endpoints", "path")


def flocker_errors(source: Object, path: str) -> list[FieldError]:
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    found: list[FieldError] = []
    if not name and not uuid:
        found.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        detail = "datasetName and datasetUUID can not be specified simultaneously"
        found.append(invalid(path, "resource", detail))
    if "/" in name:
        found.append(invalid(f"{path}.datasetName", name, "must not contain '/'"))
    return found


def rbd_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "monitors", "image")


def cinder_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "volumeID") + _secret_ref_errors(source, path)


def cephfs_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "monitors")


def quobyte_errors(source: Object, path: str) -> list[FieldError]:
    registry = source.get("registry", "")
    found: list[FieldError] = []
    if not registry:
        found.append(required(f"{path}.registry", _HOST_PORTS))
    elif names.size(source.get("tenant", "")) >= 65:
        detail = "must be a UUID and may not exceed a length of 64 characters"
        found.append(required(f"{path}.tenant", detail))
    else:
        bad = [pair for pair in registry.split(",") if not _is_host_port(pair)]
        found += [invalid(f"{path}.registry", registry, _HOST_PORTS) for _ in bad]
    return found + _needed(source, path, "volume")


def _is_host_port(text: str) -> bool:
    """net.SplitHostPort."""
    host, colon, _ = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return False
    return bool(colon) and "[" not in host and "]" not in host


def fc_errors(source: Object, path: str) -> list[FieldError]:
    names_, ids = source.get("targetWWNs") or [], source.get("wwids") or []
    found: list[FieldError] = []
    if not names_ and not ids:
        detail = "must specify either targetWWNs or wwids, but not both"
        found.append(required(f"{path}.targetWWNs", detail))
    if names_ and ids:
        detail = "targetWWNs and wwids can not be specified simultaneously"
        found.append(invalid(f"{path}.targetWWNs", names_, detail))
    if names_:
        lun = source.get("lun")
        if lun is None:
            found.append(required(f"{path}.lun", "lun is required if targetWWNs is specified"))
        else:
            found += [invalid(f"{path}.lun", lun, message) for message in names.in_range(lun, *_BYTE)]
    return found


def flex_errors(source: Object, path: str) -> list[FieldError]:
    found = _needed(source, path, "driver")
    for key in source.get("options") or ():
        owner = "." + key.partition("/")[0].lower()
        if owner.endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            found.append(invalid(f"{path}.options[{key}]", key, detail))
    return found


def azure_file_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "secretName", "shareName")


def azure_disk_errors(source: Object, path: str) -> list[FieldError]:
    found = _needed(source, path, "diskName", "diskURI")
    kind, uri = source.get("kind"), source.get("diskURI", "")
    for name, known in (("cachingMode", _CACHING), ("kind", _DISKS)):
        if (value := source.get(name)) is not None and value not in known:
            found.append(not_supported(f"{path}.{name}", value, known))
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        found.append(not_supported(f"{path}.diskURI", uri, (_MANAGED_URI,)))
    if kind not in (None, "Managed") and not uri.startswith("https://"):
        found.append(not_supported(f"{path}.diskURI", uri, (_BLOB_URI,)))
    return found


def vsphere_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "volumePath")


def photon_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "pdID")


def portworx_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "volumeID")


def storageos_errors(source: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if not source.get("volumeName"):
        found.append(required(f"{path}.volumeName"))
    for field in ("volumeName", "volumeNamespace"):
        if value := source.get(field):
            found += [invalid(f"{path}.{field}", value, one) for one in names.dns1123_label(value)]
    return found + _secret_ref_errors(source, path)


def scaleio_errors(source: Object, path: str) -> list[FieldError]:
    return _needed(source, path, "gateway", "system", "volumeName")


def csi_errors(source: Object, path: str) -> list[FieldError]:
    found = driver_name_errors(source.get("driver", ""), f"{path}.driver")
    ref = source.get("nodePublishSecretRef")
    if ref is None:
        return found
    if not (name := ref.get("name", "")):
        return [*found, required(f"{path}.nodePublishSecretRef.name")]
    return found + [invalid(f"{path}.name", name, message) for message in names.dns1123_subdomain(name)]


def driver_name_errors(driver: str, path: str) -> list[FieldError]:
    """Of a CSI driver, wherever one is named."""
    if not driver:
        return [required(path)]
    found = [too_long(path, 63)] if names.size(driver) > 63 else []
    return found + [invalid(path, driver, message) for message in names.dns1123_subdomain(driver.lower())]
