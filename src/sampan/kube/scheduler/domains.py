"""Topology domains: the nodes that have the same value of a label. Numbers by row, added up by domain."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.interning import Column
from sampan.kube.scheduler.verdict import Mask

Sums = NDArray[np.int64]


def sums(column: Column[str], counts: NDArray[Any]) -> Sums:
    """By the value's id; those of rows without a value come first."""
    rows = np.flatnonzero(counts)
    found = np.bincount(column.ids[rows], weights=counts[rows], minlength=len(column.values))
    return found.astype(np.int64)  # exact: they are added up as doubles, and stay below 2**53


def with_any(column: Column[str], counts: NDArray[Any]) -> Mask:
    """By the value's id: is there anything? Never of rows without a value."""
    found = np.zeros(len(column.values), np.bool_)
    found[column.ids[np.flatnonzero(counts)]] = True
    found[0] = False
    return found


def known(column: Column[str], rows: Mask) -> Mask:
    """By the value's id: has one of the rows that value?"""
    return with_any(column, rows)
