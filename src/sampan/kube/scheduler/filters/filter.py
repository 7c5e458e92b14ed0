"""What a filter plugin is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sampan.kube.scheduler.query import Query, always
from sampan.kube.scheduler.verdict import Reason, Rows


def _nothing(query: Query) -> None:
    return None


@dataclass(frozen=True)
class Filter:
    """`reasons`: why which of some rows are refused; not asked where the plugin does not apply.

    `local`: whether a row is refused depends on the pod's shape and that row of the cluster alone, so that it
    needs to be asked again only when the row has changed. `refuses`: why the pod can be nowhere, if so;
    `names`: the only nodes that can be meant, if the pod tells them. `last`: it is dear, and only
    asked of rows that no other filter refuses.
    """

    name: str
    reasons: Callable[[Query, Rows], Iterable[Reason]]
    applies: Callable[[Query], bool] = always
    local: bool = True
    refuses: Callable[[Query], str | None] = _nothing
    names: Callable[[Query], frozenset[str] | None] = _nothing
    last: bool = False
