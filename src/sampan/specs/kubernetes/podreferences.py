"""What pods and volumes refer to: secrets, ConfigMaps, claims. Pure.

Kubernetes: pkg/api/v1/pod/util.go, pkg/api/v1/persistentvolume/util.go.
"""

from collections.abc import Iterator

from sampan.specs.kubernetes.objects import is_controlled_by
from sampan.specs.kubernetes.resourceclaims import claim_name, entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Object = dict[str, Any]

# Sources of volumes -> the field that refers to a secret.
_SECRET_FIELDS = (
    ("azureFile", "secretName"),
    ("cephfs", "secretRef"),
    ("cinder", "secretRef"),
    ("flexVolume", "secretRef"),
    ("rbd", "secretRef"),
    ("secret", "secretName"),
    ("scaleIO", "secretRef"),
    ("iscsi", "secretRef"),
    ("storageos", "secretRef"),
    ("csi", "nodePublishSecretRef"),
)
# Of persistent volumes, what a kubelet sees: not what only controllers use.
_VOLUME_SECRET_FIELDS = (
    *(pair for pair in _SECRET_FIELDS if pair[0] not in ("secret", "azureFile")),
    ("csi", "nodeStageSecretRef"),
    ("csi", "nodeExpandSecretRef"),
)


def _containers(spec: "Object") -> "Iterator[Object]":
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _name(reference: "Any") -> str:
    return reference if isinstance(reference, str) else (reference or {}).get("name") or ""


def _from_environment(spec: "Object", whole: str, key: str) -> Iterator[str]:
    for container in _containers(spec):
        for source in container.get("envFrom") or ():
            yield _name(source.get(whole))
        for variable in container.get("env") or ():
            yield _name((variable.get("valueFrom") or {}).get(key))


def _projected(volume: "Object", kind: str) -> Iterator[str]:
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield _name(source.get(kind))


def read_secrets(spec: "Object") -> set[str]:
    """The names of the secrets whose contents the containers of a pod see."""
    found = set(_from_environment(spec, "secretRef", "secretKeyRef"))
    for volume in spec.get("volumes") or ():
        found.update(_projected(volume, "secret"))
        found.add(_name((volume.get("secret") or {}).get("secretName")))
    return found - {""}


def secrets(spec: "Object") -> set[str]:
    """The names of all secrets that a pod's spec refers to, for pulling images and mounting volumes too."""
    found = {_name(reference) for reference in spec.get("imagePullSecrets") or ()}
    for volume in spec.get("volumes") or ():
        for source, field in _SECRET_FIELDS:
            found.add(_name((volume.get(source) or {}).get(field)))
    return (found | read_secrets(spec)) - {""}


def config_maps(spec: "Object") -> set[str]:
    """The names of the ConfigMaps that a pod's spec refers to."""
    found = set(_from_environment(spec, "configMapRef", "configMapKeyRef"))
    for volume in spec.get("volumes") or ():
        found.update(_projected(volume, "configMap"))
        found.add(_name(volume.get("configMap")))
    return found - {""}


def ephemeral_claim(pod: "Object", volume: "Object") -> str:
    """The name of the claim that is made for a volume of a pod."""
    return f"{pod['metadata']['name']}-{volume.get('name', '')}"


def claims(pod: "Object") -> set[str]:
    """The names of the volume claims of a pod, those made for it included."""
    found = set()
    for volume in pod["spec"].get("volumes") or ():
        found.add((volume.get("persistentVolumeClaim") or {}).get("claimName") or "")
        if volume.get("ephemeral"):
            found.add(ephemeral_claim(pod, volume))
    return found - {""}


def claim_keys(pod: "Object") -> list[str]:
    """For an index of pods by the claims that they use."""
    namespace = pod["metadata"].get("namespace", "")
    return [f"{namespace}/{name}" for name in claims(pod)]


def uses_claim(pod: "Object", claim: "Object") -> bool:
    """A claim that has the name of one made for a pod must have been made for this very pod."""
    name, uid = claim["metadata"]["name"], pod["metadata"]["uid"]
    for volume in pod["spec"].get("volumes") or ():
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == name:
            return True
        if volume.get("ephemeral") and ephemeral_claim(pod, volume) == name:
            return is_controlled_by(claim, uid)
    return False


def resource_claims(pod: "Object") -> set[str]:
    """The names of the resource claims of a pod, those made from templates included."""
    status: Object = pod.get("status") or {}
    found = {claim_name(pod, entry) or "" for entry in entries(pod)}
    extended: Object = status.get("extendedResourceClaimStatus") or {}
    found.add(extended.get("resourceClaimName") or "")
    return found - {""}


def volume_secrets(volume: "Object") -> set[tuple[str, str]]:
    """Namespace and name of each secret that a kubelet needs for a persistent volume."""
    spec: Object = volume.get("spec") or {}
    home = (spec.get("claimRef") or {}).get("namespace") or ""
    found = set()
    for source, field in _VOLUME_SECRET_FIELDS:
        reference = (spec.get(source) or {}).get(field)
        if isinstance(reference, dict) and reference.get("name"):
            found.add((reference.get("namespace") or home, reference["name"]))
    azure: Object = spec.get("azureFile") or {}
    if azure.get("secretName"):
        found.add((azure.get("secretNamespace") or home, azure["secretName"]))
    return found
