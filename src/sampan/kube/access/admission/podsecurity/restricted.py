"""What the restricted level wants besides: pods as harmless as can be.

Kubernetes: k8s.io/pod-security-admission/policy.
"""

from sampan.kube.access.admission.podsecurity.baseline import (
    CONFINED,
    added,
    forbidden_profiles,
    masked_proc_mount,
    profile,
)
from sampan.kube.access.admission.podsecurity.words import (
    Finding,
    Pod,
    containers,
    context_of,
    names,
    number,
    quoted,
    setters,
)

VOLUMES = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)
# In the order in which upstream looks for them.
OTHER_VOLUMES = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
]
BINDING = {"NET_BIND_SERVICE"}


def privilege_escalation(pod: Pod) -> Finding:
    if pod.windows:
        return None
    found = names(pod, lambda one: context_of(one).get("allowPrivilegeEscalation") is not False)
    if not found:
        return None
    detail = f"{containers(found)} must set securityContext.allowPrivilegeEscalation=false"
    return "allowPrivilegeEscalation != false", detail


def capabilities(pod: Pod) -> Finding:
    if pod.windows:
        return None
    keeping = names(
        pod, lambda one: "ALL" not in ((context_of(one).get("capabilities") or {}).get("drop") or ())
    )
    adding = names(pod, lambda one: set(added(one)) - BINDING)
    told = []
    if keeping:
        told.append(f'{containers(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        wrong = sorted({name for one in pod.containers() for name in added(one)} - BINDING)
        where = "in securityContext.capabilities.add"
        told.append(f"{containers(adding)} must not include {quoted(wrong)} {where}")
    return ("unrestricted capabilities", "; ".join(told)) if told else None


def proc_mount(pod: Pod) -> Finding:
    """Of pods whose users are their own, to which the baseline leaves it."""
    return masked_proc_mount(pod) if pod.own_users else None


def volumes(pod: Pod) -> Finding:
    wrong = [one for one in pod.spec.get("volumes") or () if not any(kind in one for kind in VOLUMES)]
    if not wrong:
        return None
    kinds = sorted({next((kind for kind in OTHER_VOLUMES if kind in one), "unknown") for one in wrong})
    found = [one.get("name", "") for one in wrong]
    which = f"{number('volume', 'volumes', len(found))} {quoted(found)}"
    what = number("restricted volume type", "restricted volume types", len(kinds))
    return "restricted volume types", f"{which} {number('uses', 'use', len(found))} {what} {quoted(kinds)}"


def run_as_non_root(pod: Pod) -> Finding:
    if pod.own_users:
        return None
    by_pod = pod.context.get("runAsNonRoot")
    wrong = names(pod, lambda one: context_of(one).get("runAsNonRoot") is False)
    if wrong or by_pod is False:
        who = setters(by_pod is False, wrong)
        return "runAsNonRoot != true", f"{who} must not set securityContext.runAsNonRoot=false"
    silent = names(pod, lambda one: "runAsNonRoot" not in context_of(one)) if not by_pod else []
    if not silent:
        return None
    return "runAsNonRoot != true", f"pod or {containers(silent)} must set securityContext.runAsNonRoot=true"


def run_as_user(pod: Pod) -> Finding:
    if pod.own_users:
        return None
    by_pod = pod.context.get("runAsUser") == 0
    found = names(pod, lambda one: context_of(one).get("runAsUser") == 0)
    if not by_pod and not found:
        return None
    return "runAsUser=0", f"{setters(by_pod, found)} must not set runAsUser=0"


def seccomp(pod: Pod) -> Finding:
    if pod.windows:
        return None
    wrong = forbidden_profiles(pod)
    if wrong is not None:
        return wrong
    by_pod = profile(pod.context) in CONFINED
    silent = [] if by_pod else names(pod, lambda one: not profile(context_of(one)))
    if not silent:
        return None
    wanted = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return "seccompProfile", f"pod or {containers(silent)} {wanted}"
