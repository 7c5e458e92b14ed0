"""What goes, and in which order: prune on request, and the policies that keep the cache in bounds. Pure."""

from collections.abc import Iterable, Sequence

from sampan.engine.buildcache import filters
from sampan.engine.buildcache.policies import Policy
from sampan.engine.buildcache.usage import FRONTEND, INTERNAL, Usage

NS = 1_000_000_000


def choose(usages: Sequence[Usage], policy: Policy, now: int) -> list[Usage]:
    """What goes by one rule, in order. Raises Invalid for bad filters.

    With a bound in bytes the longest unused go first, and only as many as it takes.
    """
    matches = filters.parse(policy.filters)
    total = sum(usage.size for usage in usages if not usage.shared)
    if policy.keep_bytes and total <= policy.keep_bytes:
        return []
    latest = now - int(policy.keep_duration * NS)
    candidates = [
        usage
        for usage in usages
        if not usage.in_use
        and (policy.all or (usage.type not in (INTERNAL, FRONTEND) and not usage.shared))
        and not (policy.keep_duration and max(usage.last_used, usage.created) > latest)
        and matches(usage)
    ]
    if not policy.keep_bytes:
        return candidates
    gone: list[Usage] = []
    for usage in _leaves_first(candidates, usages):
        if total <= policy.keep_bytes:
            break
        gone.append(usage)
        if not usage.shared:
            total -= usage.size
    return gone


def _leaves_first(candidates: Sequence[Usage], all: Iterable[Usage]) -> Iterable[Usage]:
    """Longest unused first, but none before those made from it: its layer would stay for them."""
    children: dict[str, int] = {}
    for usage in all:
        for parent in usage.parents:
            children[parent] = children.get(parent, 0) + 1
    waiting = sorted(candidates, key=lambda usage: (max(usage.last_used, usage.created), usage.uses))
    while waiting:
        # In most caches parents are used at least as recently as their children: one pass or two.
        later = []
        found = False
        for usage in waiting:
            if children.get(usage.id, 0):
                later.append(usage)
                continue
            found = True
            for parent in usage.parents:
                children[parent] -= 1
            yield usage
        if not found:
            return
        waiting = later


def collect(usages: Sequence[Usage], policies: Sequence[Policy], now: int) -> list[Usage]:
    """What goes by all the rules, one after the other."""
    left = list(usages)
    gone: list[Usage] = []
    for policy in policies:
        chosen = choose(left, policy, now)
        names = {usage.id for usage in chosen}
        left = [usage for usage in left if usage.id not in names]
        gone += chosen
    return gone
