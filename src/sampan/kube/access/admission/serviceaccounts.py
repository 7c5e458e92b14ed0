"""The account a pod runs as, its token, and the secrets it may use. plugin/pkg/admission/serviceaccount"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator

from sampan.kube.access.admission.refusing import annotations_of, containers_of, is_of, refused
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.generated import suffix
from sampan.specs.kubernetes.pods import MIRROR

DEFAULT = "default"
ENFORCE = "kubernetes.io/enforce-mountable-secrets"
VOLUME = "kube-api-access-"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
LIFETIME = 60 * 60 + 7  # seconds; the 7 tells such tokens from those that somebody asked for
ROOTS = "kube-root-ca.crt"
ATTEMPTS = 10  # for the default account, which comes a moment after its namespace

Sleep = Callable[[float], Awaitable[object]]


class ServiceAccount(Plugin):
    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep

    async def mutate(self, request: AdmissionRequest) -> None:
        pod = request.object
        if not is_of(request, "pods", "CREATE") or pod is None:
            return
        if MIRROR in annotations_of(pod):
            _check_mirror(request, pod)
            return
        spec = pod["spec"]
        if not spec.get("serviceAccountName"):
            spec["serviceAccountName"] = DEFAULT
        spec["serviceAccount"] = spec["serviceAccountName"]
        account = await self._account(request, spec["serviceAccountName"])
        if _wants_token(account, spec):
            _mount_token(spec)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [{"name": one.get("name", "")} for one in account["imagePullSecrets"]]

    async def validate(self, request: AdmissionRequest) -> None:
        pod = request.object
        adds = request.resource.name == "pods" and request.subresource == "ephemeralcontainers"
        if pod is None or not (adds or is_of(request, "pods", "CREATE")) or MIRROR in annotations_of(pod):
            return
        account = await self._account(request, pod["spec"].get("serviceAccountName") or DEFAULT)
        if annotations_of(account).get(ENFORCE, "").lower() in ("1", "t", "true"):
            _check_secrets(request, pod["spec"], account)

    async def _account(self, request: AdmissionRequest, name: str) -> Object:
        for attempt in range(ATTEMPTS if name == DEFAULT else 1):
            if attempt:
                await self._sleep(random.uniform(0.1, 0.2))
            found = request.reader.get("serviceaccounts", request.namespace, name)
            if found is not None:
                return found
        why = f"serviceaccount {quote(name)} not found"
        raise refused(request, f"error looking up service account {request.namespace}/{name}: {why}")


def _check_mirror(request: AdmissionRequest, pod: Object) -> None:
    """A mirror pod shows one that a node runs by itself: it cannot have anything of the cluster."""
    spec = pod["spec"]
    if spec.get("serviceAccountName"):
        raise refused(request, "a mirror pod may not reference service accounts")
    if any(_secret_names(spec)):
        raise refused(request, "a mirror pod may not reference secrets")
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("serviceAccountToken") is not None:
                raise refused(request, "a mirror pod may not use ServiceAccountToken volume projections")


def _secret_names(spec: Object) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        if volume.get("secret") is not None:
            yield volume["secret"].get("secretName") or "?"
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("secret") is not None:
                yield source["secret"].get("name") or "?"
    for _, container in containers_of(spec):
        for one in container.get("env") or ():
            found = (one.get("valueFrom") or {}).get("secretKeyRef")
            if found is not None:
                yield found.get("name") or "?"
        for one in container.get("envFrom") or ():
            if one.get("secretRef") is not None:
                yield one["secretRef"].get("name") or "?"
    for one in spec.get("imagePullSecrets") or ():
        yield one.get("name") or "?"


# --- the token


def _wants_token(account: Object, spec: Object) -> bool:
    """The pod's word counts, then the account's."""
    for one in (spec, account):
        if "automountServiceAccountToken" in one:
            return bool(one["automountServiceAccountToken"])
    return True


def _mount_token(spec: Object) -> None:
    volumes = spec.get("volumes") or []
    name = next((one["name"] for one in volumes if one.get("name", "").startswith(VOLUME)), "")
    present = bool(name)
    name = name or VOLUME + suffix()
    used = False
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            mounts = container.get("volumeMounts") or []
            if not any(one.get("mountPath") == MOUNT_PATH for one in mounts):
                mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
                container["volumeMounts"] = [*mounts, mount]
                used = True
    if used and not present:
        spec["volumes"] = [*volumes, {"name": name, "projected": _projected()}]


def _projected() -> Object:
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": LIFETIME, "path": "token"}},
            {"configMap": {"name": ROOTS, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
        ],
        "defaultMode": 0o644,
    }


# --- the secrets of an account that has only its own


def _check_secrets(request: AdmissionRequest, spec: Object, account: Object) -> None:
    allowed = {one.get("name") for one in account.get("secrets") or ()}
    pulling = {one.get("name") for one in account.get("imagePullSecrets") or ()}
    which = account["metadata"]["name"]
    because = f"is not allowed because service account {which} does not reference that"
    for what, name in _used_secrets(spec):
        if name not in allowed:
            raise refused(request, f"{what}secret.secretName={quote(name)} {because} secret")
    for index, one in enumerate(spec.get("imagePullSecrets") or ()):
        name = one.get("name", "")
        if name not in pulling:
            why = f"imagePullSecrets[{index}].name={quote(name)} {because} imagePullSecret"
            raise refused(request, why)


def _used_secrets(spec: Object) -> Iterator[tuple[str, str]]:
    """What uses it, as a text, and the secret's name."""
    for volume in spec.get("volumes") or ():
        name = (volume.get("secret") or {}).get("secretName") or ""
        if name:
            yield "volume with ", name
    for kind, container in containers_of(spec):
        which = f"{kind} {container.get('name', '')}"
        for one in container.get("env") or ():
            found = (one.get("valueFrom") or {}).get("secretKeyRef")
            if found is not None:
                yield f"{which} with envVar {one.get('name', '')} referencing ", found.get("name", "")
        for one in container.get("envFrom") or ():
            if one.get("secretRef") is not None:
                yield f"{which} with envFrom referencing ", one["secretRef"].get("name", "")
