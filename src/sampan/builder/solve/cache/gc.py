"""What goes, and in which order: prune on request, and the policies that keep the cache in bounds. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sampan.builder.solve.cache import filters
from sampan.builder.solve.cache.records import FRONTEND, INTERNAL, Usage

DAY = 86400.0
NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One rule, as `builder.gc.policy` of daemon.json has it. `keep_bytes` 0: no bound."""

    filters: tuple[str, ...] = ()
    all: bool = False
    keep_duration: float = 0  # seconds since the last use
    keep_bytes: int = 0


def default_policies(keep: int) -> tuple[Policy, ...]:
    """BuildKit's four: what can be fetched again goes first, then what is old, then whatever is too much."""
    cheap = ("type==source.local", "type==exec.cachemount", "type==source.git.checkout")
    return (
        Policy(filters=cheap, keep_duration=2 * DAY, keep_bytes=512_000_000),
        Policy(keep_duration=60 * DAY, keep_bytes=keep),
        Policy(keep_bytes=keep),
        Policy(all=True, keep_bytes=keep),
    )


def default_keep(disk: int) -> int:
    """A tenth of the disk, at least 2 GB, as BuildKit's daemon."""
    return max(disk // 10, 2_000_000_000)


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
