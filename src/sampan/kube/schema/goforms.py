"""How Go's types write what is empty, as far as schemas do not tell: from the fields' JSON tags.

Go leaves out an empty field that is marked omitempty, unless it is a struct by value, and writes any other.
A pointer to nothing is left out, a pointer to zero is written. Learnt from what a real server answers.
"""

from typing import Any

from sampan.kube.schema.node import MISSING, Node

# Structs by value: written as {} when nothing is in them. By "group.Kind.field", or by the field's name alone
# where every struct that has it holds it by value.
STRUCTS = frozenset(
    (
        "metadata",
        "spec",
        "status",
        "nodeInfo",
        "daemonEndpoints",
        "kubeletEndpoint",
        "loadBalancer",
        "involvedObject",
        "regarding",
        "deprecatedSource",
        "roleRef",
        "scaleTargetRef",
        "podAffinityTerm",
        "preference",
        "clientConfig",
        "acceptedNames",
        "jobTemplate",
        "priorityLevelConfiguration",
        "limitResponse",
        "podSelector/networking.NetworkPolicySpec",
        "template/apps.DeploymentSpec",
        "template/apps.DaemonSetSpec",
        "template/apps.ReplicaSetSpec",
        "template/apps.StatefulSetSpec",
        "template/batch.JobSpec",
        "template/core.PodTemplate",
        "strategy",
        "updateStrategy",
        "resources/core.Container",
        "resources/core.EphemeralContainer",
        "resources/core.PersistentVolumeClaimSpec",
        "state/core.ContainerStatus",
        "lastState/core.ContainerStatus",
        "source/core.Event",
        "source/storage.VolumeAttachmentSpec",
        "target/core.Binding",
        "target/autoscaling.ResourceMetricSource",
        "target/autoscaling.PodsMetricSource",
        "target/autoscaling.ObjectMetricSource",
        "target/autoscaling.ExternalMetricSource",
        "target/autoscaling.ContainerResourceMetricSource",
        "current/autoscaling.ResourceMetricStatus",
        "current/autoscaling.PodsMetricStatus",
        "current/autoscaling.ObjectMetricStatus",
        "current/autoscaling.ExternalMetricStatus",
        "current/autoscaling.ContainerResourceMetricStatus",
        "metric",
        "describedObject",
        "conditions/discovery.Endpoint",
        "backend/networking.HTTPIngressPath",
        "port/networking.IngressServiceBackend",
        "names/apiextensions.CustomResourceDefinitionSpec",
        "user/authentication.TokenReviewStatus",
        "userInfo/authentication.SelfSubjectReviewStatus",
        "devices/resource.ResourceClaimSpec",
        "devices/resource.AllocationResult",
        "pool/resource.ResourceSliceSpec",
    )
)
# Pointers, against the list above.
POINTERS = frozenset(
    (
        "template/core.ReplicationControllerSpec",
        "status/apiextensions.CustomResourceSubresources",
        "spec/core.Binding",
    )
)
# Without omitempty though not required: field/Kind -> what is written for nothing.
WRITTEN: dict[str, Any] = {
    "reportingComponent/core.Event": "",
    "reportingInstance/core.Event": "",
    "availableReplicas/apps.StatefulSetStatus": 0,
    "serviceName/apps.StatefulSetSpec": MISSING,
    "currentMetrics/autoscaling.HorizontalPodAutoscalerStatus": MISSING,
    "topologyKeys/storage.CSINodeDriver": None,
    "ports/discovery.EndpointSlice": None,
    "rules/rbac.Role": None,
    "rules/rbac.ClusterRole": None,
    "conditions/apiextensions.CustomResourceDefinitionStatus": None,
    "storedVersions/apiextensions.CustomResourceDefinitionStatus": None,
    "replicas/autoscaling.ScaleSpec": MISSING,
}
# Of autoscaling/v2 only, whose Kind has the same short name as v1's.
WRITTEN_V2: dict[str, Any] = {"currentMetrics/autoscaling.HorizontalPodAutoscalerStatus": None}
# Required, and still left out when empty.
OMITTED = frozenset(
    (
        "name/core.LocalObjectReference",
        "lastTransitionTime",
    )
)
# Numbers and booleans by value with omitempty: zero is left out. All other optional ones are pointers.
VALUES = frozenset(
    (
        *("hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly", "unschedulable"),
        *("publishNotReadyAddresses", "paused", "globalDefault", "insecureSkipTLSVerify", "authenticated"),
        *("denied", "uniqueItems", "exclusiveMaximum", "exclusiveMinimum", "nullable", "deprecated"),
        *("x-kubernetes-embedded-resource", "x-kubernetes-int-or-string", "preserveUnknownFields"),
        *("hostPort", "nodePort", "healthCheckNodePort", "minReadySeconds", "initialDelaySeconds"),
        *("periodSeconds", "successThreshold", "failureThreshold", "observedGeneration", "generation"),
        *("currentReplicas", "readyReplicas", "updatedReplicas", "availableReplicas", "unavailableReplicas"),
        *("fullyLabeledReplicas", "numberUnavailable", "numberAvailable", "updatedNumberScheduled", "active"),
        *("succeeded", "failed", "count", "code", "retryAfterSeconds", "signal", "allowed"),
    )
)
VALUES_OF = frozenset(
    (
        "timeoutSeconds/core.Probe",
        "replicas/apps.DeploymentStatus",
        "replicas/autoscaling.ScaleSpec",
        "partition/core.AWSElasticBlockStoreVolumeSource",
        "partition/core.GCEPersistentDiskVolumeSource",
        "number/networking.ServiceBackendPort",
        "port/core.Probe",
        "limit/meta.ListOptions",
    )
)
POINTERS_OF = frozenset(
    (
        "observedGeneration/autoscaling.HorizontalPodAutoscalerStatus",
        "readOnly/core.CSIVolumeSource",
        "readOnly/core.AzureDiskVolumeSource",
    )
)
# Strings that are pointers: "" is written if it was sent.
TEXT_POINTERS = frozenset(
    (
        *("storageClassName", "runtimeClassName", "ingressClassName", "volumeAttributesClassName"),
        *("holderIdentity", "appProtocol", "nodeName/discovery.Endpoint", "hostname/discovery.Endpoint"),
        *("zone/discovery.Endpoint", "name/discovery.EndpointPort", "protocol/discovery.EndpointPort"),
        *("service/core.GRPCAction", "type/core.HostPathVolumeSource", "fsType/core.AzureDiskVolumeSource"),
        *("preemptionPolicy", "gmsaCredentialSpec", "runAsUserName", "strategy/coordination.LeaseSpec"),
        *(
            "preferredHolder",
            "url/admissionregistration.WebhookClientConfig",
            "apiGroup",
            "namespace/core.TypedObjectReference",
        ),
        *("value/core.PodDNSConfigOption", "procMount", "persistentVolumeName"),
        *("trafficDistribution", "loadBalancerClass", "hostnameOverride"),
    )
)


def short(definition: str) -> str:
    """ "core.PodSpec" of "io.k8s.api.core.v1.PodSpec"; autoscaling/v2 is "autoscaling.v2.X"."""
    parts = definition.split(".")
    group, version, name = parts[-3], parts[-2], parts[-1]
    return f"{group}.{version}.{name}" if (group, version) == ("autoscaling", "v2") else f"{group}.{name}"


def mark(kind: str, field: str, node: Node, required: bool) -> None:
    """What is written for nothing (`always`), and whether zero is nothing (`omits_zero`)."""
    plain = kind.replace(".v2", "")
    key = f"{field}/{plain}"
    node.omits_zero = _omits_zero(field, key, node, required)
    if node.type == "object":
        by_value = (field in STRUCTS or key in STRUCTS) and key not in POINTERS and key not in OMITTED
        if by_value and node.format == "":
            node.always = {}
        return
    if kind != plain and key in WRITTEN_V2:
        node.always = WRITTEN_V2[key]
    elif key in WRITTEN:
        node.always = WRITTEN[key]
    elif required and field not in OMITTED and key not in OMITTED:
        node.always = _zero(node)


def _zero(node: Node) -> Any:
    if node.type in ("list", "map"):
        return None
    if node.format in ("date-time", "micro-time", "quantity", "duration", "byte"):
        return MISSING
    return {"string": "", "integer": 0, "number": 0, "boolean": False}.get(node.type, MISSING)


def _omits_zero(field: str, key: str, node: Node, required: bool) -> bool:
    if node.type in ("list", "map"):
        return not required and key not in WRITTEN
    if node.type == "string" and not node.format:
        return not required and field not in TEXT_POINTERS and key not in TEXT_POINTERS
    if node.type in ("boolean", "integer", "number"):
        return not required and (field in VALUES or key in VALUES_OF) and key not in POINTERS_OF
    return False
