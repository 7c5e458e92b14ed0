"""Workloads that ask for it roll when what their pods use has other contents, and only then."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.client.resources import CONFIG_MAPS, DAEMON_SETS, DEPLOYMENTS, SECRETS, STATEFUL_SETS
from sampan.kube.controllers import rollonchange
from sampan.kube.controllers.rollonchange import ANNOTATION, HASH, SEEN, decide, digest, uses
from tests.kube.controllers.world import World, run

VOLUMES = [
    {"name": "a", "configMap": {"name": "from-volume"}},
    {"name": "b", "secret": {"secretName": "key"}},
    {"name": "c", "projected": {"sources": [{"configMap": {"name": "projected"}}]}},
]
CONTAINERS = [
    {
        "name": "c",
        "envFrom": [{"configMapRef": {"name": "environment"}}],
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "password", "key": "p"}}}],
    }
]


def workload(kind: str = "Deployment", asked: str | None = "true", seen: str = "", **spec: Any) -> Object:
    annotations = {} if asked is None else {ANNOTATION: asked}
    if seen:
        annotations[SEEN] = seen
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "w", "annotations": annotations},
        "spec": {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [], **spec}}},
    }


def config_map(text: str, name: str = "m") -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": name, "uid": "u"}, "data": {"k": text}}


def secret(text: str, uid: str = "u") -> Object:
    return {"metadata": {"name": "s", "uid": uid}, "type": "Opaque", "data": {"k": text}}


def test_what_containers_read_is_used() -> None:
    value = workload(volumes=VOLUMES, containers=CONTAINERS, imagePullSecrets=[{"name": "registry"}])
    assert uses(value) == [
        "configmaps/environment",
        "configmaps/from-volume",
        "configmaps/projected",
        "secrets/key",
        "secrets/password",
    ]


@pytest.mark.parametrize("asked", [None, "", "false", "yes", "True"])
def test_only_true_asks_for_it(asked: str | None) -> None:
    assert uses(workload(asked=asked, volumes=VOLUMES)) == []


def test_only_contents_count() -> None:
    one = config_map("a")
    labelled = {**one, "metadata": {**one["metadata"], "labels": {"a": "b"}, "resourceVersion": "9"}}
    assert digest(one) == digest(labelled)
    assert digest(one) != digest(config_map("b"))
    assert digest({**one, "binaryData": {"x": "AA=="}}) != digest(one)


def test_a_secrets_digest_cannot_be_guessed_from_its_contents() -> None:
    assert digest(secret("YQ==")) == digest(secret("YQ=="))
    assert digest(secret("YQ==")) != digest(secret("YQ==", "another"))


USED = [{"name": "v", "configMap": {"name": "m"}}]
A, B = digest(config_map("a")), digest(config_map("b"))


@pytest.mark.parametrize(
    "what, seen, there, noted, changed",
    [
        ("the first time", "", config_map("a"), {"configmaps/m": A}, ()),
        ("nothing new", f"configmaps/m:{A}", config_map("a"), None, ()),
        ("other contents", f"configmaps/m:{A}", config_map("b"), {"configmaps/m": B}, ("configmaps/m",)),
        ("gone for a while", f"configmaps/m:{A}", None, None, ()),
        ("not there yet", "", None, None, ()),
        ("used no more", f"configmaps/m:{A},secrets/x:1", config_map("a"), {"configmaps/m": A}, ()),
        ("an odd note", "what,:,configmaps/m", config_map("a"), {"configmaps/m": A}, ()),
    ],
)
def test_a_change_is_told_from_what_is_new(
    what: str, seen: str, there: Object | None, noted: dict[str, str] | None, changed: tuple[str, ...]
) -> None:
    found = {"configmaps/m": there} if there is not None else {}
    change = decide(workload(seen=seen, volumes=USED), found)
    assert (change.seen if change is not None else None) == noted, what
    assert (change.changed if change is not None else ()) == changed, what


KINDS = [
    (DEPLOYMENTS, "Deployment"),
    (STATEFUL_SETS, "StatefulSet"),
    (DAEMON_SETS, "DaemonSet"),
]


def hash_of(world: World, resource: ResourcePath) -> str | None:
    template = world.get(resource, "default/w")["spec"]["template"]
    annotations: dict[str, str] = template["metadata"].get("annotations") or {}
    return annotations.get(HASH)


@pytest.mark.parametrize(("resource", "kind"), KINDS)
def test_a_workload_rolls_once_for_each_change(resource: ResourcePath, kind: str) -> None:
    async def check() -> None:
        world = World()
        world.add(CONFIG_MAPS, config_map("a"))
        world.add(resource, workload(kind, volumes=USED))
        world.start(rollonchange.controller)
        await world.settle()
        assert hash_of(world, resource) is None
        world.set(CONFIG_MAPS, "default/m", lambda value: value["data"].update(k="b"))
        await world.settle()
        first = hash_of(world, resource)
        assert first is not None
        world.set(CONFIG_MAPS, "default/m", lambda value: value["metadata"].update(labels={"a": "b"}))
        world.add(CONFIG_MAPS, config_map("z", "another"))
        await world.settle()
        assert hash_of(world, resource) == first
        world.set(CONFIG_MAPS, "default/m", lambda value: value["data"].update(k="c"))
        await world.settle()
        assert hash_of(world, resource) not in (None, first)
        assert [event[2:] for event in world.recorded.events] == 2 * [
            ("ConfigurationChanged", "Rolling its pods, since what they use has changed: ConfigMap m")
        ]
        await world.stop()

    run(check())


def test_secrets_are_followed_once_somebody_uses_one() -> None:
    async def check() -> None:
        world = World()
        one = world.add(SECRETS, secret("YQ=="))
        world.add(DEPLOYMENTS, workload(volumes=USED))
        world.start(rollonchange.controller)
        await world.settle()
        assert world._process is not None
        assert SECRETS not in world._process.informers._known
        used = [{"name": "v", "secret": {"secretName": "s"}}]
        world.set(
            DEPLOYMENTS, "default/w", lambda value: value["spec"]["template"]["spec"].update(volumes=used)
        )
        await world.settle()
        noted = world.get(DEPLOYMENTS, "default/w")["metadata"]["annotations"][SEEN]
        assert noted == f"secrets/s:{digest(one)}"
        world.set(SECRETS, "default/s", lambda value: value["data"].update(k="Yg=="))
        await world.settle()
        assert hash_of(world, DEPLOYMENTS) is not None
        await world.stop()

    run(check())
