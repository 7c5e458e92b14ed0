"""Nodes made by hand, for tests of what reads them: a few kinds as 1.35 has them, as far as they matter
here.
"""

from typing import Any

from sampan.kube.schema.node import Node


def text(**more: Any) -> Node:
    return with_(Node("string"), **more)


def number(**more: Any) -> Node:
    return with_(Node("integer", "int32"), **more)


def struct(definition: str = "", /, **fields: Node) -> Node:
    node = Node("object")
    node.definition = definition
    node.fields = fields
    return node


def map_of(items: Node, **more: Any) -> Node:
    node = Node("map")
    node.items = items
    return with_(node, **more)


def list_of(items: Node, list_type: str = "atomic", *keys: str, **more: Any) -> Node:
    node = Node("list")
    node.items, node.list_type, node.list_keys = items, list_type, keys
    return with_(node, **more)


def with_(node: Node, **more: Any) -> Node:
    for name, value in more.items():
        setattr(node, name, value)
    return node


MERGE = {"patch_strategy": "merge"}


def merged_by(key: str) -> dict[str, str]:
    return {**MERGE, "patch_merge_key": key}


def metadata() -> Node:
    return struct(
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        name=text(),
        namespace=text(),
        uid=text(),
        resourceVersion=text(),
        generation=Node("integer", "int64"),
        creationTimestamp=Node("string", "date-time"),
        labels=map_of(text()),
        annotations=map_of(text()),
        ownerReferences=list_of(
            struct("OwnerReference", uid=text(always=""), name=text(always="")),
            "map",
            "uid",
            **merged_by("uid"),
        ),
        finalizers=list_of(text(), "set", **MERGE),
        managedFields=list_of(struct("ManagedFieldsEntry", manager=text())),
    )


def kind(definition: str, /, **fields: Node) -> Node:
    return struct(
        definition,
        apiVersion=text(),
        kind=text(),
        metadata=with_(metadata(), always={}),
        **fields,
    )


def config_map() -> Node:
    return kind("io.k8s.api.core.v1.ConfigMap", data=map_of(text()), immutable=Node("boolean"))


def pod_spec() -> Node:
    env = struct(
        "io.k8s.api.core.v1.EnvVar",
        name=text(always=""),
        value=text(),
        valueFrom=struct(
            "io.k8s.api.core.v1.EnvVarSource", fieldRef=with_(struct("", fieldPath=text()), map_type="atomic")
        ),
    )
    port = struct(
        "io.k8s.api.core.v1.ContainerPort",
        name=text(),
        containerPort=number(always=0),
        protocol=text(default="TCP"),
    )
    quantities = map_of(Node("string", "quantity"))
    container = struct(
        "io.k8s.api.core.v1.Container",
        name=text(always=""),
        image=text(),
        args=list_of(text()),
        ports=list_of(port, "map", "containerPort", "protocol", **merged_by("containerPort")),
        env=list_of(env, "map", "name", **merged_by("name")),
        resources=struct("io.k8s.api.core.v1.ResourceRequirements", limits=quantities, requests=quantities),
        volumeMounts=list_of(
            struct("", name=text(always=""), mountPath=text(always="")),
            "map",
            "mountPath",
            **merged_by("mountPath"),
        ),
        terminationMessagePath=text(),
        terminationMessagePolicy=text(),
        imagePullPolicy=text(),
    )
    volume = struct(
        "io.k8s.api.core.v1.Volume",
        name=text(always=""),
        emptyDir=struct("", medium=text()),
        hostPath=struct("", path=text(always=""), type=text()),
    )
    return struct(
        "io.k8s.api.core.v1.PodSpec",
        volumes=list_of(volume, "map", "name", patch_strategy="merge,retainKeys", patch_merge_key="name"),
        containers=list_of(container, "map", "name", always=None, **merged_by("name")),
        restartPolicy=text(),
        terminationGracePeriodSeconds=number(),
        dnsPolicy=text(),
        securityContext=struct("", runAsUser=number()),
        imagePullSecrets=list_of(struct("", name=text(always="")), "map", "name", **merged_by("name")),
        schedulerName=text(),
        tolerations=list_of(struct("", key=text(), operator=text())),
        nodeSelector=map_of(text(), map_type="atomic"),
    )


def conditions() -> Node:
    condition = struct(
        "",
        type=text(always=""),
        status=text(always=""),
        reason=text(),
        lastTransitionTime=Node("string", "date-time"),
    )
    return list_of(condition, "map", "type", **merged_by("type"))


def pod() -> Node:
    return kind(
        "io.k8s.api.core.v1.Pod",
        spec=with_(pod_spec(), always={}),
        status=with_(struct("", phase=text(), conditions=conditions()), always={}),
    )


def deployment() -> Node:
    selector = with_(struct("", matchLabels=map_of(text())), map_type="atomic")
    rolling = struct(
        "", maxSurge=Node("string", "int-or-string"), maxUnavailable=Node("string", "int-or-string")
    )
    spec = struct(
        "io.k8s.api.apps.v1.DeploymentSpec",
        replicas=number(),
        selector=selector,
        template=with_(
            struct("", metadata=with_(metadata(), always={}), spec=with_(pod_spec(), always={})), always={}
        ),
        strategy=with_(
            struct("", type=text(), rollingUpdate=rolling), always={}, patch_strategy="retainKeys"
        ),
    )
    return kind(
        "io.k8s.api.apps.v1.Deployment",
        spec=with_(spec, always={}),
        status=with_(struct("", replicas=number(), conditions=conditions()), always={}),
    )
