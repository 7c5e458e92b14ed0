"""ImageLocality: the more of the pod's images are there already."""

import numpy as np

from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.scores.score import MOST, Points, Score
from sampan.kube.scheduler.verdict import Mask, Scores

MB = 1 << 20
LEAST, MOST_EACH = 23 * MB, 1000 * MB  # bytes below which there is no point, and more of each make none


def finish(query: Query, raw: Scores, feasible: Mask) -> Points:
    cluster, images = query.cluster, query.shape.images
    sums = cluster.images.sums(images, cluster.size, cluster.nodes)
    if sums is None:
        return 0
    most = MOST_EACH * len(images)
    return MOST * (np.clip(sums, LEAST, most) - LEAST) // (most - LEAST)


SCORE = Score("ImageLocality", finish=finish)
