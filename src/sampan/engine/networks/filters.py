"""Filters of `network ls` and `network prune`. moby: daemon/network/filter.go"""

import time
from collections.abc import Callable, Mapping, Sequence

from sampan.engine.networks.record import NetworkRecord
from sampan.errors import Invalid
from sampan.specs.docker.filters import boolean, check_names, has_label, labels_match, until
from sampan.specs.golang import time as times

LIST = frozenset({"dangling", "driver", "id", "label", "name", "scope", "type"})
PRUNE = frozenset({"label", "label!", "until"})

Filters = Mapping[str, Sequence[str]]
Test = Callable[[NetworkRecord], bool]


def listed(filters: Filters, used: Callable[[NetworkRecord], bool]) -> Test:
    """Raises Invalid for an unknown filter or value."""
    check_names(filters, LIST)
    tests: list[Test] = []
    if names := filters.get("name"):
        tests.append(lambda network: any(name in network.name for name in names))
    if ids := filters.get("id"):
        tests.append(lambda network: any(network.id.startswith(id) for id in ids))
    if drivers := filters.get("driver"):
        tests.append(lambda network: network.driver in drivers)
    if scopes := filters.get("scope"):
        tests.append(lambda network: "local" in scopes)
    if labels := filters.get("label"):
        tests.append(lambda network: all(has_label(network.labels, label) for label in labels))
    if kinds := filters.get("type"):
        tests.append(_of_type(kinds))
    dangling = boolean(filters, "dangling")
    if dangling is not None:
        tests.append(lambda network: (not network.predefined and not used(network)) == dangling)
    return lambda network: all(test(network) for test in tests)


def _of_type(kinds: Sequence[str]) -> Test:
    for kind in kinds:
        if kind not in ("builtin", "custom"):
            raise Invalid(f"invalid filter 'type={kind}'")
    return lambda network: ("builtin" if network.predefined else "custom") in kinds


def pruned(filters: Filters, now: int | None = None) -> Test:
    """Raises Invalid for an unknown filter or an unreadable time."""
    check_names(filters, PRUNE)
    limit = until(filters, time.time_ns() if now is None else now)

    def test(network: NetworkRecord) -> bool:
        if limit is not None and times.parse(network.created) > limit:
            return False
        return labels_match(filters, network.labels)

    return test
