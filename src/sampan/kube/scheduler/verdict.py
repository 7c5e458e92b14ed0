"""What comes out of looking at all nodes for one pod."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Scores = NDArray[np.int64]
Rows = NDArray[np.intp] | slice  # which of the cluster's rows are looked at
ALL = slice(None)


class Reason(NamedTuple):
    """Why a filter refuses nodes. Unresolvable: taking pods away from a node would not help."""

    text: str
    rows: Mask
    unresolvable: Mask | bool = False


class Refusal(NamedTuple):
    """Why a pod can be nowhere, found out before any node was looked at (a PreFilter's answer)."""

    plugin: str
    text: str


@dataclass(frozen=True)
class Failure:
    """The nodes that a plugin was the first to refuse. Each is in one text at least."""

    plugin: str
    rows: Mask
    texts: Sequence[tuple[str, Mask]]
    unresolvable: Mask

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(text for text, _ in self.texts)


@dataclass(frozen=True)
class Verdict:
    """Failures are told when nothing is feasible, or if they were asked for: each row stands in one."""

    feasible: Mask
    failures: tuple[Failure, ...] = ()
    refused: Refusal | None = None
