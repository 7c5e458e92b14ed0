"""TaintToleration: the fewer taints would rather not have the pod."""

from sampan.kube.scheduler.columns import Taints
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.scores.score import Points, Score, scaled
from sampan.kube.scheduler.verdict import Mask, Rows, Scores
from sampan.specs.kubernetes.taints import PREFER_NO_SCHEDULE, tolerated


def raw(query: Query, rows: Rows) -> Scores:
    mild = [one for one in query.shape.tolerations if one.get("effect") in (None, "", PREFER_NO_SCHEDULE)]

    def unwelcome(taints: Taints | None) -> int:
        found = [one._asdict() for one in taints or () if one.effect == PREFER_NO_SCHEDULE]
        return sum(not tolerated(one, mild) for one in found)

    return query.cluster.taints.numbers(unwelcome, rows)


def finish(query: Query, raw: Scores, feasible: Mask) -> Points:
    return scaled(raw, feasible, reverse=True)


SCORE = Score("TaintToleration", raw, finish)
