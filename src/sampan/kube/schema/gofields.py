"""What Kubernetes' Go types say of fields, and its OpenAPI data does not. k8s.io/api/*/types.go of 1.35

A row is the end of a definition's name ("core.v1.PodSpec") and fields of it; a definition may have several.
Where nothing is said, a field is required (no omitempty: always written), or a value with omitempty: left out
when it is empty, and objects are pointers.
"""


def _table(text: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for row in text.split("\n"):
        name, *fields = row.split() or [""]
        found[name] = found.get(name, frozenset()) | frozenset(fields)
    return found


# Pointers to strings, numbers and booleans: an empty value is one, and stays. Among them one list, since
# scaling rules without policies get the default ones, and rules with an empty list are an error.
POINTERS = _table(
    """
admissionregistration.v1.MatchResources matchPolicy
admissionregistration.v1.MutatingWebhook failurePolicy matchPolicy reinvocationPolicy sideEffects
admissionregistration.v1.MutatingWebhook timeoutSeconds
admissionregistration.v1.NamedRuleWithOperations scope
admissionregistration.v1.ParamRef parameterNotFoundAction
admissionregistration.v1.RuleWithOperations scope
admissionregistration.v1.ServiceReference path port
admissionregistration.v1.ValidatingAdmissionPolicySpec failurePolicy
admissionregistration.v1.ValidatingWebhook failurePolicy matchPolicy sideEffects timeoutSeconds
admissionregistration.v1.Validation reason
admissionregistration.v1.WebhookClientConfig url
apps.v1.DaemonSetSpec revisionHistoryLimit
apps.v1.DaemonSetStatus collisionCount
apps.v1.DeploymentSpec progressDeadlineSeconds replicas revisionHistoryLimit
apps.v1.DeploymentStatus collisionCount terminatingReplicas
apps.v1.ReplicaSetSpec replicas
apps.v1.ReplicaSetStatus terminatingReplicas
apps.v1.RollingUpdateStatefulSetStrategy partition
apps.v1.StatefulSetSpec replicas revisionHistoryLimit
apps.v1.StatefulSetStatus collisionCount
authentication.v1.TokenRequestSpec expirationSeconds
autoscaling.v1.HorizontalPodAutoscalerSpec minReplicas targetCPUUtilizationPercentage
autoscaling.v1.HorizontalPodAutoscalerStatus currentCPUUtilizationPercentage observedGeneration
autoscaling.v2.HPAScalingRules policies selectPolicy stabilizationWindowSeconds
autoscaling.v2.HorizontalPodAutoscalerSpec minReplicas
autoscaling.v2.HorizontalPodAutoscalerStatus observedGeneration
autoscaling.v2.MetricTarget averageUtilization
autoscaling.v2.MetricValueStatus averageUtilization
batch.v1.CronJobSpec failedJobsHistoryLimit startingDeadlineSeconds successfulJobsHistoryLimit suspend
batch.v1.CronJobSpec timeZone
batch.v1.JobSpec activeDeadlineSeconds backoffLimit backoffLimitPerIndex completionMode completions
batch.v1.JobSpec managedBy manualSelector maxFailedIndexes parallelism podReplacementPolicy suspend
batch.v1.JobSpec ttlSecondsAfterFinished
batch.v1.JobStatus failedIndexes ready terminating
batch.v1.PodFailurePolicyOnExitCodesRequirement containerName
batch.v1.SuccessPolicyRule succeededCount succeededIndexes
certificates.v1.CertificateSigningRequestSpec expirationSeconds
coordination.v1.LeaseSpec holderIdentity leaseDurationSeconds leaseTransitions preferredHolder strategy
core.v1.AppArmorProfile localhostProfile
core.v1.AzureDiskVolumeSource cachingMode fsType kind readOnly
core.v1.AzureFilePersistentVolumeSource secretNamespace
core.v1.CSIVolumeSource fsType readOnly
core.v1.ClientIPConfig timeoutSeconds
core.v1.ClusterTrustBundleProjection name optional signerName
core.v1.ConfigMap immutable
core.v1.ConfigMapEnvSource optional
core.v1.ConfigMapKeySelector optional
core.v1.ConfigMapProjection optional
core.v1.ConfigMapVolumeSource defaultMode optional
core.v1.Container restartPolicy
core.v1.ContainerStatus started stopSignal
core.v1.DownwardAPIVolumeFile mode
core.v1.DownwardAPIVolumeSource defaultMode
core.v1.EndpointAddress nodeName
core.v1.EndpointPort appProtocol
core.v1.EphemeralContainer restartPolicy
core.v1.FCVolumeSource lun
core.v1.FileKeySelector optional
core.v1.GlusterfsPersistentVolumeSource endpointsNamespace
core.v1.HostPathVolumeSource type
core.v1.ISCSIPersistentVolumeSource initiatorName
core.v1.ISCSIVolumeSource initiatorName
core.v1.KeyToPath mode
core.v1.Lifecycle stopSignal
core.v1.LoadBalancerIngress ipMode
core.v1.LocalVolumeSource fsType
core.v1.NodeFeatures supplementalGroupsPolicy
core.v1.NodeRuntimeHandlerFeatures recursiveReadOnlyMounts userNamespaces
core.v1.NodeSwapStatus capacity
core.v1.PersistentVolumeClaimSpec storageClassName volumeAttributesClassName volumeMode
core.v1.PersistentVolumeClaimStatus currentVolumeAttributesClassName
core.v1.PersistentVolumeSpec volumeAttributesClassName volumeMode
core.v1.PodCertificateProjection maxExpirationSeconds
core.v1.PodDNSConfigOption value
core.v1.PodResourceClaim resourceClaimName resourceClaimTemplateName
core.v1.PodResourceClaimStatus resourceClaimName
core.v1.PodSecurityContext fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser seLinuxChangePolicy
core.v1.PodSecurityContext supplementalGroupsPolicy
core.v1.PodSpec activeDeadlineSeconds automountServiceAccountToken enableServiceLinks hostUsers
core.v1.PodSpec hostnameOverride preemptionPolicy priority runtimeClassName setHostnameAsFQDN
core.v1.PodSpec shareProcessNamespace terminationGracePeriodSeconds
core.v1.PortStatus error
core.v1.Probe terminationGracePeriodSeconds
core.v1.ProjectedVolumeSource defaultMode
core.v1.ReplicationControllerSpec replicas
core.v1.SeccompProfile localhostProfile
core.v1.Secret immutable
core.v1.SecretEnvSource optional
core.v1.SecretKeySelector optional
core.v1.SecretProjection optional
core.v1.SecretVolumeSource defaultMode optional
core.v1.SecurityContext allowPrivilegeEscalation privileged procMount readOnlyRootFilesystem runAsGroup
core.v1.SecurityContext runAsNonRoot runAsUser
core.v1.ServiceAccount automountServiceAccountToken
core.v1.ServiceAccountTokenProjection expirationSeconds
core.v1.ServicePort appProtocol
core.v1.ServiceSpec allocateLoadBalancerNodePorts internalTrafficPolicy ipFamilyPolicy loadBalancerClass
core.v1.ServiceSpec trafficDistribution
core.v1.Toleration tolerationSeconds
core.v1.TopologySpreadConstraint minDomains nodeAffinityPolicy nodeTaintsPolicy
core.v1.TypedLocalObjectReference apiGroup
core.v1.TypedObjectReference apiGroup namespace
core.v1.VolumeMount mountPropagation recursiveReadOnly
core.v1.VolumeMountStatus recursiveReadOnly
core.v1.WindowsSecurityContextOptions gmsaCredentialSpec gmsaCredentialSpecName hostProcess runAsUserName
discovery.v1.Endpoint hostname nodeName zone
discovery.v1.EndpointConditions ready serving terminating
discovery.v1.EndpointPort appProtocol name port protocol
flowcontrol.v1.ExemptPriorityLevelConfiguration lendablePercent nominalConcurrencyShares
flowcontrol.v1.LimitedPriorityLevelConfiguration borrowingLimitPercent lendablePercent
flowcontrol.v1.LimitedPriorityLevelConfiguration nominalConcurrencyShares
networking.v1.HTTPIngressPath pathType
networking.v1.IngressClassParametersReference apiGroup namespace scope
networking.v1.IngressPortStatus error
networking.v1.IngressSpec ingressClassName
networking.v1.NetworkPolicyPort endPort protocol
policy.v1.PodDisruptionBudgetSpec unhealthyPodEvictionPolicy
resource.v1.AllocatedDeviceStatus shareID
resource.v1.Device allNodes allowMultipleAllocations bindsToNode nodeName
resource.v1.DeviceAttribute bool int string version
resource.v1.DeviceClassSpec extendedResourceName
resource.v1.DeviceConstraint distinctAttribute matchAttribute
resource.v1.DeviceRequestAllocationResult adminAccess shareID
resource.v1.DeviceToleration tolerationSeconds
resource.v1.ExactDeviceRequest adminAccess
resource.v1.ResourceSliceSpec allNodes nodeName perDeviceNodeSelection
scheduling.v1.PriorityClass preemptionPolicy
storage.v1.CSIDriverSpec attachRequired fsGroupPolicy nodeAllocatableUpdatePeriodSeconds podInfoOnMount
storage.v1.CSIDriverSpec requiresRepublish seLinuxMount serviceAccountTokenInSecrets storageCapacity
storage.v1.StorageClass allowVolumeExpansion reclaimPolicy volumeBindingMode
storage.v1.TokenRequest expirationSeconds
storage.v1.VolumeAttachmentSource persistentVolumeName
storage.v1.VolumeError errorCode
storage.v1.VolumeNodeResources count
apiextensions.v1.CustomResourceDefinitionVersion deprecationWarning
apiextensions.v1.CustomResourceSubresourceScale labelSelectorPath
apiextensions.v1.CustomResourceSubresources status
apiextensions.v1.JSONSchemaProps $ref maxItems maxLength maxProperties maximum minItems minLength
apiextensions.v1.JSONSchemaProps minProperties minimum multipleOf x-kubernetes-list-type
apiextensions.v1.JSONSchemaProps x-kubernetes-map-type x-kubernetes-preserve-unknown-fields
apiextensions.v1.ServiceReference path port
apiextensions.v1.ValidationRule optionalOldSelf reason
apiextensions.v1.WebhookClientConfig url
meta.v1.DeleteOptions gracePeriodSeconds ignoreStoreReadErrorWithClusterBreakingPotential orphanDependents
meta.v1.DeleteOptions propagationPolicy
meta.v1.ListMeta remainingItemCount
meta.v1.ObjectMeta deletionGracePeriodSeconds
meta.v1.OwnerReference blockOwnerDeletion controller
meta.v1.Preconditions resourceVersion uid
apiregistration.v1.ServiceReference port
"""
)

# Required, and a pointer all the same: without a value it is written as null.
REQUIRED_POINTERS = _table(
    """
apps.v1.DaemonSetSpec selector
apps.v1.DeploymentSpec selector
apps.v1.ReplicaSetSpec selector
apps.v1.StatefulSetSpec selector
"""
)

# Optional by a mark and yet without omitempty: written even if empty, null where it is a pointer or a list.
# (The service of a gRPC probe is a pointer, but its default is "".)
WRITTEN = _table(
    """
apiextensions.v1.CustomResourceDefinitionStatus conditions storedVersions
apps.v1.StatefulSetOrdinals start
apps.v1.StatefulSetSpec serviceName
apps.v1.StatefulSetStatus availableReplicas
authentication.v1.TokenRequestSpec boundObjectRef expirationSeconds
autoscaling.v2.HorizontalPodAutoscalerStatus currentMetrics
core.v1.ContainerImage names
core.v1.Event eventTime reportingComponent reportingInstance
core.v1.GRPCAction service
core.v1.NodeRuntimeHandler name
core.v1.TypedLocalObjectReference apiGroup
core.v1.TypedObjectReference apiGroup
discovery.v1.EndpointSlice ports
flowcontrol.v1.FlowSchemaSpec matchingPrecedence
flowcontrol.v1.QueuingConfiguration handSize queueLengthLimit queues
networking.v1.IngressClassParametersReference scope
rbac.v1.ClusterRole rules
rbac.v1.Role rules
resource.v1.DeviceClaim requests
storage.v1.CSINodeDriver topologyKeys
"""
)

# Required by a mark, and yet with omitempty.
LEFT_OUT = _table(
    """
networking.v1.IPAddressSpec parentRef
resource.v1.CapacityRequestPolicyRange min
"""
)

# Structs by value: omitempty has no effect on them. So are `metadata`, `spec`, `status`, and the times below.
STRUCTS = _table(
    """
apiextensions.v1.CustomResourceDefinitionStatus acceptedNames
apps.v1.ControllerRevision data
apps.v1.DaemonSetSpec updateStrategy
apps.v1.DeploymentSpec strategy
apps.v1.ReplicaSetSpec template
apps.v1.StatefulSetSpec updateStrategy
authentication.v1.SelfSubjectReviewStatus userInfo
authentication.v1.TokenReviewStatus user
core.v1.Container resources
core.v1.ContainerStatus lastState state
core.v1.EphemeralContainer resources
core.v1.Event source
core.v1.NodeDaemonEndpoints kubeletEndpoint
core.v1.NodeStatus daemonEndpoints nodeInfo
core.v1.PersistentVolumeClaimSpec resources
core.v1.PodTemplate template
core.v1.ResourceFieldSelector divisor
core.v1.ServicePort targetPort
core.v1.ServiceStatus loadBalancer
discovery.v1.Endpoint conditions
events.v1.Event deprecatedSource regarding
flowcontrol.v1.LimitedPriorityLevelConfiguration limitResponse
meta.v1.APIGroup preferredVersion
networking.v1.IngressServiceBackend port
networking.v1.IngressStatus loadBalancer
networking.v1.NetworkPolicySpec podSelector
resource.v1.AllocationResult devices
resource.v1.ResourceClaimSpec devices
"""
)

# Times are structs by value too (null when zero), but for these pointers. ObjectMeta's creation is omitzero.
TIME_POINTERS = _table(
    """
autoscaling.v1.HorizontalPodAutoscalerStatus lastScaleTime
autoscaling.v2.HorizontalPodAutoscalerStatus lastScaleTime
batch.v1.CronJobStatus lastScheduleTime lastSuccessfulTime
batch.v1.JobStatus completionTime startTime
coordination.v1.LeaseSpec acquireTime renewTime
core.v1.PersistentVolumeStatus lastPhaseTransitionTime
core.v1.PodStatus startTime
core.v1.Taint timeAdded
meta.v1.ManagedFieldsEntry time
meta.v1.ObjectMeta creationTimestamp deletionTimestamp
resource.v1.AllocationResult allocationTimestamp
resource.v1.DeviceTaint timeAdded
"""
)

# Structs that Go embeds; their name stands in the path of a decoding error. Fields, or "*": all but those of
# the second list.
EMBEDDED = {
    "admissionregistration.v1.NamedRuleWithOperations": {
        "RuleWithOperations": "operations",
        "RuleWithOperations.Rule": "apiGroups apiVersions resources scope",
    },
    "admissionregistration.v1.RuleWithOperations": {"Rule": "apiGroups apiVersions resources scope"},
    "core.v1.ConfigMapEnvSource": {"LocalObjectReference": "name"},
    "core.v1.ConfigMapKeySelector": {"LocalObjectReference": "name"},
    "core.v1.ConfigMapProjection": {"LocalObjectReference": "name"},
    "core.v1.ConfigMapVolumeSource": {"LocalObjectReference": "name"},
    "core.v1.EphemeralContainer": {"EphemeralContainerCommon": "* targetContainerName"},
    "core.v1.PersistentVolumeSpec": {
        "PersistentVolumeSource": "* accessModes capacity claimRef mountOptions nodeAffinity "
        "persistentVolumeReclaimPolicy storageClassName volumeAttributesClassName volumeMode"
    },
    "core.v1.Probe": {"ProbeHandler": "exec grpc httpGet tcpSocket"},
    "core.v1.SecretEnvSource": {"LocalObjectReference": "name"},
    "core.v1.SecretKeySelector": {"LocalObjectReference": "name"},
    "core.v1.SecretProjection": {"LocalObjectReference": "name"},
    "core.v1.Volume": {"VolumeSource": "* name"},
    "networking.v1.IngressRule": {"IngressRuleValue": "http"},
    "resource.v1.DeviceAllocationConfiguration": {"DeviceConfiguration": "opaque"},
    "resource.v1.DeviceClaimConfiguration": {"DeviceConfiguration": "opaque"},
    "resource.v1.DeviceClassConfiguration": {"DeviceConfiguration": "opaque"},
}

# Fields behind feature gates that are off in 1.35: known (no "unknown field"), and dropped. By group:
# MaxUnavailableStatefulSet; CoordinatedLeaderElection; ResourceHealthStatus, ContainerStopSignals,
# NodeDeclaredFeatures, GenericWorkload, InPlacePodLevelResourcesVerticalScaling, DRAExtendedResource,
# ClusterTrustBundleProjection, PodCertificateRequest; DRAConsumableCapacity, DRADeviceBindingConditions,
# DRADeviceTaints, DRAPartitionableDevices; CRDObservedGenerationTracking.
# https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/
GATED_OFF = _table(
    """
apps.v1.RollingUpdateStatefulSetStrategy maxUnavailable
coordination.v1.LeaseSpec preferredHolder strategy
core.v1.ContainerStatus allocatedResourcesStatus stopSignal
core.v1.Lifecycle stopSignal
core.v1.NodeStatus declaredFeatures
core.v1.PodSpec workloadRef
core.v1.PodStatus allocatedResources extendedResourceClaimStatus resources
core.v1.VolumeProjection clusterTrustBundle podCertificate
resource.v1.AllocatedDeviceStatus shareID
resource.v1.AllocationResult allocationTimestamp
resource.v1.Device allNodes allowMultipleAllocations bindingConditions bindingFailureConditions bindsToNode
resource.v1.Device consumesCounters nodeName nodeSelector taints
resource.v1.DeviceCapacity requestPolicy
resource.v1.DeviceClassSpec extendedResourceName
resource.v1.DeviceConstraint distinctAttribute
resource.v1.DeviceRequestAllocationResult bindingConditions bindingFailureConditions consumedCapacity
resource.v1.DeviceRequestAllocationResult shareID tolerations
resource.v1.DeviceSubRequest capacity tolerations
resource.v1.ExactDeviceRequest capacity tolerations
resource.v1.ResourceSliceSpec perDeviceNodeSelection sharedCounters
apiextensions.v1.CustomResourceDefinitionCondition observedGeneration
apiextensions.v1.CustomResourceDefinitionStatus observedGeneration
"""
)


def by_value(short: str, name: str) -> bool:
    """Of a field that is a struct and not required: is it one by value?"""
    return name in ("metadata", "spec", "status") or name in STRUCTS.get(short, ())
