"""DaemonSets through late news, conflicts and crashes: at last one pod runs on each node, and never two."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.client.resources import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from sampan.kube.controllers import daemonsets
from sampan.kube.controllers.daemonsets.template import target_node
from sampan.specs.kubernetes.status import StatusError
from tests.kube.controllers.daemonsets.daemons import daemon_set
from tests.kube.controllers.world import World, beside, ready, run

KEY = "n/d"
SELECTED = {"x": "1"}
seeds, crashes = st.integers(0, 1 << 20), st.frozensets(st.integers(2, 60), max_size=4)


def template(image: str) -> Object:
    spec = {"nodeSelector": SELECTED, "containers": [{"name": "c", "image": image}]}
    return {"metadata": {"labels": {"app": "x"}}, "spec": spec}


def node(name: str, labels: dict[str, str] = SELECTED) -> Object:
    return {"kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {}}


def on_its_node(pod: Object) -> None:
    pod["spec"]["nodeName"] = target_node(pod)
    ready(pod)


def two_on_one(world: World, wrong: list[str]) -> None:
    """Note every pod that is made for a node on which there is one that neither goes nor has ended."""

    def watch(verb: str, resource: ResourcePath, value: Object) -> StatusError | None:
        if verb == "create" and resource == PODS:
            alive = [
                target_node(pod)
                for pod in world.all(PODS)
                if "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") != "Failed"
            ]
            if target_node(value) in alive:
                wrong.append(str(target_node(value)))
        return None

    world.refuse = watch


def check_end(world: World, nodes: list[str], image: str) -> None:
    pods = world.all(PODS)
    assert sorted(map(str, map(target_node, pods))) == nodes
    assert {one["spec"]["containers"][0]["image"] for one in pods} == {image}
    owner = world.get(DAEMON_SETS, KEY)
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberAvailable", "updatedNumberScheduled")
    assert [owner["status"][name] for name in names] == [len(nodes)] * 4
    assert owner["status"]["observedGeneration"] == owner["metadata"]["generation"]


@settings(max_examples=15, deadline=None)
@given(seeds, crashes, st.booleans())
def test_nodes_come_and_go_and_the_set_is_updated(seed: int, deaths: frozenset[int], surge: bool) -> None:
    world, wrong = World(random.Random(seed), deaths), list[str]()

    async def work() -> None:
        await world.settle()
        world.add(NODES, node("d"))
        world.set(NODES, "b", lambda value: value["metadata"].update(labels={}))
        await world.settle(world.dice.choice((0.5, 30.0)))
        if not surge:
            world.set(PODS, key_on("a"), lambda pod: pod.update(status={"phase": "Failed"}))
        await world.settle()
        world.set(DAEMON_SETS, KEY, lambda value: value["spec"].update(template=template("b")))
        await world.settle()
        check_end(world, ["a", "c", "d"], "b")
        assert len(world.all(CONTROLLER_REVISIONS)) == 2

    def key_on(name: str) -> str:
        return next(key for key, pod in world.objects[PODS].items() if target_node(pod) == name)

    async def scenario() -> None:
        strategy = {"maxSurge": 1, "maxUnavailable": 0} if surge else {"maxSurge": 0, "maxUnavailable": 1}
        for name in "abc":
            world.add(NODES, node(name))
        if not surge:
            two_on_one(world, wrong)
        owner = daemon_set(strategy=strategy, revisionHistoryLimit=5)
        owner["spec"]["template"] = template("a")
        world.add(DAEMON_SETS, owner)
        world.start(daemonsets.controller)
        await beside(world.kubelet(on_its_node), main=work())
        await world.stop()

    run(scenario())
    assert not wrong


@settings(max_examples=10, deadline=None)
@given(seeds, crashes)
def test_no_pod_is_made_that_was_made_already(seed: int, deaths: frozenset[int]) -> None:
    world = World(random.Random(seed), deaths)

    async def scenario() -> None:
        for name in "abcdefgh":
            world.add(NODES, node(name))
        owner = daemon_set()
        owner["spec"]["template"] = template("a")
        world.add(DAEMON_SETS, owner)
        world.start(daemonsets.controller)
        await beside(world.kubelet(on_its_node), main=world.settle())
        check_end(world, list("abcdefgh"), "a")
        await world.stop()

    run(scenario())
    made = Counter(target_node(one) for one in world.created if one.get("kind") == "Pod")
    assert made == Counter("abcdefgh")


def test_a_pod_that_fails_again_and_again_is_made_ever_more_slowly() -> None:
    world = World()

    def fail(pod: Object) -> None:
        pod["spec"]["nodeName"] = "a"
        pod["status"] = {"phase": "Failed"}

    async def scenario() -> None:
        world.add(NODES, node("a"))
        world.add(DAEMON_SETS, daemon_set())
        world.start(daemonsets.controller)
        await beside(world.kubelet(fail), main=world.settle(60.0))
        await world.stop()

    run(scenario())
    made = [one for one in world.created if one.get("kind") == "Pod"]
    assert 4 <= len(made) <= 9  # 1, 2, 4, 8, 16, 32 seconds between them, and then a minute of silence
    assert {reason for _, _, reason, _ in world.recorded.events} >= {"FailedDaemonPod", "SuccessfulDelete"}
