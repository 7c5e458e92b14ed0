"""PyPI's `kubernetes_asyncio`, unchanged: typed objects, patches, watches."""

import asyncio

import pytest

from tests.support.cluster import ClusterProcess

kubernetes_asyncio = pytest.importorskip("kubernetes_asyncio")


async def test_typed_objects_are_written_and_watched(cluster: ClusterProcess, namespace: str) -> None:
    from kubernetes_asyncio import client, config, watch

    settings = client.Configuration()
    await config.load_kube_config(str(cluster.kubeconfig), client_configuration=settings)
    async with client.ApiClient(settings) as api:
        core = client.CoreV1Api(api)
        metadata = client.V1ObjectMeta(name="a", labels={"tier": "one"})
        await core.create_namespaced_config_map(
            namespace, client.V1ConfigMap(metadata=metadata, data={"x": "1"})
        )
        listed = await core.list_namespaced_config_map(namespace, label_selector="tier=one")
        seen: list[tuple[str, str]] = []

        async def follow() -> None:
            async with watch.Watch() as stream:
                async for event in stream.stream(
                    core.list_namespaced_config_map,
                    namespace,
                    label_selector="tier=one",
                    resource_version=listed.metadata.resource_version,
                ):
                    seen.append((event["type"], event["object"].data["x"]))
                    if event["type"] == "DELETED":
                        return

        task = asyncio.create_task(follow())
        await core.patch_namespaced_config_map("a", namespace, {"data": {"x": "2"}})
        await core.delete_namespaced_config_map("a", namespace)
        await asyncio.wait_for(task, 20)
        with pytest.raises(client.ApiException) as missing:
            await core.read_namespaced_config_map("a", namespace)
    assert [one.data for one in listed.items] == [{"x": "1"}]
    assert seen == [("MODIFIED", "2"), ("DELETED", "2")]
    assert missing.value.status == 404
