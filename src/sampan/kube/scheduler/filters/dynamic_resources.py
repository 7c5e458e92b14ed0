"""DynamicResources: have the pod's claims devices that can be used from the node, or could they get some?"""

from collections.abc import Iterator

import numpy as np

from sampan.kube.scheduler.devices.podclaims import claims_of, problem
from sampan.kube.scheduler.devices.search import available, search_of
from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.nodematching import everywhere
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.verdict import Reason, Rows

NAME = "DynamicResources"
ELSEWHERE = "resourceclaim not available on the node"


def applies(query: Query) -> bool:
    return bool(query.shape.resource_claims)


def refuses(query: Query) -> str | None:
    found = problem(query)
    if found is None and (search := search_of(query)) is not None:
        search.go_on()
    return found


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    """Of claims without devices first, as upstream tells it. Raises Unworkable."""
    here = everywhere(query.cluster, rows)
    search = search_of(query)
    if search is not None:
        texts = [one if isinstance(one, str) else "" for one in search.outcomes(query.cluster, rows)]
        for text in sorted(set(texts) - {""}):
            refused = np.array([one == text for one in texts], np.bool_)
            here &= ~refused
            yield Reason(text, refused, True)
    usable = everywhere(query.cluster, rows)
    for claim in claims_of(query):
        usable &= available(query, claim, rows)
    yield Reason(ELSEWHERE, here & ~usable, True)


FILTER = Filter(NAME, reasons, applies, local=False, refuses=refuses, last=True)
