"""What the API server itself puts into a cluster: default objects, and nodes with nothing behind them."""

import time
from collections.abc import Callable

from sampan.kube.access.defaults.objects import MANAGED, Cluster, default_objects, reconciled
from sampan.kube.access.user import LOOPBACK
from sampan.kube.api.calls import AGENT, Call
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.extensions import API_SERVICES
from sampan.kube.api.options import DeleteOptions, WriteOptions
from sampan.kube.api.served import Served
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.resource import Object, Reader
from sampan.kube.schema import decoding

OPTIONS = WriteOptions(manager=AGENT)


class Bootstrap:
    """Writes as the server itself, by the way that everybody's writes take."""

    def __init__(self, catalog: Catalog, reader: Reader, writer: Writer, clock: Callable[[], float]) -> None:
        self._catalog = catalog
        self._reader = reader
        self._writer = writer
        self._clock = clock

    async def defaults(self, cluster: Cluster) -> None:
        """Make what is missing, and bring up to date what nobody has taken over."""
        for resource, wanted in default_objects(cluster):
            metadata = wanted["metadata"]
            live = self._reader.get(resource, metadata.get("namespace", ""), metadata["name"])
            if resource == API_SERVICES and not self._serves(wanted["spec"]):
                await self._unregister(live)
                continue
            changed = reconciled(resource, live, wanted)
            if changed is not None:
                await self._put(resource, live, changed)

    def _serves(self, spec: Object) -> bool:
        return spec["version"] in self._catalog.groups.get(spec.get("group", ""), ())

    async def _unregister(self, live: Object | None) -> None:
        """Nobody but this server has to do with a group version that it was told not to serve."""
        served = self._catalog.by_name(API_SERVICES)
        assert served is not None
        if live is not None and (live["metadata"].get("labels") or {}).get(MANAGED):
            await self._writer.delete(self._call(served, "", live["metadata"]["name"]), DeleteOptions())

    async def fake_nodes(self, count: int) -> None:
        """Nodes fake-0 to fake-<count - 1>, Ready and untainted."""
        for number in range(count):
            name = f"fake-{number}"
            wanted = fake_node(name, _stamp(self._clock()))
            if self._reader.get("nodes", "", name) is None:
                await self._put("nodes", None, wanted)
            # Admission taints every new node; who finds it ready takes that away again.
            live = self._reader.get("nodes", "", name)
            if live is not None and (live.get("spec") or {}).get("taints"):
                await self._put("nodes", live, {**live, "spec": {}})

    async def _put(self, resource: str, live: Object | None, wanted: Object) -> None:
        served = self._catalog.by_name(resource)
        assert served is not None, resource
        metadata = wanted["metadata"]
        call = self._call(served, metadata.get("namespace", ""), metadata["name"])
        if live is not None and not metadata.get("resourceVersion"):
            await self._writer.delete(call, DeleteOptions())
            live = None
        if live is not None:
            await self._writer.update(call, lambda _old: self._decoded(served, wanted), OPTIONS)
            return
        call.name = ""
        await self._writer.create(call, self._decoded(served, wanted), OPTIONS)
        if wanted.get("status") and "status" in served.subresources:
            call = self._call(served, metadata.get("namespace", ""), metadata["name"])
            call.subresource = "status"
            await self._writer.update(
                call, lambda old: self._decoded(served, {**(old or {}), "status": wanted["status"]}), OPTIONS
            )

    def _decoded(self, served: Served, value: Object) -> Object:
        found: Object = decoding.decode(served.node, value).object
        found["kind"], found["apiVersion"] = served.kind, served.api_version
        served.resource.default(found)
        return found

    def _call(self, served: Served, namespace: str, name: str) -> Call:
        return Call(served, LOOPBACK, self._reader, namespace, name, agent=AGENT, now=self._clock())


def fake_node(name: str, now: str) -> Object:
    """A node as a kubelet would have registered it. Pure."""
    resources = {"cpu": "32", "memory": "256Gi", "pods": "110", "ephemeral-storage": "1Ti"}
    conditions = [
        _condition("MemoryPressure", "False", "KubeletHasSufficientMemory", now),
        _condition("DiskPressure", "False", "KubeletHasNoDiskPressure", now),
        _condition("PIDPressure", "False", "KubeletHasSufficientPID", now),
        _condition("Ready", "True", "KubeletReady", now),
    ]
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "sampan.dev/fake": "true",
    }
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "conditions": conditions,
            "addresses": [{"type": "Hostname", "address": name}],
            "nodeInfo": {
                "kubeletVersion": "v1.35.3",
                "operatingSystem": "linux",
                "architecture": "amd64",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
                "kernelVersion": "",
                "osImage": "",
                "containerRuntimeVersion": "",
                "kubeProxyVersion": "",
            },
        },
    }


def _condition(kind: str, status: str, reason: str, now: str) -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "this node has nothing behind it",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
