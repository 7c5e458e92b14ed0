"""Why nodes were refused, gathered plugin by plugin."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.verdict import Failure, Mask, Reason

Index = NDArray[np.intp]


class Findings:
    """Over all rows of a cluster."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._texts: dict[str, dict[str, Mask]] = {}
        self._unresolvable: dict[str, Mask] = {}

    def add(self, plugin: str, index: Index, reasons: Iterable[Reason]) -> None:
        """Of the rows that `index` lists, in the order of the reasons' rows."""
        texts = self._texts.setdefault(plugin, {})
        hopeless = self._unresolvable.setdefault(plugin, self._none())
        for reason in reasons:
            if reason.rows.any():
                texts.setdefault(reason.text, self._none())[index[reason.rows]] = True
                hopeless[index[reason.rows & reason.unresolvable]] = True

    def forget(self, row: int) -> None:
        """It will be told of anew."""
        for masks in (*(one.values() for one in self._texts.values()), self._unresolvable.values()):
            for mask in masks:
                mask[row] = False

    def failures(self) -> tuple[Failure, ...]:
        found = []
        for plugin, texts in self._texts.items():
            kept = [(text, mask) for text, mask in texts.items() if mask.any()]
            if kept:
                rows = np.logical_or.reduce([mask for _, mask in kept])
                found.append(Failure(plugin, rows, kept, self._unresolvable[plugin]))
        return tuple(found)

    def _none(self) -> Mask:
        return np.zeros(self._size, np.bool_)
