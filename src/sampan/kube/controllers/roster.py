"""All controllers: a row each, by the name that upstream gives it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sampan.kube.controllers import (
    autoscaling,
    bootstraptokens,
    clusterroleaggregation,
    daemonsets,
    disruption,
    ephemeralvolumes,
    legacytokens,
    namespaces,
    nodettl,
    replicationcontrollers,
    rollonchange,
    rootca,
    secrettokens,
    serviceaccounts,
    servicecidrs,
    statefulsets,
    tainteviction,
    ttlafterfinished,
)
from sampan.kube.controllers.attachments.attaching import Attaching
from sampan.kube.controllers.certificates import approving, cleaning, signing
from sampan.kube.controllers.context import Context, Options
from sampan.kube.controllers.cronjobs.controller import CronJobs
from sampan.kube.controllers.deployments.controller import controller as deployments
from sampan.kube.controllers.endpoints import EndpointsLoop
from sampan.kube.controllers.endpointslicemirroring import Mirroring
from sampan.kube.controllers.endpointslices.slices import Slices
from sampan.kube.controllers.garbage import Collector
from sampan.kube.controllers.jobs.controller import Jobs
from sampan.kube.controllers.nodeaddresses import Allocator
from sampan.kube.controllers.nodelifecycle.lifecycle import Lifecycle
from sampan.kube.controllers.podgc import PodCollector
from sampan.kube.controllers.quotas import Quotas
from sampan.kube.controllers.replicasets.controller import controller as replica_sets
from sampan.kube.controllers.resourceclaims.controller import ResourceClaims
from sampan.kube.controllers.volumes import expansion, protection
from sampan.kube.controllers.volumes.controller import Volumes


class Runnable(Protocol):
    """A Controller, or whatever else runs until it is cancelled."""

    async def run(self) -> None: ...


@dataclass(frozen=True)
class Row:
    make: Callable[[Context], Runnable]
    account: str = ""  # of kube-system, as which it acts, if that has another name than the controller
    component: str = ""  # as its events name it, if not as the account
    own_rights: bool = False  # it acts as the process itself
    wanted: Callable[[Options], bool] = lambda _: True


ROSTER: Mapping[str, Row] = {
    "bootstrap-signer-controller": Row(bootstraptokens.signer, "bootstrap-signer"),
    "certificatesigningrequest-approving-controller": Row(approving.controller, "certificate-controller"),
    "certificatesigningrequest-cleaner-controller": Row(cleaning.controller, "certificate-controller"),
    "certificatesigningrequest-signing-controller": Row(signing.controller, "certificate-controller"),
    "clusterrole-aggregation-controller": Row(clusterroleaggregation.controller),
    "cronjob-controller": Row(CronJobs),
    "daemonset-controller": Row(
        daemonsets.controller, account="daemon-set-controller", component="daemonset-controller"
    ),
    "deployment-controller": Row(deployments),
    "disruption-controller": Row(disruption.controller, component="controllermanager"),
    "endpoint-controller": Row(EndpointsLoop),
    "endpointslice-controller": Row(Slices, component="endpoint-slice-controller"),
    "endpointslicemirroring-controller": Row(Mirroring, component="endpoint-slice-mirroring-controller"),
    "ephemeral-volume-controller": Row(ephemeralvolumes.controller, component="ephemeral_volume"),
    "generic-garbage-collector": Row(
        lambda context: Collector(context.client, context.recorder), component="garbage-collector-controller"
    ),
    "horizontal-pod-autoscaler-controller": Row(autoscaling.controller, "horizontal-pod-autoscaler"),
    "job-controller": Row(Jobs),
    "legacy-serviceaccount-token-cleaner-controller": Row(
        legacytokens.controller, "legacy-service-account-token-cleaner"
    ),
    "namespace-controller": Row(namespaces.controller),
    "node-ipam-controller": Row(
        Allocator, "node-controller", "cidrAllocator", wanted=lambda options: bool(options.cluster_cidrs)
    ),
    "node-lifecycle-controller": Row(Lifecycle, account="node-controller"),
    "persistentvolume-binder-controller": Row(
        Volumes, "persistent-volume-binder", "persistentvolume-controller"
    ),
    "persistentvolume-expander-controller": Row(expansion.controller, "expand-controller", "volume_expand"),
    "persistentvolume-protection-controller": Row(protection.volumes, "pv-protection-controller"),
    "persistentvolumeclaim-protection-controller": Row(protection.claims, "pvc-protection-controller"),
    "persistentvolume-attach-detach-controller": Row(
        Attaching, "attachdetach-controller", "attachdetach-controller"
    ),
    "pod-garbage-collector-controller": Row(PodCollector, account="pod-garbage-collector"),
    "replicaset-controller": Row(replica_sets),
    "replication-controller": Row(replicationcontrollers.controller),
    "resourceclaim-controller": Row(ResourceClaims, "resource-claim-controller", "resource_claim"),
    "resourcequota-controller": Row(lambda context: Quotas(context.client, context.informers, context.clock)),
    "roll-on-change-controller": Row(rollonchange.controller),
    "root-ca-cert-publisher": Row(rootca.controller),
    "service-account-controller": Row(serviceaccounts.controller),
    "service-cidrs-controller": Row(servicecidrs.controller),
    "serviceaccount-token-controller": Row(secrettokens.controller, own_rights=True),
    "statefulset-controller": Row(statefulsets.controller),
    "taint-eviction-controller": Row(
        tainteviction.controller, account="node-controller", component="taint-eviction-controller"
    ),
    "token-cleaner-controller": Row(bootstraptokens.cleaner, "token-cleaner"),
    "ttl-after-finished-controller": Row(ttlafterfinished.controller),
    "ttl-controller": Row(nodettl.controller),
    "volumeattributesclass-protection-controller": Row(protection.attributes_classes),
}
