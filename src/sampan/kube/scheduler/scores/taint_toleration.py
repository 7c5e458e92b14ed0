"""TaintToleration: the fewer taints would rather not have the pod."""

from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.scores.score import Points, Score, scaled
from sampan.kube.scheduler.taints import Taint, unwelcome
from sampan.kube.scheduler.verdict import Mask, Rows, Scores


def raw(query: Query, rows: Rows) -> Scores:
    def number(taints: tuple[Taint, ...] | None) -> int:
        return unwelcome(taints or (), query.shape.tolerations)

    return query.cluster.taints.numbers(number, rows)


def finish(query: Query, raw: Scores, feasible: Mask) -> Points:
    return scaled(raw, feasible, reverse=True)


SCORE = Score("TaintToleration", raw, finish)
