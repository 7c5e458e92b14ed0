"""Why things are as they are: what controllers and the scheduler decided of an object, as they decide it.

Bounded: a few decisions of an object, and of so many objects; those decided of longest ago are forgotten.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

OBJECTS = 20_000
PER_OBJECT = 4


@dataclass(frozen=True)
class Decision:
    """`by` decided it; the message is a sentence, `unblock` what would change it, `facts` plain JSON."""

    by: str  # "kube-scheduler", "deployment-controller"
    reason: str  # one word, as in conditions
    message: str
    unblock: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    at: float = 0.0  # seconds since 1970
    times: int = 1  # how often in a row


class Decisions:
    """By the object's uid."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Decision, ...]] = OrderedDict()

    def note(self, uid: str, decision: Decision) -> None:
        """The latest; it takes the place of an equal one by the same decider, and counts."""
        known = self._known.pop(uid, ())
        kept = []
        for one in known:
            if one.by == decision.by and one.reason == decision.reason and one.message == decision.message:
                decision = replace(decision, times=one.times + 1)
            else:
                kept.append(one)
        self._known[uid] = (*kept[-(PER_OBJECT - 1) :], decision)
        if len(self._known) > OBJECTS:
            self._known.popitem(last=False)

    def settle(self, uid: str, by: str) -> None:
        """Nothing stands in the way any more, as far as this decider knows."""
        known = self._known.get(uid)
        if known is None:
            return
        rest = tuple(one for one in known if one.by != by)
        if rest:
            self._known[uid] = rest
        else:
            del self._known[uid]

    def of(self, uid: str) -> tuple[Decision, ...]:
        """The latest last."""
        return self._known.get(uid, ())
