"""A pod's volumes: one source each, of those that many pods use. Others are in storage.py and
projected.py.
"""

from collections.abc import Callable

from sampan.kube.kinds.core.podspec import storage
from sampan.kube.kinds.core.podspec.claimtemplates import claim_template_errors
from sampan.kube.kinds.core.podspec.paths import (
    backsteps_errors,
    descending_path_errors,
    mode_errors,
)
from sampan.kube.kinds.core.podspec.projected import (
    downward_file_errors,
    item_errors,
    projected_errors,
)
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from sampan.specs.kubernetes.quantity import parse

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
PULL_POLICIES = ("Always", "IfNotPresent", "Never")


def volumes_errors(
    volumes: list[Object], pod_name: str, path: str
) -> tuple[dict[str, Object], list[FieldError]]:
    """The valid ones by name, and what is wrong with the others.

    `pod_name`: empty of a template, and claims that are made for its pods have no names yet.
    """
    found: list[FieldError] = []
    good: dict[str, Object] = {}
    claims: set[str] = set()
    if pod_name:
        claims = {f"{pod_name}-{one.get('name', '')}" for one in volumes if one.get("ephemeral") is not None}
    for at, volume in enumerate(volumes):
        errors = _volume_errors(volume, pod_name, good, f"{path}[{at}]")
        if errors:
            found += errors
        else:
            good[volume["name"]] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        if claim in claims:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            found.append(invalid(f"{path}[{at}].persistentVolumeClaim.claimName", claim, detail))
    return good, found


def _volume_errors(volume: Object, pod_name: str, good: dict[str, Object], path: str) -> list[FieldError]:
    found = source_errors(volume, pod_name, path)
    name = volume.get("name", "")
    if not name:
        found.append(required(f"{path}.name"))
    else:
        found += [invalid(f"{path}.name", name, message) for message in names.dns1123_label(name)]
    if name in good:
        found.append(duplicate(f"{path}.name", name))
    return found


def source_errors(volume: Object, pod_name: str, path: str) -> list[FieldError]:
    """Exactly one source: further ones are refused, and not looked at."""
    present = [key for key in volume if key in SOURCES and volume[key] is not None]
    if not present:
        return [required(path, "must specify a volume type")]
    found: list[FieldError] = []
    present.sort(key=_ORDER.__getitem__)
    first, *others = present
    where = f"{path}.{'persistentDisk' if first == 'gcePersistentDisk' else first}"
    found += SOURCES[first](volume[first], where)
    for key in others:
        where = f"{path}.{_MISSPELT.get(key, key)}"
        found.append(forbidden(where, "may not specify more than 1 volume type"))
    if "iscsi" in present:
        found += storage.iscsi_name_errors(volume["iscsi"], volume.get("name", ""), path)
    if first == "ephemeral" and pod_name and volume.get("name"):
        found += _claim_name_errors(f"{pod_name}-{volume['name']}", volume["name"], path)
    return found


def _claim_name_errors(claim: str, name: str, path: str) -> list[FieldError]:
    return [
        invalid(f"{path}.name", name, f'PVC name "{claim}": {message}')
        for message in names.dns1123_subdomain(claim)
    ]


def _empty_dir_errors(source: Object, path: str) -> list[FieldError]:
    size = source.get("sizeLimit")
    if size is None or parse(size).mantissa >= 0:
        return []
    return [forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")]


def _host_path_errors(source: Object, path: str) -> list[FieldError]:
    if not (where := source.get("path", "")):
        return [required(f"{path}.path")]
    found = backsteps_errors(where, f"{path}.path")
    if (type_ := source.get("type")) is not None and type_ not in _HOST_PATH_TYPES:
        found.append(not_supported(f"{path}.type", type_, _HOST_PATH_TYPES))
    return found


def _git_errors(source: Object, path: str) -> list[FieldError]:
    found = [] if source.get("repository") else [required(f"{path}.repository")]
    return found + descending_path_errors(source.get("directory", ""), f"{path}.directory")


def _items_errors(source: Object, path: str) -> list[FieldError]:
    found = mode_errors(source.get("defaultMode"), f"{path}.defaultMode")
    for at, item in enumerate(source.get("items") or ()):
        found += item_errors(item, f"{path}.items[{at}]")
    return found


def _secret_errors(source: Object, path: str) -> list[FieldError]:
    found = [] if source.get("secretName") else [required(f"{path}.secretName")]
    return found + _items_errors(source, path)


def _config_map_errors(source: Object, path: str) -> list[FieldError]:
    found = [] if source.get("name") else [required(f"{path}.name")]
    return found + _items_errors(source, path)


def _downward_errors(source: Object, path: str) -> list[FieldError]:
    found = mode_errors(source.get("defaultMode"), f"{path}.defaultMode")
    for item in source.get("items") or ():  # upstream does not say which
        found += downward_file_errors(item, path)
    return found


def _claim_errors(source: Object, path: str) -> list[FieldError]:
    return [] if source.get("claimName") else [required(f"{path}.claimName")]


def _ephemeral_errors(source: Object, path: str) -> list[FieldError]:
    if (template := source.get("volumeClaimTemplate")) is None:
        return [required(f"{path}.volumeClaimTemplate")]
    return claim_template_errors(template, f"{path}.volumeClaimTemplate")


def _image_errors(source: Object, path: str) -> list[FieldError]:
    found = [] if source.get("reference") else [required(f"{path}.reference")]
    return found + pull_policy_errors(source.get("pullPolicy", ""), f"{path}.pullPolicy")


def pull_policy_errors(policy: str, path: str) -> list[FieldError]:
    if policy in PULL_POLICIES:
        return []
    return [not_supported(path, policy, PULL_POLICIES) if policy else required(path)]


# In the order in which they are looked at: the first one counts.
SOURCES: dict[str, Callable[[Object, str], list[FieldError]]] = {
    "emptyDir": _empty_dir_errors,
    "hostPath": _host_path_errors,
    "gitRepo": _git_errors,
    "gcePersistentDisk": storage.gce_errors,
    "awsElasticBlockStore": storage.aws_errors,
    "secret": _secret_errors,
    "nfs": storage.nfs_errors,
    "iscsi": storage.iscsi_errors,
    "glusterfs": storage.glusterfs_errors,
    "flocker": storage.flocker_errors,
    "persistentVolumeClaim": _claim_errors,
    "rbd": storage.rbd_errors,
    "cinder": storage.cinder_errors,
    "cephfs": storage.cephfs_errors,
    "quobyte": storage.quobyte_errors,
    "downwardAPI": _downward_errors,
    "fc": storage.fc_errors,
    "flexVolume": storage.flex_errors,
    "configMap": _config_map_errors,
    "azureFile": storage.azure_file_errors,
    "vsphereVolume": storage.vsphere_errors,
    "photonPersistentDisk": storage.photon_errors,
    "portworxVolume": storage.portworx_errors,
    "azureDisk": storage.azure_disk_errors,
    "storageos": storage.storageos_errors,
    "projected": projected_errors,
    "scaleIO": storage.scaleio_errors,
    "csi": storage.csi_errors,
    "ephemeral": _ephemeral_errors,
    "image": _image_errors,
}
_ORDER = {key: at for at, key in enumerate(SOURCES)}
# As upstream's messages have them.
_MISSPELT = {"downwardAPI": "downwarAPI", "cephfs": "cephFS"}
