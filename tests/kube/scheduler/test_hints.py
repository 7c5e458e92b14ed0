"""What happens that wakes which pods: a row per plugin and happening."""

from collections.abc import Iterator
from typing import Any

import pytest

from sampan.kube.scheduler import happenings
from sampan.kube.scheduler.entries import Entry
from sampan.kube.scheduler.happenings import Happening
from sampan.kube.scheduler.hints import RULES, Rules
from sampan.kube.scheduler.plugins import PLUGINS
from sampan.kube.scheduler.podinfo import PodInfo

Object = dict[str, Any]


def pod(name: str = "p", namespace: str = "n", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    metadata = {"name": name, "namespace": namespace, "uid": name, "labels": labels or {}}
    return {"metadata": metadata, "spec": {"containers": [{"name": "c"}], **spec}, "status": {}}


def node(name: str = "here", **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": {}}


def claim(name: str, namespace: str = "n") -> Object:
    return {"metadata": {"name": name, "namespace": namespace, "uid": name}, "spec": {}}


def term(side: str, **selector: str) -> Object:
    one = {"topologyKey": "zone", "labelSelector": {"matchLabels": selector}}
    return {side: {"requiredDuringSchedulingIgnoredDuringExecution": [one]}}


def port(number: int) -> Object:
    return {"containers": [{"name": "c", "ports": [{"hostPort": number, "containerPort": 1}]}]}


def spread(**selector: str) -> Object:
    one = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    return {"topologySpreadConstraints": [{**one, "labelSelector": {"matchLabels": selector}}]}


def volume(name: str) -> Object:
    return {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]}


class Nodes(Rules):
    """One node fits, one does not."""

    def __init__(self) -> None:
        super().__init__(lambda info, plugin, name: name == "here")


GONE, CAME = happenings.POD_DELETE, happenings.POD_ADD

CASES: list[tuple[str, Object, Happening, bool]] = [
    ("NodeResourcesFit", pod(), Happening(GONE, pod("o")), True),
    ("NodeResourcesFit", pod(), Happening(CAME, None, pod("o")), False),
    ("NodeResourcesFit", pod(), Happening(happenings.NODE_ADD, None, node()), True),
    ("NodeResourcesFit", pod(), Happening(happenings.NODE_ADD, None, node("small")), False),
    ("NodeResourcesFit", pod(), Happening(happenings.NODE_LABEL, node(), node()), False),
    ("TaintToleration", pod(), Happening(happenings.NODE_TAINT, node(), node()), True),
    ("TaintToleration", pod(), Happening(happenings.NODE_TAINT, node("bad"), node("bad")), False),
    ("TaintToleration", pod(), Happening(happenings.OWN_TOLERATION, pod(), pod()), True),
    ("TaintToleration", pod(), Happening(happenings.OWN_TOLERATION, pod("o"), pod("o")), False),
    ("NodeAffinity", pod(), Happening(happenings.NODE_LABEL, node(), node()), True),
    ("NodeAffinity", pod(), Happening(happenings.NODE_TAINT, node(), node()), False),
    ("NodePorts", pod(**port(80)), Happening(GONE, pod("o", **port(80))), True),
    ("NodePorts", pod(**port(80)), Happening(GONE, pod("o", **port(81))), False),
    ("VolumeRestrictions", pod(**volume("v")), Happening(GONE, pod("o", **volume("v"))), True),
    ("VolumeRestrictions", pod(**volume("v")), Happening(GONE, pod("o", "other", **volume("v"))), False),
    ("VolumeRestrictions", pod(**volume("v")), Happening(GONE, pod("o", **volume("w"))), False),
    ("VolumeBinding", pod(**volume("v")), Happening(happenings.CLAIM_UPDATE, claim("v"), claim("v")), True),
    ("VolumeBinding", pod(**volume("v")), Happening(happenings.CLAIM_ADD, None, claim("w")), False),
    ("VolumeBinding", pod(**volume("v")), Happening(happenings.CLAIM_ADD, None, claim("v", "o")), False),
    ("VolumeBinding", pod(**volume("v")), Happening(happenings.VOLUME_ADD, None, node("pv")), True),
    ("NodeVolumeLimits", pod(**volume("v")), Happening(GONE, pod("o", **volume("w"))), True),
    ("NodeVolumeLimits", pod(**volume("v")), Happening(GONE, pod("o")), False),
    ("PodTopologySpread", pod(**spread(app="a")), Happening(GONE, pod("o", labels={"app": "a"})), True),
    ("PodTopologySpread", pod(**spread(app="a")), Happening(GONE, pod("o", labels={"app": "b"})), False),
    ("PodTopologySpread", pod(**spread(app="a")), Happening(GONE, pod("o", "x", {"app": "a"})), False),
    ("PodTopologySpread", pod(**spread(app="a")), Happening(happenings.NODE_ADD, None, node(zone="z")), True),
    ("PodTopologySpread", pod(**spread(app="a")), Happening(happenings.NODE_ADD, None, node()), False),
    (
        "PodTopologySpread",
        pod(**spread(app="a")),
        Happening(happenings.POD_LABEL, pod("o", labels={"app": "a"}), pod("o")),
        True,
    ),
    (
        "InterPodAffinity",
        pod(affinity=term("podAffinity", app="a")),
        Happening(CAME, None, pod("o", labels={"app": "a"})),
        True,
    ),
    (
        "InterPodAffinity",
        pod(affinity=term("podAffinity", app="a")),
        Happening(CAME, None, pod("o", labels={"app": "b"})),
        False,
    ),
    (
        "InterPodAffinity",
        pod(labels={"app": "a"}),
        Happening(GONE, pod("o", affinity=term("podAntiAffinity", app="a"))),
        True,
    ),
    ("InterPodAffinity", pod(labels={"app": "a"}), Happening(GONE, pod("o")), False),
    ("SchedulingGates", pod(), Happening(happenings.OWN_GATES, pod(), pod()), True),
    ("SchedulingGates", pod(), Happening(happenings.OWN_GATES, pod("o"), pod("o")), False),
    ("DefaultPreemption", pod(), Happening(GONE, pod("o")), False),
]


@pytest.mark.parametrize(("plugin", "waiting", "one", "wakes"), CASES)
def test_what_wakes_a_pod(plugin: str, waiting: Object, one: Happening, wakes: bool) -> None:
    rules = Nodes()
    assert rules.concerns(Entry(waiting, 0, 0), (plugin,), one) is wakes
    if wakes:
        assert plugin in rules.interested(one.kind)


def test_every_filter_and_gate_has_rules() -> None:
    wanted = {name for name, plugin in PLUGINS.items() if plugin.points & {"filter", "preEnqueue"}}
    assert set(RULES) == wanted


def changes() -> Iterator[tuple[Object, Object, list[str]]]:
    """A node before and after, and what that is."""
    base = node(zone="a")
    yield base, {**base, "status": {"conditions": []}}, []
    yield base, node(zone="b"), [happenings.NODE_LABEL]
    yield base, {**base, "spec": {"unschedulable": True}}, [happenings.NODE_TAINT]
    yield base, {**base, "spec": {"taints": [{"key": "k"}]}}, [happenings.NODE_TAINT]
    yield base, {**base, "status": {"allocatable": {"cpu": "1"}}}, [happenings.NODE_ALLOCATABLE]
    heartbeat = {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "x"}]}
    yield (
        {**base, "status": heartbeat},
        {**base, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
        [],
    )


@pytest.mark.parametrize(("old", "new", "kinds"), list(changes()))
def test_changes_of_a_node(old: Object, new: Object, kinds: list[str]) -> None:
    assert [one.kind for one in happenings.of_node("update", new, old)] == kinds


def asking(cpu: str, **more: Any) -> Object:
    found = pod(**more)
    found["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
    return found


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        (asking("1"), asking("1"), []),
        (asking("1"), asking("2"), []),
        (asking("2"), asking("1"), [happenings.OWN_SCALE_DOWN]),
        (asking("1"), asking("1", labels={"a": "b"}), [happenings.OWN_LABEL]),
        (asking("1"), asking("1", tolerations=[{"key": "k"}]), [happenings.OWN_TOLERATION]),
        (asking("1", schedulingGates=[{"name": "g"}]), asking("1"), [happenings.OWN_GATES]),
        (asking("1"), {**asking("1"), "status": {"conditions": [{"type": "PodScheduled"}]}}, []),
    ],
)
def test_changes_of_a_waiting_pod(old: Object, new: Object, kinds: list[str]) -> None:
    assert [one.kind for one in happenings.of_waiting_pod(new, old)] == kinds


def test_a_filter_is_asked_with_what_it_knows_of_pods() -> None:
    """The pod as filters want it, the plugin that refused it, and the node that came."""
    asked: list[tuple[str, str, str]] = []

    def fits(info: PodInfo, plugin: str, name: str) -> bool:
        asked.append((info.key, plugin, name))
        return False

    one = Happening(happenings.NODE_ADD, None, node("fresh"))
    assert not Rules(fits).concerns(Entry(pod(), 0, 0), ("NodeName", "NodeAffinity"), one)
    assert asked == [("n/p", "NodeName", "fresh"), ("n/p", "NodeAffinity", "fresh")]


def test_a_rule_that_fails_wakes() -> None:
    def fits(info: PodInfo, plugin: str, name: str) -> bool:
        raise KeyError("odd")

    one = Happening(happenings.NODE_ADD, None, node())
    assert Rules(fits).concerns(Entry(pod(), 0, 0), ("NodeAffinity",), one)
