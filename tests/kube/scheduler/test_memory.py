"""What was found out about a row is asked again only when the row has changed."""

import numpy as np

from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.memory import recall
from sampan.kube.scheduler.verdict import Rows, Scores
from tests.kube.scheduler.objects import node, pod


class Asked:
    """A function of rows that notes which it was asked of."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.rows: list[list[int]] = []

    def __call__(self, rows: Rows) -> Scores:
        here = np.arange(self.cluster.size)[rows]
        self.rows.append(here.tolist())
        return self.cluster.amounts.used[0, rows]


def test_only_rows_that_changed_are_asked_of() -> None:
    cluster = Cluster()
    for name in "abc":
        cluster.put_node(node(name))
    asked = Asked(cluster)

    def used() -> list[int]:
        found = recall(cluster, "key", {"used": asked})["used"]
        return [int(found[cluster.row_of(name)]) for name in "abc"]

    assert used() == [0, 0, 0] and len(asked.rows.pop()) == cluster.size
    assert used() == [0, 0, 0] and not asked.rows
    cluster.put_pod(pod("p", on="b", requests={"cpu": "1"}))
    assert used() == [0, 1000, 0] and asked.rows.pop() == [cluster.row_of("b")]
    cluster.put_pod({**pod("p", on="b", requests={"cpu": "1"}), "status": {"phase": "Running"}})
    assert used() == [0, 1000, 0] and not asked.rows
    with cluster.supposing(cluster.row_of("c") or 0, gone=()):
        pass
    with cluster.supposing(cluster.row_of("b") or 0, gone=("default-p",)):
        assert used() == [0, 0, 0]
    assert used() == [0, 1000, 0]


def test_a_cluster_that_has_grown_is_looked_at_anew() -> None:
    cluster = Cluster()
    cluster.put_node(node("n"))
    asked = Asked(cluster)
    recall(cluster, "key", {"used": asked})
    for at in range(cluster.size):
        cluster.put_node(node(f"n{at}"))
    assert len(recall(cluster, "key", {"used": asked})["used"]) == cluster.size
