"""PyPI's `lightkube`, unchanged: chunks, apply, kinds made while it runs, watches without threads."""

import asyncio
from typing import Any

import pytest

from tests.support.cluster import ClusterProcess

lightkube = pytest.importorskip("lightkube")


def _config(cluster: ClusterProcess) -> Any:
    return lightkube.KubeConfig.from_file(str(cluster.kubeconfig))


def test_lists_come_in_chunks(cluster: ClusterProcess, namespace: str) -> None:
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import Secret

    with lightkube.Client(config=_config(cluster), namespace=namespace, field_manager="boat") as client:
        for number in range(5):
            metadata = ObjectMeta(name=f"s{number}", labels={"tier": "one"})
            client.apply(Secret(metadata=metadata, stringData={"a": "b"}))
        listed = list(client.list(Secret, chunk_size=2, labels={"tier": "one"}))
    assert [one.metadata.name for one in listed] == ["s0", "s1", "s2", "s3", "s4"]


async def test_custom_resources_are_watched(cluster: ClusterProcess, namespace: str, group: str) -> None:
    from lightkube.generic_resource import create_namespaced_resource

    Boat = create_namespaced_resource(group, "v1", "Boat", "boats")
    client = lightkube.AsyncClient(config=_config(cluster), namespace=namespace, field_manager="boat")
    seen: list[tuple[str, int]] = []
    first = asyncio.Event()

    async def follow() -> None:
        async for kind, boat in client.watch(Boat):
            seen.append((kind, boat["spec"]["size"]))
            first.set()
            if kind == "DELETED":
                return

    await client.apply(Boat(metadata={"name": "a"}, spec={"size": 1}))
    task = asyncio.create_task(follow())
    await asyncio.wait_for(first.wait(), 20)
    await client.patch(Boat, "a", {"spec": {"size": 2}}, patch_type=lightkube.types.PatchType.MERGE)
    await client.delete(Boat, "a")
    await asyncio.wait_for(task, 20)
    await client.close()
    assert seen == [("ADDED", 1), ("MODIFIED", 2), ("DELETED", 2)]
