"""What a pod's spec says where it is silent; pkg/apis/core/v1/defaults.go of 1.35."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sampan.errors import Invalid
from sampan.kube.kinds.core.amounts import round_amounts
from sampan.kube.kinds.core.podspec.resources import default_requests
from sampan.kube.kinds.resource import Object
from sampan.specs.oci import reference

_DEFAULT_MODE = 0o644
_TOKEN_SECONDS = 3600


def default_template(template: Object) -> None:
    """Of what pods are made from."""
    default_spec(template.setdefault("spec", {}))


def default_pod(pod: Object) -> None:
    """Of a pod itself: more than of a template, as then nobody else will say it."""
    spec = pod.setdefault("spec", {})
    default_spec(spec)
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1  # as it will be taken anyway
    default_requests(spec)
    spec.setdefault("enableServiceLinks", True)
    if spec.get("hostNetwork"):
        _default_host_ports(spec)
    _mirror_addresses(pod.setdefault("status", {}))


def _mirror_addresses(status: Object) -> None:
    """The one address and the first of the list are the same; the one wins."""
    first, addresses = status.get("podIP"), status.get("podIPs")
    if first and (not addresses or addresses[0].get("ip") != first):
        status["podIPs"] = [{"ip": first}]
    elif addresses and addresses[0].get("ip"):
        status["podIP"] = addresses[0]["ip"]


def default_spec(spec: Object) -> None:
    _mirror_service_account(spec)
    # Go has it as "" where it is missing.
    if not spec.get("dnsPolicy"):
        spec["dnsPolicy"] = "ClusterFirst"
    if not spec.get("restartPolicy"):
        spec["restartPolicy"] = "Always"
    spec.setdefault("securityContext", {})
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    if not spec.get("schedulerName"):
        spec["schedulerName"] = "default-scheduler"
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            _default_container(container)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def _mirror_service_account(spec: Object) -> None:
    """Its old name is kept beside the new one."""
    if name := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = name
    else:
        spec.pop("serviceAccountName", None)
        spec.pop("serviceAccount", None)


def _default_host_ports(spec: Object) -> None:
    for kind in ("containers", "initContainers"):
        for container in spec.get(kind) or ():
            for port in container.get("ports") or ():
                if not port.get("hostPort") and port.get("containerPort"):
                    port["hostPort"] = port["containerPort"]


def _default_container(container: Object) -> None:
    if resources := container.get("resources"):
        round_amounts(resources.get("limits"), resources.get("requests"))
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image", ""))
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    for port in container.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env") or ():
        if source := variable.get("valueFrom"):
            _default_env_source(source)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            _default_probe(probe)
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict) and handler.get("httpGet") is not None:
            _default_http(handler["httpGet"])


@lru_cache(1024)
def pull_policy(image: str) -> str:
    """Always, if the image's tag may mean another one tomorrow; what cannot be read has no tag."""
    try:
        found = reference.parse(image)
    except Invalid:
        return "IfNotPresent"
    tag = found.tag or ("" if found.digest else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"


def _default_env_source(source: Object) -> None:
    if (ref := source.get("fieldRef")) is not None:
        _default_field_ref(ref)
    if (ref := source.get("fileKeyRef")) is not None:
        ref.setdefault("optional", False)


def _default_field_ref(ref: Object) -> None:
    if not ref.get("apiVersion"):
        ref["apiVersion"] = "v1"


def _default_probe(probe: Object) -> None:
    for name, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        if not probe.get(name):
            probe[name] = value
    if (action := probe.get("httpGet")) is not None:
        _default_http(action)
    if (action := probe.get("grpc")) is not None and action.get("service") is None:
        action["service"] = ""


def _default_http(action: Object) -> None:
    if not action.get("path"):
        action["path"] = "/"
    if not action.get("scheme"):
        action["scheme"] = "HTTP"


def _default_volume(volume: Object) -> None:
    kinds = [key for key, value in volume.items() if key != "name" and value is not None]
    if not kinds:
        volume["emptyDir"] = {}
    for kind in kinds:
        if default := _VOLUMES.get(kind):
            default(volume[kind])


def _fill(source: Object, **values: Any) -> None:
    for key, value in values.items():
        if source.get(key) in (None, ""):
            source[key] = value


def _default_mode(source: Object) -> None:
    if source.get("defaultMode") is None:
        source["defaultMode"] = _DEFAULT_MODE


def _default_downward(source: Object) -> None:
    _default_mode(source)
    _default_files(source)


def _default_files(source: Object) -> None:
    for file in source.get("items") or ():
        if (ref := file.get("fieldRef")) is not None:
            _default_field_ref(ref)


def _default_projected(source: Object) -> None:
    _default_mode(source)
    for one in source.get("sources") or ():
        if (token := one.get("serviceAccountToken")) is not None and token.get("expirationSeconds") is None:
            token["expirationSeconds"] = _TOKEN_SECONDS
        if (files := one.get("downwardAPI")) is not None:
            _default_files(files)


def _default_ephemeral(source: Object) -> None:
    if (template := source.get("volumeClaimTemplate")) is not None:
        default_claim_spec(template.setdefault("spec", {}))


def default_claim_spec(spec: Object) -> None:
    """Of a claim for storage, in a template or by itself."""
    spec.setdefault("volumeMode", "Filesystem")


_VOLUMES: dict[str, Callable[[Object], None]] = {
    "secret": _default_mode,
    "configMap": _default_mode,
    "downwardAPI": _default_downward,
    "projected": _default_projected,
    "ephemeral": _default_ephemeral,
    "hostPath": lambda source: _fill(source, type="") if source.get("type") is None else None,
    "iscsi": lambda source: _fill(source, iscsiInterface="default"),
    "rbd": lambda source: _fill(source, pool="rbd", user="admin", keyring="/etc/ceph/keyring"),
    "azureDisk": lambda source: _fill(
        source, cachingMode="ReadWrite", kind="Shared", fsType="ext4", readOnly=False
    ),
    "scaleIO": lambda source: _fill(source, storageMode="ThinProvisioned", fsType="xfs"),
    "image": lambda source: _fill(source, pullPolicy=pull_policy(source.get("reference", ""))),
}
