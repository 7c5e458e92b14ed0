"""Objects in the form of upstream's internal Go types, for the messages that show a value or a difference.

Facts about pkg/apis/{core,apps,batch,policy}/types.go of 1.35: the fields of each type in their order, which
is neither the wire's nor the alphabet's. Loaded only where something is wrong.

A field is written `Name:type`, `Name=json:type` where the JSON name does not follow from Go's. Types: none
for a string, `#` a number, `?` a boolean, `Q` a quantity (all of them by value, never null), `*` whatever
JSON has, or null (pointers, maps, lists of scalars), `@T` a struct T, `*T` one or null, `[T` a list of T or
null.
"""

import difflib
import json
import re
from functools import cache
from typing import Any

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.fielderror import Shown, shown_in_order
from sampan.specs.kubernetes.object_meta import in_order

_COMMON = """
Name Image Command:* Args:* WorkingDir Ports:[ContainerPort EnvFrom:[EnvFromSource Env:[EnvVar
Resources:@ResourceRequirements ResizePolicy:[ContainerResizePolicy RestartPolicy:*
RestartPolicyRules:[ContainerRestartRule VolumeMounts:[VolumeMount VolumeDevices:[VolumeDevice
LivenessProbe:*Probe ReadinessProbe:*Probe StartupProbe:*Probe Lifecycle:*Lifecycle TerminationMessagePath
TerminationMessagePolicy ImagePullPolicy SecurityContext:*SecurityContext Stdin:? StdinOnce:? TTY:?
"""
_SOURCES = """
HostPath:*HostPathVolumeSource EmptyDir:*EmptyDirVolumeSource GCEPersistentDisk:*GCEPersistentDiskVolumeSource
AWSElasticBlockStore:*AWSElasticBlockStoreVolumeSource GitRepo:*GitRepoVolumeSource Secret:*SecretVolumeSource
NFS:*NFSVolumeSource ISCSI:*ISCSIVolumeSource Glusterfs:*GlusterfsVolumeSource
PersistentVolumeClaim:*PersistentVolumeClaimVolumeSource RBD:*RBDVolumeSource Quobyte:*QuobyteVolumeSource
FlexVolume:*FlexVolumeSource Cinder:*CinderVolumeSource CephFS=cephfs:*CephFSVolumeSource
Flocker:*FlockerVolumeSource DownwardAPI:*DownwardAPIVolumeSource FC:*FCVolumeSource
AzureFile:*AzureFileVolumeSource ConfigMap:*ConfigMapVolumeSource
VsphereVolume:*VsphereVirtualDiskVolumeSource AzureDisk:*AzureDiskVolumeSource
PhotonPersistentDisk:*PhotonPersistentDiskVolumeSource Projected:*ProjectedVolumeSource
PortworxVolume:*PortworxVolumeSource ScaleIO:*ScaleIOVolumeSource StorageOS=storageos:*StorageOSVolumeSource
CSI:*CSIVolumeSource Ephemeral:*EphemeralVolumeSource Image:*ImageVolumeSource
"""

_TYPES = {
    "PodSpec": """
        Volumes:[Volume InitContainers:[Container Containers:[Container
        EphemeralContainers:[EphemeralContainer RestartPolicy TerminationGracePeriodSeconds:*
        ActiveDeadlineSeconds:* DNSPolicy NodeSelector:* ServiceAccountName AutomountServiceAccountToken:*
        NodeName SecurityContext:*PodSecurityContext ImagePullSecrets:[LocalObjectReference Hostname Subdomain
        SetHostnameAsFQDN:* Affinity:*Affinity SchedulerName Tolerations:[Toleration HostAliases:[HostAlias
        PriorityClassName Priority:* PreemptionPolicy:* DNSConfig:*PodDNSConfig
        ReadinessGates:[PodReadinessGate RuntimeClassName:* Overhead:* EnableServiceLinks:*
        TopologySpreadConstraints:[TopologySpreadConstraint OS:*PodOS SchedulingGates:[PodSchedulingGate
        ResourceClaims:[PodResourceClaim Resources:*ResourceRequirements HostnameOverride:* WorkloadRef:*""",
    "Container": _COMMON,
    "EphemeralContainer": _COMMON + " TargetContainerName",
    "Volume": "Name " + _SOURCES,
    "PodSecurityContext": """
        HostNetwork:? HostPID:? HostIPC:? ShareProcessNamespace:* HostUsers:* SELinuxOptions:*SELinuxOptions
        WindowsOptions:*WindowsSecurityContextOptions RunAsUser:* RunAsGroup:* RunAsNonRoot:*
        SupplementalGroups:* SupplementalGroupsPolicy:* FSGroup:* FSGroupChangePolicy:* Sysctls:[Sysctl
        SeccompProfile:*SeccompProfile AppArmorProfile:*AppArmorProfile SELinuxChangePolicy:*""",
    "SecurityContext": """
        Capabilities:*Capabilities Privileged:* SELinuxOptions:*SELinuxOptions
        WindowsOptions:*WindowsSecurityContextOptions RunAsUser:* RunAsGroup:* RunAsNonRoot:*
        ReadOnlyRootFilesystem:* AllowPrivilegeEscalation:* ProcMount:* SeccompProfile:*SeccompProfile
        AppArmorProfile:*AppArmorProfile""",
    "Capabilities": "Add:* Drop:*",
    "SELinuxOptions": "User Role Type Level",
    "WindowsSecurityContextOptions": """
        GMSACredentialSpecName:* GMSACredentialSpec:* RunAsUserName:* HostProcess:*""",
    "Sysctl": "Name Value",
    "SeccompProfile": "Type LocalhostProfile:*",
    "AppArmorProfile": "Type LocalhostProfile:*",
    "ResourceRequirements": "Limits:* Requests:* Claims:[ResourceClaim",
    "ResourceClaim": "Name Request",
    "ContainerPort": "Name HostPort:# ContainerPort:# Protocol HostIP",
    "ContainerResizePolicy": "ResourceName RestartPolicy",
    "ContainerRestartRule": "Action ExitCodes:*ContainerRestartRuleOnExitCodes",
    "ContainerRestartRuleOnExitCodes": "Operator Values:*",
    "EnvVar": "Name Value ValueFrom:*EnvVarSource",
    "EnvVarSource": """
        FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector
        ConfigMapKeyRef:*KeySelector SecretKeyRef:*KeySelector FileKeyRef:*FileKeySelector""",
    "ObjectFieldSelector": "APIVersion FieldPath",
    "ResourceFieldSelector": "ContainerName Resource Divisor:Q",
    "KeySelector": "Name Key Optional:*",
    "FileKeySelector": "VolumeName Path Key Optional:*",
    "EnvFromSource": "Prefix ConfigMapRef:*EnvSource SecretRef:*EnvSource",
    "EnvSource": "Name Optional:*",
    "VolumeMount": """
        Name ReadOnly:? RecursiveReadOnly:* MountPath SubPath MountPropagation:* SubPathExpr""",
    "VolumeDevice": "Name DevicePath",
    "Probe": """
        Exec:*ExecAction HTTPGet:*HTTPGetAction TCPSocket:*TCPSocketAction GRPC:*GRPCAction
        InitialDelaySeconds:# TimeoutSeconds:# PeriodSeconds:# SuccessThreshold:# FailureThreshold:#
        TerminationGracePeriodSeconds:*""",
    "Lifecycle": "PostStart:*LifecycleHandler PreStop:*LifecycleHandler StopSignal:*",
    "LifecycleHandler": """
        Exec:*ExecAction HTTPGet:*HTTPGetAction TCPSocket:*TCPSocketAction Sleep:*SleepAction""",
    "ExecAction": "Command:*",
    "HTTPGetAction": "Path Port:# Host Scheme HTTPHeaders:[HTTPHeader",
    "HTTPHeader": "Name Value",
    "TCPSocketAction": "Port:# Host",
    "GRPCAction": "Port:# Service:*",
    "SleepAction": "Seconds:#",
    "LocalObjectReference": "Name",
    "Affinity": "NodeAffinity:*NodeAffinity PodAffinity:*PodAffinity PodAntiAffinity:*PodAffinity",
    "NodeAffinity": """
        RequiredDuringSchedulingIgnoredDuringExecution:*NodeSelector
        PreferredDuringSchedulingIgnoredDuringExecution:[PreferredSchedulingTerm""",
    "NodeSelector": "NodeSelectorTerms:[NodeSelectorTerm",
    "NodeSelectorTerm": """
        MatchExpressions:[NodeSelectorRequirement MatchFields:[NodeSelectorRequirement""",
    "NodeSelectorRequirement": "Key Operator Values:*",
    "PreferredSchedulingTerm": "Weight:# Preference:@NodeSelectorTerm",
    "PodAffinity": """
        RequiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm
        PreferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm""",
    "PodAffinityTerm": """
        LabelSelector:* Namespaces:* TopologyKey NamespaceSelector:* MatchLabelKeys:* MismatchLabelKeys:*""",
    "WeightedPodAffinityTerm": "Weight:# PodAffinityTerm:@PodAffinityTerm",
    "Toleration": "Key Operator Value Effect TolerationSeconds:*",
    "HostAlias": "IP Hostnames:*",
    "PodDNSConfig": "Nameservers:* Searches:* Options:[PodDNSConfigOption",
    "PodDNSConfigOption": "Name Value:*",
    "PodReadinessGate": "ConditionType",
    "TopologySpreadConstraint": """
        MaxSkew:# TopologyKey WhenUnsatisfiable LabelSelector:* MinDomains:* NodeAffinityPolicy:*
        NodeTaintsPolicy:* MatchLabelKeys:*""",
    "PodOS": "Name",
    "PodSchedulingGate": "Name",
    "PodResourceClaim": "Name ResourceClaimName:* ResourceClaimTemplateName:*",
    "HostPathVolumeSource": "Path Type:*",
    "EmptyDirVolumeSource": "Medium SizeLimit:*",
    "GCEPersistentDiskVolumeSource": "PDName FSType Partition:# ReadOnly:?",
    "AWSElasticBlockStoreVolumeSource": "VolumeID FSType Partition:# ReadOnly:?",
    "GitRepoVolumeSource": "Repository Revision Directory",
    "SecretVolumeSource": "SecretName Items:[KeyToPath DefaultMode:* Optional:*",
    "KeyToPath": "Key Path Mode:*",
    "NFSVolumeSource": "Server Path ReadOnly:?",
    "ISCSIVolumeSource": """
        TargetPortal IQN Lun:# ISCSIInterface FSType ReadOnly:? Portals:*
        DiscoveryCHAPAuth=chapAuthDiscovery:? SessionCHAPAuth=chapAuthSession:?
        SecretRef:*LocalObjectReference
        InitiatorName:*""",
    "GlusterfsVolumeSource": "EndpointsName=endpoints Path ReadOnly:?",
    "PersistentVolumeClaimVolumeSource": "ClaimName ReadOnly:?",
    "RBDVolumeSource": """
        CephMonitors=monitors:* RBDImage=image FSType RBDPool=pool RadosUser=user Keyring
        SecretRef:*LocalObjectReference ReadOnly:?""",
    "QuobyteVolumeSource": "Registry Volume ReadOnly:? User Group Tenant",
    "FlexVolumeSource": "Driver FSType SecretRef:*LocalObjectReference ReadOnly:? Options:*",
    "CinderVolumeSource": "VolumeID FSType ReadOnly:? SecretRef:*LocalObjectReference",
    "CephFSVolumeSource": "Monitors:* Path User SecretFile SecretRef:*LocalObjectReference ReadOnly:?",
    "FlockerVolumeSource": "DatasetName DatasetUUID",
    "DownwardAPIVolumeSource": "Items:[DownwardAPIVolumeFile DefaultMode:*",
    "DownwardAPIVolumeFile": """
        Path FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector Mode:*""",
    "FCVolumeSource": "TargetWWNs:* Lun:* FSType ReadOnly:? WWIDs=wwids:*",
    "AzureFileVolumeSource": "SecretName ShareName ReadOnly:?",
    "ConfigMapVolumeSource": "Name Items:[KeyToPath DefaultMode:* Optional:*",
    "VsphereVirtualDiskVolumeSource": "VolumePath FSType StoragePolicyName StoragePolicyID",
    "AzureDiskVolumeSource": "DiskName DataDiskURI=diskURI CachingMode:* FSType:* ReadOnly:* Kind:*",
    "PhotonPersistentDiskVolumeSource": "PdID FSType",
    "ProjectedVolumeSource": "Sources:[VolumeProjection DefaultMode:*",
    "VolumeProjection": """
        Secret:*SecretProjection DownwardAPI:*DownwardAPIProjection ConfigMap:*ConfigMapProjection
        ServiceAccountToken:*ServiceAccountTokenProjection ClusterTrustBundle:*ClusterTrustBundleProjection
        PodCertificate:*PodCertificateProjection""",
    "SecretProjection": "Name Items:[KeyToPath Optional:*",
    "ConfigMapProjection": "Name Items:[KeyToPath Optional:*",
    "DownwardAPIProjection": "Items:[DownwardAPIVolumeFile",
    "ServiceAccountTokenProjection": "Audience ExpirationSeconds:# Path",
    "ClusterTrustBundleProjection": "Name:* SignerName:* LabelSelector:* Optional:* Path",
    "PodCertificateProjection": """
        SignerName KeyType MaxExpirationSeconds:* CredentialBundlePath KeyPath CertificateChainPath
        UserAnnotations:*""",
    "PortworxVolumeSource": "VolumeID FSType ReadOnly:?",
    "ScaleIOVolumeSource": """
        Gateway System SecretRef:*LocalObjectReference SSLEnabled:? ProtectionDomain StoragePool StorageMode
        VolumeName FSType ReadOnly:?""",
    "StorageOSVolumeSource": """
        VolumeName VolumeNamespace FSType ReadOnly:? SecretRef:*LocalObjectReference""",
    "CSIVolumeSource": """
        Driver ReadOnly:* FSType:* VolumeAttributes:* NodePublishSecretRef:*LocalObjectReference""",
    "EphemeralVolumeSource": "VolumeClaimTemplate:*PersistentVolumeClaimTemplate",
    "PersistentVolumeClaimTemplate": "~ Spec:@PersistentVolumeClaimSpec",
    "PersistentVolumeClaimSpec": """
        AccessModes:* Selector:* Resources:@VolumeResourceRequirements VolumeName StorageClassName:*
        VolumeMode:* DataSource:*TypedLocalObjectReference DataSourceRef:*TypedObjectReference
        VolumeAttributesClassName:*""",
    "VolumeResourceRequirements": "Limits:* Requests:*",
    "TypedLocalObjectReference": "APIGroup:* Kind Name",
    "TypedObjectReference": "APIGroup:* Kind Name Namespace:*",
    "ImageVolumeSource": "Reference PullPolicy",
    "PersistentVolumeSource": """
        GCEPersistentDisk:*GCEPersistentDiskVolumeSource
        AWSElasticBlockStore:*AWSElasticBlockStoreVolumeSource HostPath:*HostPathVolumeSource
        Glusterfs:*GlusterfsPersistentVolumeSource NFS:*NFSVolumeSource RBD:*RBDPersistentVolumeSource
        Quobyte:*QuobyteVolumeSource ISCSI:*ISCSIPersistentVolumeSource FlexVolume:*FlexPersistentVolumeSource
        Cinder:*CinderPersistentVolumeSource CephFS=cephfs:*CephFSPersistentVolumeSource FC:*FCVolumeSource
        Flocker:*FlockerVolumeSource AzureFile:*AzureFilePersistentVolumeSource
        VsphereVolume:*VsphereVirtualDiskVolumeSource AzureDisk:*AzureDiskVolumeSource
        PhotonPersistentDisk:*PhotonPersistentDiskVolumeSource PortworxVolume:*PortworxVolumeSource
        ScaleIO:*ScaleIOPersistentVolumeSource Local:*LocalVolumeSource
        StorageOS=storageos:*StorageOSPersistentVolumeSource CSI:*CSIPersistentVolumeSource""",
    "SecretReference": "Name Namespace",
    "ObjectReference": "Kind Namespace Name UID APIVersion ResourceVersion FieldPath",
    "GlusterfsPersistentVolumeSource": "EndpointsName=endpoints Path ReadOnly:? EndpointsNamespace:*",
    "RBDPersistentVolumeSource": """
        CephMonitors=monitors:* RBDImage=image FSType RBDPool=pool RadosUser=user Keyring
        SecretRef:*SecretReference ReadOnly:?""",
    "ISCSIPersistentVolumeSource": """
        TargetPortal IQN Lun:# ISCSIInterface FSType ReadOnly:? Portals:*
        DiscoveryCHAPAuth=chapAuthDiscovery:? SessionCHAPAuth=chapAuthSession:? SecretRef:*SecretReference
        InitiatorName:*""",
    "FlexPersistentVolumeSource": "Driver FSType SecretRef:*SecretReference ReadOnly:? Options:*",
    "CinderPersistentVolumeSource": "VolumeID FSType ReadOnly:? SecretRef:*SecretReference",
    "CephFSPersistentVolumeSource": """
        Monitors:* Path User SecretFile SecretRef:*SecretReference ReadOnly:?""",
    "AzureFilePersistentVolumeSource": "SecretName ShareName ReadOnly:? SecretNamespace:*",
    "ScaleIOPersistentVolumeSource": """
        Gateway System SecretRef:*SecretReference SSLEnabled:? ProtectionDomain StoragePool StorageMode
        VolumeName FSType ReadOnly:?""",
    "LocalVolumeSource": "Path FSType:*",
    "StorageOSPersistentVolumeSource": """
        VolumeName VolumeNamespace FSType ReadOnly:? SecretRef:*ObjectReference""",
    "CSIPersistentVolumeSource": """
        Driver VolumeHandle ReadOnly:? FSType VolumeAttributes:* ControllerPublishSecretRef:*SecretReference
        NodeStageSecretRef:*SecretReference NodePublishSecretRef:*SecretReference
        ControllerExpandSecretRef:*SecretReference NodeExpandSecretRef:*SecretReference""",
    "VolumeNodeAffinity": "Required:*NodeSelector",
    "IP": "IP",
    "PodTemplateSpec": "~ Spec:@PodSpec",
    "DeploymentStrategy": "Type RollingUpdate:*RollingUpdateDeployment",
    "RollingUpdateDeployment": "MaxUnavailable:# MaxSurge:#",
    "DaemonSetUpdateStrategy": "Type RollingUpdate:*RollingUpdateDeployment",
    "StatefulSetUpdateStrategy": "Type RollingUpdate:*RollingUpdateStatefulSetStrategy",
    "RollingUpdateStatefulSetStrategy": "Partition:# MaxUnavailable:*",
    "PodFailurePolicy": "Rules:[PodFailurePolicyRule",
    "PodFailurePolicyRule": """
        Action OnExitCodes:*PodFailurePolicyOnExitCodes OnPodConditions:[PodFailurePolicyOnPodConditions""",
    "PodFailurePolicyOnExitCodes": "ContainerName:* Operator Values:*",
    "PodFailurePolicyOnPodConditions": "Type Status",
    "SuccessPolicy": "Rules:[SuccessPolicyRule",
    "SuccessPolicyRule": "SucceededIndexes:* SucceededCount:*",
    "UncountedTerminatedPods": "Succeeded:* Failed:*",
    "PodDisruptionBudgetSpec": "MinAvailable:* Selector:* MaxUnavailable:* UnhealthyPodEvictionPolicy:*",
    # flowcontrol, storage
    "FlowSchemaSpec": """
        PriorityLevelConfiguration:@LocalObjectReference MatchingPrecedence:#
        DistinguisherMethod:*FlowDistinguisherMethod Rules:[PolicyRulesWithSubjects""",
    "FlowDistinguisherMethod": "Type",
    "PolicyRulesWithSubjects": """
        Subjects:[FlowSubject ResourceRules:[ResourcePolicyRule NonResourceRules:[NonResourcePolicyRule""",
    "FlowSubject": """
        Kind User:*LocalObjectReference Group:*LocalObjectReference ServiceAccount:*ServiceAccountSubject""",
    "ServiceAccountSubject": "Namespace Name",
    "ResourcePolicyRule": "Verbs:* APIGroups:* Resources:* ClusterScope:? Namespaces:*",
    "NonResourcePolicyRule": "Verbs:* NonResourceURLs:*",
    "PriorityLevelConfigurationSpec": """
        Type Limited:*LimitedPriorityLevelConfiguration Exempt:*ExemptPriorityLevelConfiguration""",
    "LimitedPriorityLevelConfiguration": """
        NominalConcurrencyShares:# LimitResponse:@LimitResponse LendablePercent:* BorrowingLimitPercent:*""",
    "ExemptPriorityLevelConfiguration": "NominalConcurrencyShares:* LendablePercent:*",
    "LimitResponse": "Type Queuing:*QueuingConfiguration",
    "QueuingConfiguration": "Queues:# HandSize:# QueueLengthLimit:#",
    "CSINodeDriver": "Name NodeID TopologyKeys:* Allocatable:*VolumeNodeResources",
    "VolumeNodeResources": "Count:*",
    "VolumeAttachmentSpec": "Attacher Source:@VolumeAttachmentSource NodeName",
    "VolumeAttachmentSource": "PersistentVolumeName:* InlineVolumeSpec:*",
    # resource
    "ResourceClaimTemplateSpec": "~ Spec:@ResourceClaimSpec",
    "ResourceClaimSpec": "Devices:@DeviceClaim",
    "DeviceClaim": "Requests:[DeviceRequest Constraints:[DeviceConstraint Config:[DeviceClaimConfiguration",
    "DeviceRequest": "Name Exactly:*ExactDeviceRequest FirstAvailable:[DeviceSubRequest",
    "ExactDeviceRequest": """
        DeviceClassName Selectors:[DeviceSelector AllocationMode Count:# AdminAccess:*
        Tolerations:[DeviceToleration Capacity:*CapacityRequirements""",
    "DeviceSubRequest": """
        Name DeviceClassName Selectors:[DeviceSelector AllocationMode Count:# Tolerations:[DeviceToleration
        Capacity:*CapacityRequirements""",
    "DeviceSelector": "CEL:*CELDeviceSelector",
    "CELDeviceSelector": "Expression",
    "DeviceToleration": "Key Operator Value Effect TolerationSeconds:*",
    "CapacityRequirements": "Requests:*",
    "DeviceConstraint": "Requests:* MatchAttribute:* DistinctAttribute:*",
    "DeviceClaimConfiguration": "Requests:* Opaque:*OpaqueDeviceConfiguration",
    "OpaqueDeviceConfiguration": "Driver Parameters:*",
    "AllocationResult": "Devices:@DeviceAllocationResult NodeSelector:*NodeSelector AllocationTimestamp:*",
    "DeviceAllocationResult": "Results:[DeviceRequestAllocationResult Config:[DeviceAllocationConfiguration",
    "DeviceRequestAllocationResult": """
        Request Driver Pool Device AdminAccess:* Tolerations:[DeviceToleration BindingConditions:*
        BindingFailureConditions:* ShareID:* ConsumedCapacity:*""",
    "DeviceAllocationConfiguration": "Source Requests:* Opaque:*OpaqueDeviceConfiguration",
    "DeviceAttribute": "IntValue=int:* BoolValue=bool:* StringValue=string:* VersionValue=version:*",
}

_LEADING_CAPITALS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+$|[A-Z]")
_ZEROS: dict[str, Any] = {"": "", "#": 0, "?": False, "Q": "0"}


@cache
def _fields(kind: str) -> tuple[tuple[str, str, str], ...]:
    """(Go's name, JSON's name, type) of each field."""
    found = []
    for word in _TYPES[kind].split():
        name, _, type_ = word.partition(":")
        name, _, key = name.partition("=")
        found.append((name, key or _json_name(name), type_))
    return tuple(found)


def _json_name(name: str) -> str:
    return _LEADING_CAPITALS.sub(lambda part: part[0].lower(), name, count=1)


def internal(kind: str, value: Object) -> Object:
    """`value`, an object of v1 or a part of one, as the JSON of upstream's internal type `kind`."""
    found: Object = {}
    for name, key, type_ in _fields(kind):
        if name == "~":  # an ObjectMeta whose fields stand among those of the struct, under their JSON names
            metadata = in_order(value.get("metadata") or {}, "selfLink", "managedFields")
            found.update({key: _in_order(one) for key, one in metadata.items()})
        else:
            found[name] = _field(type_, value.get(key))
    if kind == "PodSpec":
        _move_into_security_context(found, value)
    return found


def _field(type_: str, value: Any) -> Any:
    if type_ in _ZEROS:
        return _ZEROS[type_] if value is None else value
    if type_ == "*" or (value is None and type_[0] != "@"):
        return _in_order(value)
    if type_[0] == "[":
        return [internal(type_[1:], one) for one in value]
    return internal(type_[1:], value or {})


def _in_order(value: Any) -> Any:
    """Maps by their keys; the one struct among them, a LabelSelector, as it is declared."""
    if isinstance(value, list):
        return [_in_order(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "matchLabels" in value or "matchExpressions" in value:
        return {key: _in_order(value[key]) for key in ("matchLabels", "matchExpressions") if key in value}
    return {key: _in_order(value[key]) for key in sorted(value)}


def _move_into_security_context(pod: Object, value: Object) -> None:
    # The internal type keeps what a pod shares with its host in its security context.
    context = pod["SecurityContext"] or internal("PodSecurityContext", {})
    for name in ("HostNetwork", "HostPID", "HostIPC"):
        context[name] = value.get(_json_name(name), False)
    for name in ("ShareProcessNamespace", "HostUsers"):
        context[name] = value.get(_json_name(name))
    pod["SecurityContext"] = context


def shown(kind: str, value: Object | None) -> Shown:
    """As a message shows it."""
    return Shown("null") if value is None else shown_in_order(internal(kind, value))


def shown_list(kind: str, values: list[Object]) -> Shown:
    return shown_in_order([internal(kind, one) for one in values])


def difference(kind: str, old: Object, new: Object) -> str:
    """A unified diff of the two as indented JSON, without the heading; apimachinery's util/diff."""
    before, after = (_indented(internal(kind, one)) for one in (old, new))
    lines = list(difflib.unified_diff(before, after, lineterm=""))[2:]
    return "\n".join(lines) + "\n"


def _indented(value: Object) -> list[str]:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    for char in "<>&\u2028\u2029":  # Go's encoder escapes them
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.split("\n")
