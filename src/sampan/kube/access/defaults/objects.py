"""Everything that a cluster has from its first start, and what becomes of it at later starts."""

import ipaddress
import json
from dataclasses import dataclass

from sampan.kube.access.defaults import flowcontrol, reconcile, roles
from sampan.kube.kinds.resource import Object
from sampan.kube.pki.accounttokens import TRACKING

NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "default")
MANAGED = "kube-aggregator.kubernetes.io/automanaged"  # the label of APIServices that this server keeps
ON_START, ALWAYS = "onstart", "true"

# Group -> what an APIService of it says: groupPriorityMinimum, and versionPriority of each version.
# pkg/controlplane/apiserver/aggregator.go
API_PRIORITIES: dict[str, tuple[int, dict[str, int]]] = {
    "": (18000, {"v1": 1}),
    "apps": (17800, {"v1": 15}),
    "events.k8s.io": (17750, {"v1": 5}),
    "authentication.k8s.io": (17700, {"v1": 15}),
    "authorization.k8s.io": (17600, {"v1": 15}),
    "autoscaling": (17500, {"v1": 15, "v2": 30}),
    "batch": (17400, {"v1": 15}),
    "certificates.k8s.io": (17300, {"v1": 15}),
    "networking.k8s.io": (17200, {"v1": 15}),
    "policy": (17100, {"v1": 15}),
    "rbac.authorization.k8s.io": (17000, {"v1": 15}),
    "storage.k8s.io": (16800, {"v1": 15}),
    "admissionregistration.k8s.io": (16700, {"v1": 15}),
    "apiextensions.k8s.io": (16700, {"v1": 15}),
    "scheduling.k8s.io": (16600, {"v1": 15}),
    "coordination.k8s.io": (16500, {"v1": 15}),
    "node.k8s.io": (16300, {"v1": 15}),
    "discovery.k8s.io": (16200, {"v1": 15}),
    "resource.k8s.io": (16200, {"v1": 15}),
    "flowcontrol.apiserver.k8s.io": (16100, {"v1": 21}),
}


@dataclass(frozen=True)
class Cluster:
    """What the default objects need to know of this cluster."""

    now: str  # RFC 3339
    service_cidrs: tuple[str, ...]
    service_address: str  # the first of the first range
    advertise_address: str
    port: int
    client_ca: str  # PEM
    front_proxy_ca: str  # PEM


def default_objects(cluster: Cluster) -> list[tuple[str, Object]]:
    """All of them, each with the name of its resource, in the order in which they are to be made."""
    return [
        *(("namespaces", _namespace(name)) for name in NAMESPACES),
        # Its controller would make it as well, a second later; until then pods are refused.
        ("serviceaccounts", _object("ServiceAccount", "v1", {"name": "default", "namespace": "default"})),
        *_priority_classes(),
        *flowcontrol.objects(cluster.now),
        ("servicecidrs.networking.k8s.io", _service_cidr(cluster)),
        *_own_service(cluster),
        ("configmaps", _authentication(cluster)),
        ("configmaps", _config_map(TRACKING, {"since": cluster.now[:10]})),
        *_api_services(cluster.now),
        *roles.objects(),
    ]


def reconciled(resource: str, live: Object | None, wanted: Object) -> Object | None:
    """What is to be written at a start, given what is there; None: nothing.

    Roles and bindings whose roleRef changed cannot be updated: then the result has no resourceVersion, and
    the live object is to be deleted first.
    """
    if live is None:
        return wanted
    rule = _RULES.get(resource)
    return rule(live, wanted) if rule else None


_RULES = {
    f"clusterroles.{roles.RBAC}": reconcile.role,
    f"roles.{roles.RBAC}": reconcile.role,
    f"clusterrolebindings.{roles.RBAC}": reconcile.binding,
    f"rolebindings.{roles.RBAC}": reconcile.binding,
    f"flowschemas.{flowcontrol.GROUP}": reconcile.spec,
    f"prioritylevelconfigurations.{flowcontrol.GROUP}": reconcile.spec,
    "services": reconcile.service,
    "endpoints": reconcile.endpoints,
    "endpointslices.discovery.k8s.io": reconcile.endpoints,
    "configmaps": reconcile.data,
}


def _object(kind: str, api_version: str, metadata: Object, **rest: object) -> Object:
    return {"kind": kind, "apiVersion": api_version, "metadata": metadata, **rest}


def _namespace(name: str) -> Object:
    metadata = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
    return _object("Namespace", "v1", metadata)


def _priority_classes() -> list[tuple[str, Object]]:
    node = "Used for system critical pods that must not be moved from their current node."
    cluster = (
        "Used for system critical pods that must run in the cluster, "
        "but can be moved to another node if necessary."
    )
    rows = (("system-node-critical", 2000001000, node), ("system-cluster-critical", 2000000000, cluster))
    return [
        (
            "priorityclasses.scheduling.k8s.io",
            _object(
                "PriorityClass",
                "scheduling.k8s.io/v1",
                {"name": name},
                value=value,
                description=description,
                preemptionPolicy="PreemptLowerPriority",
            ),
        )
        for name, value, description in rows
    ]


def _service_cidr(cluster: Cluster) -> Object:
    metadata = {"name": "kubernetes", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": cluster.now, "reason": ""}
    status = {"conditions": [{**ready, "message": "Kubernetes Service CIDR is ready"}]}
    spec = {"cidrs": [*cluster.service_cidrs]}
    return _object("ServiceCIDR", "networking.k8s.io/v1", metadata, spec=spec, status=status)


def _own_service(cluster: Cluster) -> list[tuple[str, Object]]:
    """The service `kubernetes` and where it leads: this server."""
    labels = {"component": "apiserver", "provider": "kubernetes"}
    metadata = {"name": "kubernetes", "namespace": "default", "labels": labels}
    port = {"name": "https", "port": cluster.port, "protocol": "TCP"}
    spec = {
        "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": cluster.port}],
        "clusterIP": cluster.service_address,
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
    skip = {**metadata, "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}
    subset = {"addresses": [{"ip": cluster.advertise_address}], "ports": [port]}
    named = {**metadata, "labels": {"kubernetes.io/service-name": "kubernetes"}}
    slice_ = _object(
        "EndpointSlice",
        "discovery.k8s.io/v1",
        named,
        addressType="IPv6" if ":" in cluster.advertise_address else "IPv4",
        endpoints=[{"addresses": [cluster.advertise_address], "conditions": {"ready": True}}],
        ports=[port],
    )
    service = _object("Service", "v1", metadata, spec=spec, status={"loadBalancer": {}})
    # No endpoint may be a loopback address: a server that listens there only is no service to others.
    if ipaddress.ip_address(cluster.advertise_address).is_loopback:
        return [("services", service)]
    return [
        ("services", service),
        ("endpoints", _object("Endpoints", "v1", skip, subsets=[subset])),
        ("endpointslices.discovery.k8s.io", slice_),
    ]


def _config_map(name: str, data: dict[str, str]) -> Object:
    return _object("ConfigMap", "v1", {"name": name, "namespace": "kube-system"}, data=data)


def _authentication(cluster: Cluster) -> Object:
    """What extension servers read to know whom this server speaks for."""
    data = {
        "client-ca-file": cluster.client_ca,
        "requestheader-allowed-names": json.dumps(["front-proxy-client"]),
        "requestheader-client-ca-file": cluster.front_proxy_ca,
        "requestheader-extra-headers-prefix": json.dumps(["X-Remote-Extra-"]),
        "requestheader-group-headers": json.dumps(["X-Remote-Group"]),
        "requestheader-username-headers": json.dumps(["X-Remote-User"]),
    }
    return _config_map("extension-apiserver-authentication", data)


def _api_services(now: str) -> list[tuple[str, Object]]:
    return [
        ("apiservices.apiregistration.k8s.io", api_service(group, version, minimum, priority, now))
        for group, (minimum, versions) in API_PRIORITIES.items()
        for version, priority in versions.items()
    ]


def api_service(
    group: str, version: str, minimum: int, priority: int, now: str, managed: str = ON_START
) -> Object:
    """The APIService of a group version that this server itself serves."""
    labels = {MANAGED: managed}
    available = {"type": "Available", "status": "True", "lastTransitionTime": now, "reason": "Local"}
    return _object(
        "APIService",
        "apiregistration.k8s.io/v1",
        {"name": f"{version}.{group}", "labels": labels},
        spec={
            **({"group": group} if group else {}),
            "version": version,
            "groupPriorityMinimum": minimum,
            "versionPriority": priority,
        },
        status={"conditions": [{**available, "message": "Local APIServices are always available"}]},
    )
