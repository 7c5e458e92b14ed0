"""What is asked about may be anything: texts that explode, numbers that fill the memory, escape sequences."""

import json
from typing import Any

import pytest

from sampan.errors import Invalid
from sampan.kube.client.requests import Object
from sampan.kube.explain.explanation import Explanation
from sampan.kube.simulation.main import read
from sampan.kube.simulation.simulation import Outcome, Simulation
from sampan.kube.simulation.workloads import MOST, pods_of, steps

LAUGHS = b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (at, at, b",".join([b"*a%d" % (at - 1)] * 9)) for at in range(1, 12)
)
BOMBS = (
    *(
        LAUGHS,
        b"a: &a\n  b: *a\n",
        b"[" * 100_000,
        b"- " * 20_000 + b"a",
        b"{a: " * 5_000,
        b"a: !!binary x\x00",
    ),
    *(
        b"a: \xff\xfe",
        b"kind: List\nitems: 5\n---\n5",
        b"metadata: null",
        b"- a",
        b"\x00",
    ),
    b"kind: List\nitems: [1]",
)


@pytest.mark.parametrize("bomb", BOMBS, ids=range(len(BOMBS)))
def test_a_text_that_is_no_objects_is_refused_at_once(bomb: bytes) -> None:
    with pytest.raises(Invalid):
        read(bomb)


def test_documents_and_lists_are_read_one_by_one() -> None:
    text = b"kind: A\n---\n# nothing\n--- \nkind: List\nitems: [{kind: B}, null, {kind: C, at: 2026-01-02}]\n"
    assert read(text) == [{"kind": "A"}, {"kind": "B"}, {"kind": "C", "at": "2026-01-02"}]
    assert read(json.dumps({"kind": "D", "x": "---"}).encode()) == [{"kind": "D", "x": "---"}]


def replicated(replicas: int) -> Object:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n"},
        "spec": {"replicas": replicas, "template": template},
    }


def test_of_two_billion_pods_some_are_placed() -> None:
    huge = replicated((1 << 31) - 1)
    assert len(pods_of(huge, ())) == MOST
    assert steps(huge) == (536870912, 536870911)


def simulation(*quotas: Object) -> Simulation:
    unused: Any = None
    return Simulation(unused, unused, (), (), (), quotas, "n", clock=lambda: 0.0)


def quota(name: str, pods: str, namespace: str = "n") -> Object:
    hard = {"pods": pods, "requests.cpu": "1k"}
    status = {"hard": hard, "used": {"pods": "2"}}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"hard": hard}, "status": status}


def test_the_strictest_quota_says_how_many_pods_there_may_be() -> None:
    pod = {"metadata": {"namespace": "n"}, "spec": {"containers": []}, "status": {}}
    found = simulation(quota("wide", "4000"), quota("other", "0", "elsewhere"), quota("narrow", "3000"))
    found._charged = [pod] * 8
    assert found._room(pod, MOST) == (2990, "quota narrow allows pods=3k, used: 2")
    assert simulation()._room(pod, 7) == (7, "")


def test_nothing_moves_the_cursor() -> None:
    evil = "a\x1b[2J\nb\x9b\u202e"
    outcome = Outcome("pod", evil, evil, evil, [evil], [evil, evil], [evil])
    because = Explanation("pod", evil, evil, evil, evil, (evil,), (evil,))
    for text, lines in ((outcome.text(), 4), (because.text(), 4)):
        assert text.count("\n") == lines == len(text.splitlines())
        assert all(line.isprintable() for line in text.splitlines())
