"""All built-in resources, in the order in which discovery shows groups, versions and resources."""

from functools import cache

from sampan.kube.kinds.resource import Resource


@cache
def builtin_resources() -> tuple[Resource, ...]:
    """What this server serves without anybody's definition; the first call loads the kinds' modules."""
    return (*_core(), *_workloads_and_access(), *_storage_and_extensions(), *_others())


def _core() -> tuple[Resource, ...]:
    from sampan.kube.kinds.apiregistration import apiservice
    from sampan.kube.kinds.core import (
        binding,
        componentstatus,
        configmap,
        endpoints,
        event,
        limitrange,
        namespace,
        node,
        persistentvolume,
        persistentvolumeclaim,
        pod,
        podtemplate,
        replicationcontroller,
        resourcequota,
        secret,
        service,
        serviceaccount,
    )

    return (
        binding.RESOURCE,
        componentstatus.RESOURCE,
        configmap.RESOURCE,
        endpoints.RESOURCE,
        event.RESOURCE,
        limitrange.RESOURCE,
        namespace.RESOURCE,
        node.RESOURCE,
        persistentvolumeclaim.RESOURCE,
        persistentvolume.RESOURCE,
        pod.RESOURCE,
        podtemplate.RESOURCE,
        replicationcontroller.RESOURCE,
        resourcequota.RESOURCE,
        secret.RESOURCE,
        serviceaccount.RESOURCE,
        service.RESOURCE,
        apiservice.RESOURCE,
    )


def _workloads_and_access() -> tuple[Resource, ...]:
    from sampan.kube.kinds.apps import controllerrevision, daemonset, deployment, replicaset, statefulset
    from sampan.kube.kinds.authentication import selfsubjectreview, tokenreview
    from sampan.kube.kinds.authorization import (
        localsubjectaccessreview,
        selfsubjectaccessreview,
        selfsubjectrulesreview,
        subjectaccessreview,
    )
    from sampan.kube.kinds.autoscaling import horizontalpodautoscaler, horizontalpodautoscaler_v1
    from sampan.kube.kinds.batch import cronjob, job
    from sampan.kube.kinds.certificates import certificatesigningrequest
    from sampan.kube.kinds.events import event
    from sampan.kube.kinds.networking import ingress, ingressclass, ipaddress, networkpolicy, servicecidr
    from sampan.kube.kinds.policy import poddisruptionbudget
    from sampan.kube.kinds.rbac import clusterrole, clusterrolebinding, role, rolebinding

    return (
        controllerrevision.RESOURCE,
        daemonset.RESOURCE,
        deployment.RESOURCE,
        replicaset.RESOURCE,
        statefulset.RESOURCE,
        event.RESOURCE,
        selfsubjectreview.RESOURCE,
        tokenreview.RESOURCE,
        localsubjectaccessreview.RESOURCE,
        selfsubjectaccessreview.RESOURCE,
        selfsubjectrulesreview.RESOURCE,
        subjectaccessreview.RESOURCE,
        horizontalpodautoscaler.RESOURCE,
        horizontalpodautoscaler_v1.RESOURCE,
        cronjob.RESOURCE,
        job.RESOURCE,
        certificatesigningrequest.RESOURCE,
        ingressclass.RESOURCE,
        ingress.RESOURCE,
        ipaddress.RESOURCE,
        networkpolicy.RESOURCE,
        servicecidr.RESOURCE,
        poddisruptionbudget.RESOURCE,
        clusterrolebinding.RESOURCE,
        clusterrole.RESOURCE,
        rolebinding.RESOURCE,
        role.RESOURCE,
    )


def _storage_and_extensions() -> tuple[Resource, ...]:
    from sampan.kube.kinds.admissionregistration import (
        mutatingwebhookconfiguration,
        validatingadmissionpolicy,
        validatingadmissionpolicybinding,
        validatingwebhookconfiguration,
    )
    from sampan.kube.kinds.apiextensions import customresourcedefinition
    from sampan.kube.kinds.storage import (
        csidriver,
        csinode,
        csistoragecapacity,
        storageclass,
        volumeattachment,
        volumeattributesclass,
    )

    return (
        csidriver.RESOURCE,
        csinode.RESOURCE,
        csistoragecapacity.RESOURCE,
        storageclass.RESOURCE,
        volumeattachment.RESOURCE,
        volumeattributesclass.RESOURCE,
        mutatingwebhookconfiguration.RESOURCE,
        validatingadmissionpolicy.RESOURCE,
        validatingadmissionpolicybinding.RESOURCE,
        validatingwebhookconfiguration.RESOURCE,
        customresourcedefinition.RESOURCE,
    )


def _others() -> tuple[Resource, ...]:
    from sampan.kube.kinds.coordination import lease
    from sampan.kube.kinds.discovery import endpointslice
    from sampan.kube.kinds.dynamicresources import (
        deviceclass,
        resourceclaim,
        resourceclaimtemplate,
        resourceslice,
    )
    from sampan.kube.kinds.flowcontrol import flowschema, prioritylevelconfiguration
    from sampan.kube.kinds.node import runtimeclass
    from sampan.kube.kinds.scheduling import priorityclass

    return (
        priorityclass.RESOURCE,
        lease.RESOURCE,
        runtimeclass.RESOURCE,
        endpointslice.RESOURCE,
        deviceclass.RESOURCE,
        resourceclaim.RESOURCE,
        resourceclaimtemplate.RESOURCE,
        resourceslice.RESOURCE,
        flowschema.RESOURCE,
        prioritylevelconfiguration.RESOURCE,
    )
