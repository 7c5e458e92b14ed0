"""The columns say what a plain reading of each node says, whatever happened to the cluster before."""

import copy
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import judge, score
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.profile import SCORES, Profile
from sampan.kube.scheduler.trials import NodeTrials
from tests.kube.scheduler.reference import Refused, Scene, named, refusal
from tests.kube.scheduler.reference_scores import scores
from tests.kube.scheduler.worlds import NAMES, Around, args, namespaces, nodes, pods, services, subjects

patient = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


class Twin:
    """A cluster as columns, and the same as plain objects."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.around = Around()
        self.cluster = Cluster(self.around)
        self.profile = Profile(args=options)
        self.nodes: dict[str, Object] = {}
        self.pods: dict[str, Object] = {}

    def scene(self) -> Scene:
        nodes = [self.nodes[name] for name in sorted(self.nodes)]
        return Scene(
            nodes,
            list(self.pods.values()),
            self.around.namespaces,
            self.around.services,
            dict(self.profile.args),
        )

    def put_node(self, node: Object) -> None:
        self.nodes[node["metadata"]["name"]] = node
        self.cluster.put_node(node)

    def remove_node(self, name: str) -> None:
        self.nodes.pop(name, None)
        self.cluster.remove_node(name)

    def put_pod(self, template: Object, uid: str, name: str, *, terminating: bool = False) -> None:
        pod = made(template, uid)
        pod["spec"]["nodeName"] = name
        if terminating:
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self.pods[uid] = pod
        self.cluster.put_pod(pod)

    def remove_pod(self, uid: str) -> None:
        self.pods.pop(uid, None)
        self.cluster.remove_pod(uid)

    def check(self, pod: Object) -> None:
        scene, info = self.scene(), pod_info(pod)
        verdict = judge(self.cluster, info, self.profile, explain=True)
        if named(pod) == set():
            assert verdict.refused and verdict.refused.text == "pod affinity terms conflict"
            return
        expected = {node["metadata"]["name"]: refusal(scene, pod, node) for node in scene.nodes}
        assert self.told(verdict) == expected
        assert np.array_equal(judge(self.cluster, info, self.profile).feasible, verdict.feasible)
        good = [node for node in scene.nodes if expected[node["metadata"]["name"]] is None]
        points = score(self.cluster, info, self.profile, verdict.feasible)
        rows = [self.row(node["metadata"]["name"]) for node in good]
        assert points[rows].tolist() == scores(scene, pod, good, SCORES)
        assert (points[~verdict.feasible] == -1).all()

    def told(self, verdict: Any) -> dict[str, Refused | None]:
        found: dict[str, Refused | None] = {}
        for name in self.nodes:
            row = self.row(name)
            refusals = [
                Refused(
                    one.plugin,
                    frozenset(text for text, rows in one.texts if rows[row]),
                    bool(one.unresolvable[row]),
                )
                for one in verdict.failures
                if one.rows[row]
            ]
            assert len(refusals) == (0 if verdict.feasible[row] else 1)
            found[name] = refusals[0] if refusals else None
        return found

    def row(self, name: str) -> int:
        row = self.cluster.row_of(name)
        assert row is not None
        return row


def made(template: Object, uid: str) -> Object:
    pod = copy.deepcopy(template)
    pod["metadata"] |= {"name": uid, "uid": uid}
    return pod


uids = st.sampled_from(tuple(f"p{at}" for at in range(8)))


@patient
@given(st.data(), args, subjects)
def test_columns_say_what_the_reference_says(data: st.DataObject, options: Any, about: list[str]) -> None:
    twin, templates = Twin(options), data.draw(st.lists(pods(about), min_size=1, max_size=3))
    twin.around.change(data.draw(namespaces), data.draw(services))
    for node in data.draw(st.lists(nodes(), min_size=1, max_size=5)):
        twin.put_node(node)
    template = st.sampled_from(templates)
    for _ in range(data.draw(st.integers(1, 12))):
        match data.draw(st.integers(0, 9)):
            case 0:
                twin.put_node(data.draw(nodes()))
            case 1:
                twin.remove_node(data.draw(st.sampled_from(NAMES)))
            case 2:
                twin.remove_pod(data.draw(uids))
            case 3:
                twin.around.change(data.draw(namespaces), data.draw(services))
            case _:
                name, ending = data.draw(st.sampled_from(NAMES)), not data.draw(st.integers(0, 3))
                twin.put_pod(data.draw(template), data.draw(uids), name, terminating=ending)
        if data.draw(st.booleans()):
            twin.check(made(data.draw(template), "asked"))
    for one in templates:
        twin.check(made(one, "asked"))


@patient
@given(st.data(), st.lists(nodes(), min_size=1, max_size=4), subjects)
def test_a_place_without_victims_is_what_is_there_when_they_are_gone(
    data: st.DataObject, machines: list[Object], about: list[str]
) -> None:
    twin, templates = Twin({}), data.draw(st.lists(pods(about), min_size=1, max_size=3))
    for node in machines:
        twin.put_node(node)
    names = st.sampled_from(sorted(twin.nodes))
    for at in range(data.draw(st.integers(1, 6))):
        twin.put_pod(data.draw(st.sampled_from(templates)), f"p{at}", data.draw(names))
    pod, name = made(data.draw(st.sampled_from(templates)), "asked"), data.draw(names)
    victims = {
        uid for uid, one in twin.pods.items() if one["spec"]["nodeName"] == name and data.draw(st.booleans())
    }
    info = pod_info(pod)
    before = judge(twin.cluster, info, twin.profile, explain=True)
    gone = [twin.pods[uid] for uid in victims]
    with NodeTrials(twin.cluster, info, twin.profile).without(twin.row(name), gone) as emptied:
        told = emptied.reasons()
    after = judge(twin.cluster, info, twin.profile, explain=True)
    assert np.array_equal(before.feasible, after.feasible)
    for uid in victims:
        twin.remove_pod(uid)
    if named(pod) is None or name in (named(pod) or ()):
        expected = refusal(twin.scene(), pod, twin.nodes[name])
        assert set(told) == (expected.texts if expected else set())
