"""What the garbage collector takes away, of objects whose owners are odd, elsewhere, in circles or out of sight."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.controllers.garbage import Collector
from sampan.specs.kubernetes.status import not_found

MAPS = ResourcePath("v1", "configmaps")
KINDS = {("v1", "ConfigMap"): MAPS, ("example.com/v1", "Thing"): ResourcePath("example.com/v1", "things")}


class Server:
    """Keeps objects by path, and tells a collector of what changes."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[ResourcePath, Object]] = {}
        self.deleted: list[str] = []
        self.told: list[tuple[str, str, str]] = []
        self.collector = Collector(self, self)  # type: ignore[arg-type]
        self.collector._resources = dict(KINDS)

    def put(self, uid: str, *owners: Object, namespace: str = "a", seen: bool = True, **more: Any) -> None:
        kind = more.pop("kind", "ConfigMap")
        resource = next(path for (_, one), path in KINDS.items() if one == kind)
        metadata = {"name": uid, "namespace": namespace, "uid": uid, "resourceVersion": "1", **more}
        if owners:
            metadata["ownerReferences"] = [*owners]
        value = {"metadata": metadata}
        self.objects[resource.path(namespace, uid)] = (resource, value)
        if seen:
            self.collector._changed(resource, "put", value, None)

    def event(self, about: Object, _kind: str, reason: str, message: str) -> None:
        self.told.append((f"{about['kind']} {about['metadata']['name']}", reason, message))

    async def request(self, _method: str, path: str, **_more: Any) -> Object:
        if path not in self.objects:
            raise not_found("", "things", path)
        return self.objects[path][1]

    async def delete(self, resource: ResourcePath, namespace: str, name: str, options: Object) -> None:
        path = resource.path(namespace, name)
        metadata = self.objects[path][1]["metadata"]
        assert options["preconditions"]["resourceVersion"] == metadata["resourceVersion"]
        if options["propagationPolicy"] == "Foreground":
            await self.patch(
                resource,
                namespace,
                name,
                {"metadata": {"deletionTimestamp": "now", "finalizers": ["foregroundDeletion"]}},
            )
        else:
            self._gone(path)

    def _gone(self, path: str) -> None:
        resource, value = self.objects.pop(path)
        self.deleted.append(value["metadata"]["name"])
        self.collector._changed(resource, "delete", value, None)

    async def patch(self, resource: ResourcePath, namespace: str, name: str, patch: Object) -> Object:
        path = resource.path(namespace, name)
        metadata = {**self.objects[path][1]["metadata"], **patch["metadata"]}
        metadata = {name: value for name, value in metadata.items() if value is not None}
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        value = {"metadata": metadata}
        self.objects[path] = (resource, value)
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            self._gone(path)
        else:
            self.collector._changed(resource, "put", value, None)
        return value

    async def settle(self) -> None:
        queue = self.collector.controller.queue
        for _ in range(100):
            if not len(queue):
                return
            uid = await queue.get()
            assert uid is not None
            await self.collector._reconcile(uid)
            queue.done(uid)
        raise AssertionError("it never comes to rest")


def reference(uid: str, *, kind: str = "ConfigMap", version: str = "v1", blocks: bool = False) -> Object:
    return {"apiVersion": version, "kind": kind, "name": uid, "uid": uid, "blockOwnerDeletion": blocks}


def thing(uid: str) -> Object:
    return reference(uid, kind="Thing", version="example.com/v1")


async def test_what_has_no_owner_any_more_goes() -> None:
    server = Server()
    server.put("child", reference("owner"))
    await server.settle()
    assert server.deleted == ["child"]


async def test_an_owner_that_one_object_looks_for_in_vain_is_still_there_for_others() -> None:
    """Who knows the uid of an owner that is not followed (yet) must not have its dependents deleted."""
    server = Server()
    server.put("owner", kind="Thing", namespace="theirs", seen=False)
    server.put("forged", {**thing("owner"), "name": "nowhere"}, namespace="mine")
    server.put("forged-2", thing("owner"), namespace="mine")
    await server.settle()
    server.put("child", thing("owner"), namespace="theirs")
    await server.settle()
    assert server.deleted == ["forged", "forged-2"]


async def test_dependents_stay_when_their_owners_are_only_not_followed_any_more() -> None:
    """As when a custom resource gets another preferred version, or an aggregated API is away."""
    server = Server()
    server.put("owner", kind="Thing")
    server.put("child", thing("owner"))
    await server.settle()
    server.collector._forget([value for path, value in server.objects.values() if path.plural == "things"])
    server.put("late", thing("owner"))
    server.put("child", thing("owner"), labels={"changed": "yes"})
    await server.settle()
    assert server.deleted == []


async def test_what_belongs_to_a_kind_that_is_not_served_stays() -> None:
    server = Server()
    server.put("child", reference("owner", kind="Bogus", version="bogus/v9"))
    await server.settle()
    assert server.deleted == []


async def test_an_owner_in_another_namespace_is_none_and_is_not_kept_from_going() -> None:
    server = Server()
    server.put("owner", namespace="theirs", deletionTimestamp="now", finalizers=["foregroundDeletion"])
    server.put(
        *("forged", reference("owner", blocks=True)),
        namespace="mine",
        deletionTimestamp="now",
        finalizers=["x"],
    )
    await server.settle()
    assert server.deleted == ["owner"]


async def test_owners_in_a_circle_go_though_each_waits_for_the_other() -> None:
    server = Server()
    server.put("a", reference("b", blocks=True), deletionTimestamp="now", finalizers=["foregroundDeletion"])
    server.put("b", reference("a", blocks=True))
    await server.settle()
    assert sorted(server.deleted) == ["a", "b"]


async def test_an_object_that_owns_itself_goes_when_it_is_deleted_and_not_before() -> None:
    server = Server()
    server.put("a", reference("a", blocks=True))
    await server.settle()
    assert server.deleted == []
    server.put("a", reference("a", blocks=True), deletionTimestamp="now", finalizers=["foregroundDeletion"])
    await server.settle()
    assert server.deleted == ["a"]


GOING: dict[str, Any] = {"deletionTimestamp": "now", "finalizers": ["foregroundDeletion"]}


@pytest.mark.parametrize("blocks", [False, True])
async def test_an_owner_that_waits_takes_along_whom_it_does_not_wait_for_as_well(blocks: bool) -> None:
    server = Server()
    server.put("held", reference("owner", blocks=True), deletionTimestamp="now", finalizers=["x"])
    server.put("child", reference("owner", blocks=blocks))
    server.put("other")
    server.put("shared", reference("owner", blocks=blocks), reference("other"))
    server.put("owner", **GOING)
    await server.settle()
    assert server.deleted == ["child"]
    _, shared = server.objects[MAPS.path("a", "shared")]
    assert [one["uid"] for one in shared["metadata"]["ownerReferences"]] == ["other"]


@pytest.mark.parametrize("odd", [{"name": "another"}, {"kind": "Thing", "apiVersion": "example.com/v1"}])
async def test_a_reference_with_the_uid_of_something_else_leads_nowhere(odd: Object) -> None:
    server = Server()
    server.put("owner")
    server.put("child", {**reference("owner"), **odd})
    await server.settle()
    assert server.deleted == ["child"]
    assert server.told == []


@pytest.mark.parametrize("owner_first", [False, True])
async def test_owners_in_another_namespace_are_told_of_once(owner_first: bool) -> None:
    server = Server()
    if owner_first:
        server.put("owner", namespace="theirs")
    server.put("other", namespace="mine")
    server.put("child", reference("owner"), reference("other"), namespace="mine")
    if not owner_first:
        server.put("owner", namespace="theirs")
    server.put("child", reference("owner"), reference("other"), namespace="mine", labels={"changed": "yes"})
    place = "[v1/ConfigMap, namespace: mine, name: owner, uid: owner]"
    text = f'ownerRef {place} does not exist in namespace "mine"'
    assert server.told == [("ConfigMap child", "OwnerRefInvalidNamespace", text)]
    await server.settle()
    assert server.deleted == []
    _, child = server.objects[MAPS.path("mine", "child")]
    assert [one["uid"] for one in child["metadata"]["ownerReferences"]] == ["other"]
