"""What a score plugin is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sampan.kube.scheduler.query import Query, always
from sampan.kube.scheduler.verdict import Mask, Rows, Scores

MOST = 100  # points that a plugin gives, before they are weighted


Points = Scores | int  # one number where all rows get the same


def _as_it_is(query: Query, raw: Scores, feasible: Mask) -> Points:
    return raw


@dataclass(frozen=True)
class Score:
    """`finish` makes points of all rows' raw numbers; nobody looks at those of rows that are not feasible.

    `raw` depends on the pod's shape and the row alone, and is asked again only when the row has changed.
    A plugin that does not apply gives nothing.
    """

    name: str
    raw: Callable[[Query, Rows], Scores] | None = None
    finish: Callable[[Query, Scores, Mask], Points] = _as_it_is
    applies: Callable[[Query], bool] = always


def scaled(raw: Scores, feasible: Mask, *, reverse: bool = False) -> Points:
    """The highest gets all points, nothing gets none, or the other way round (DefaultNormalizeScore)."""
    most = int(np.where(feasible, raw, 0).max()) if raw.any() else 0
    if not most:
        return MOST if reverse else 0
    found = MOST * raw // most
    return MOST - found if reverse else found
