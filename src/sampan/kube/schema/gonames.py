"""Named Go types of fields that are strings, numbers, lists or maps in JSON: errors of decoding call them so.

A row is the end of a definition's name and `field:Type`, in the definition's own package unless it has a dot.
"""

# Of a field of this name wherever it is.
ANYWHERE = {
    "imagePullPolicy": "v1.PullPolicy",
    "terminationMessagePolicy": "v1.TerminationMessagePolicy",
    "mountPropagation": "v1.MountPropagationMode",
    "recursiveReadOnly": "v1.RecursiveReadOnlyMode",
    "accessModes": "[]v1.PersistentVolumeAccessMode",
    "volumeMode": "v1.PersistentVolumeMode",
    "preemptionPolicy": "v1.PreemptionPolicy",
    "uid": "types.UID",
    "stopSignal": "v1.Signal",
    "labelSelectorPath": "string",
}
_ROWS = """
admissionregistration.v1.MatchResources matchPolicy:MatchPolicyType
admissionregistration.v1.MutatingWebhook failurePolicy:FailurePolicyType matchPolicy:MatchPolicyType
admissionregistration.v1.MutatingWebhook reinvocationPolicy:ReinvocationPolicyType
admissionregistration.v1.MutatingWebhook sideEffects:SideEffectClass
admissionregistration.v1.NamedRuleWithOperations operations:[]OperationType scope:ScopeType
admissionregistration.v1.ParamRef parameterNotFoundAction:ParameterNotFoundActionType
admissionregistration.v1.RuleWithOperations operations:[]OperationType scope:ScopeType
admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec validationActions:[]ValidationAction
admissionregistration.v1.ValidatingAdmissionPolicySpec failurePolicy:FailurePolicyType
admissionregistration.v1.ValidatingWebhook failurePolicy:FailurePolicyType matchPolicy:MatchPolicyType
admissionregistration.v1.ValidatingWebhook sideEffects:SideEffectClass
admissionregistration.v1.Validation reason:v1.StatusReason
apps.v1.DaemonSetCondition type:DaemonSetConditionType status:v1.ConditionStatus
apps.v1.DaemonSetUpdateStrategy type:DaemonSetUpdateStrategyType
apps.v1.DeploymentCondition type:DeploymentConditionType status:v1.ConditionStatus
apps.v1.DeploymentStrategy type:DeploymentStrategyType
apps.v1.ReplicaSetCondition type:ReplicaSetConditionType status:v1.ConditionStatus
apps.v1.StatefulSetCondition type:StatefulSetConditionType status:v1.ConditionStatus
apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy whenDeleted:PersistentVolumeClaimRetentionPolicyType
apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy whenScaled:PersistentVolumeClaimRetentionPolicyType
apps.v1.StatefulSetSpec podManagementPolicy:PodManagementPolicyType
apps.v1.StatefulSetUpdateStrategy type:StatefulSetUpdateStrategyType
authentication.v1.UserInfo extra:map[string]ExtraValue uid:string
authorization.v1.SubjectAccessReviewSpec extra:map[string]ExtraValue uid:string
autoscaling.v2.ContainerResourceMetricSource name:v1.ResourceName
autoscaling.v2.ContainerResourceMetricStatus name:v1.ResourceName
autoscaling.v2.HPAScalingPolicy type:HPAScalingPolicyType
autoscaling.v2.HPAScalingRules selectPolicy:ScalingPolicySelect
autoscaling.v2.HorizontalPodAutoscalerCondition type:HorizontalPodAutoscalerConditionType
autoscaling.v2.HorizontalPodAutoscalerCondition status:v1.ConditionStatus
autoscaling.v2.MetricSpec type:MetricSourceType
autoscaling.v2.MetricStatus type:MetricSourceType
autoscaling.v2.MetricTarget type:MetricTargetType
autoscaling.v2.ResourceMetricSource name:v1.ResourceName
autoscaling.v2.ResourceMetricStatus name:v1.ResourceName
batch.v1.CronJobSpec concurrencyPolicy:ConcurrencyPolicy
batch.v1.JobCondition type:JobConditionType status:v1.ConditionStatus
batch.v1.JobSpec completionMode:CompletionMode podReplacementPolicy:PodReplacementPolicy
batch.v1.PodFailurePolicyOnExitCodesRequirement operator:PodFailurePolicyOnExitCodesOperator
batch.v1.PodFailurePolicyOnPodConditionsPattern type:v1.PodConditionType status:v1.ConditionStatus
batch.v1.PodFailurePolicyRule action:PodFailurePolicyAction
batch.v1.UncountedTerminatedPods failed:[]types.UID succeeded:[]types.UID
certificates.v1.CertificateSigningRequestCondition type:RequestConditionType status:v1.ConditionStatus
certificates.v1.CertificateSigningRequestSpec extra:map[string]ExtraValue uid:string usages:[]KeyUsage
coordination.v1.LeaseSpec strategy:CoordinatedLeaseStrategy
core.v1.AppArmorProfile type:AppArmorProfileType
core.v1.AzureDiskVolumeSource cachingMode:AzureDataDiskCachingMode kind:AzureDataDiskKind
core.v1.Capabilities add:[]Capability drop:[]Capability
core.v1.Container restartPolicy:ContainerRestartPolicy
core.v1.ContainerPort protocol:Protocol
core.v1.ContainerResizePolicy resourceName:ResourceName restartPolicy:ResourceResizeRestartPolicy
core.v1.ContainerStatus allocatedResources:ResourceList
core.v1.EmptyDirVolumeSource medium:StorageMedium
core.v1.EndpointPort protocol:Protocol
core.v1.EphemeralContainer restartPolicy:ContainerRestartPolicy
core.v1.HTTPGetAction scheme:URIScheme
core.v1.HostPathVolumeSource type:HostPathType
core.v1.ImageVolumeSource pullPolicy:PullPolicy
core.v1.LimitRangeItem type:LimitType max:ResourceList min:ResourceList default:ResourceList
core.v1.LimitRangeItem defaultRequest:ResourceList maxLimitRequestRatio:ResourceList
core.v1.LoadBalancerIngress ipMode:LoadBalancerIPMode
core.v1.NamespaceCondition type:NamespaceConditionType status:ConditionStatus
core.v1.NamespaceSpec finalizers:[]FinalizerName
core.v1.NamespaceStatus phase:NamespacePhase
core.v1.NodeAddress type:NodeAddressType
core.v1.NodeCondition type:NodeConditionType status:ConditionStatus
core.v1.NodeSelectorRequirement operator:NodeSelectorOperator
core.v1.NodeStatus phase:NodePhase capacity:ResourceList allocatable:ResourceList
core.v1.NodeStatus volumesInUse:[]UniqueVolumeName
core.v1.AttachedVolume name:UniqueVolumeName
core.v1.PersistentVolumeClaimCondition type:PersistentVolumeClaimConditionType status:ConditionStatus
core.v1.PersistentVolumeClaimStatus phase:PersistentVolumeClaimPhase capacity:ResourceList
core.v1.PersistentVolumeClaimStatus allocatedResources:ResourceList
core.v1.PersistentVolumeSpec capacity:ResourceList
core.v1.PersistentVolumeSpec persistentVolumeReclaimPolicy:PersistentVolumeReclaimPolicy
core.v1.PersistentVolumeStatus phase:PersistentVolumePhase
core.v1.PodCondition type:PodConditionType status:ConditionStatus
core.v1.PodOS name:OSName
core.v1.PodReadinessGate conditionType:PodConditionType
core.v1.PodSecurityContext fsGroupChangePolicy:PodFSGroupChangePolicy
core.v1.PodSecurityContext seLinuxChangePolicy:PodSELinuxChangePolicy
core.v1.PodSecurityContext supplementalGroupsPolicy:SupplementalGroupsPolicy
core.v1.PodSpec dnsPolicy:DNSPolicy restartPolicy:RestartPolicy overhead:ResourceList
core.v1.PodStatus phase:PodPhase qosClass:PodQOSClass resize:PodResizeStatus
core.v1.PortStatus protocol:Protocol
core.v1.ReplicationControllerCondition type:ReplicationControllerConditionType status:ConditionStatus
core.v1.ResourceQuotaSpec hard:ResourceList scopes:[]ResourceQuotaScope
core.v1.ResourceQuotaStatus hard:ResourceList used:ResourceList
core.v1.ResourceRequirements limits:ResourceList requests:ResourceList
core.v1.ScopedResourceSelectorRequirement scopeName:ResourceQuotaScope operator:ScopeSelectorOperator
core.v1.SeccompProfile type:SeccompProfileType
core.v1.Secret type:SecretType
core.v1.SecurityContext procMount:ProcMountType
core.v1.ServicePort protocol:Protocol
core.v1.ServiceSpec type:ServiceType sessionAffinity:ServiceAffinity ipFamilies:[]IPFamily
core.v1.ServiceSpec ipFamilyPolicy:IPFamilyPolicy externalTrafficPolicy:ServiceExternalTrafficPolicy
core.v1.ServiceSpec internalTrafficPolicy:ServiceInternalTrafficPolicy
core.v1.Taint effect:TaintEffect
core.v1.Toleration effect:TaintEffect operator:TolerationOperator
core.v1.TopologySpreadConstraint whenUnsatisfiable:UnsatisfiableConstraintAction
core.v1.TopologySpreadConstraint nodeAffinityPolicy:NodeInclusionPolicy nodeTaintsPolicy:NodeInclusionPolicy
core.v1.VolumeResourceRequirements limits:ResourceList requests:ResourceList
discovery.v1.EndpointPort protocol:v1.Protocol
discovery.v1.EndpointSlice addressType:AddressType
flowcontrol.v1.FlowDistinguisherMethod type:FlowDistinguisherMethodType
flowcontrol.v1.LimitResponse type:LimitResponseType
flowcontrol.v1.PriorityLevelConfigurationSpec type:PriorityLevelEnablement
flowcontrol.v1.Subject kind:SubjectKind
meta.v1.Condition status:ConditionStatus
meta.v1.DeleteOptions propagationPolicy:DeletionPropagation
meta.v1.LabelSelectorRequirement operator:LabelSelectorOperator
meta.v1.ManagedFieldsEntry operation:ManagedFieldsOperationType
networking.v1.HTTPIngressPath pathType:PathType
networking.v1.IngressPortStatus protocol:v1.Protocol
networking.v1.NetworkPolicyPort protocol:v1.Protocol
networking.v1.NetworkPolicySpec policyTypes:[]PolicyType
node.v1.Overhead podFixed:v1.ResourceList
policy.v1.PodDisruptionBudgetSpec unhealthyPodEvictionPolicy:UnhealthyPodEvictionPolicyType
resource.v1.Device attributes:map[v1.QualifiedName]DeviceAttribute
resource.v1.Device capacity:map[v1.QualifiedName]DeviceCapacity
resource.v1.DeviceConstraint matchAttribute:FullyQualifiedName distinctAttribute:FullyQualifiedName
resource.v1.DeviceSubRequest allocationMode:DeviceAllocationMode
resource.v1.DeviceTaint effect:DeviceTaintEffect
resource.v1.DeviceToleration effect:DeviceTaintEffect operator:DeviceTolerationOperator
resource.v1.ExactDeviceRequest allocationMode:DeviceAllocationMode
storage.v1.CSIDriverSpec fsGroupPolicy:FSGroupPolicy volumeLifecycleModes:[]VolumeLifecycleMode
storage.v1.StorageClass reclaimPolicy:v1.PersistentVolumeReclaimPolicy volumeBindingMode:VolumeBindingMode
apiextensions.v1.CustomResourceConversion strategy:ConversionStrategyType
apiextensions.v1.CustomResourceDefinitionCondition type:CustomResourceDefinitionConditionType
apiextensions.v1.CustomResourceDefinitionCondition status:ConditionStatus
apiextensions.v1.CustomResourceDefinitionSpec scope:ResourceScope
apiextensions.v1.ValidationRule reason:FieldValueErrorReason
apiregistration.v1.APIServiceCondition type:APIServiceConditionType status:ConditionStatus
"""


def table() -> dict[tuple[str, str], str]:
    """(definition's short name, field) -> Go's type."""
    found = {}
    for row in _ROWS.strip().split("\n"):
        short, *pairs = row.split()
        for field, _, type in (pair.partition(":") for pair in pairs):
            found[short, field] = _with_package(type, short.split(".")[1])
    return found


def _with_package(type: str, package: str) -> str:
    own = type.rpartition("]")[2]
    return type if "." in own or own == "string" else f"{type.removesuffix(own)}{package}.{own}"
