"""Which devices claims get on a node. Pure.

The first solution, in the order of requests, ways to meet them, pools, slices and devices, as upstream's
allocator finds it. That one tries everything; here is left out what cannot be different: the devices of a
request in another order, and a device that is in all respects like one that did not do.
https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation
"""

from collections.abc import Container, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from sampan.kube.scheduler.devices.asking import MOST, Ask, Asked, Selector
from sampan.kube.scheduler.devices.effort import Effort, Unworkable
from sampan.kube.scheduler.devices.pools import Device, DeviceId, Pool
from sampan.kube.scheduler.devices.selection import selected

NO_DEVICES = "cannot allocate all claims"
INVALID_POOLS = "invalid resource pools were encountered"

_LISTED = 8  # devices as dear as one step when they are only listed

_Step = Iterator[Any]  # yields what is to be decided next, once for each way it may go on; nothing at the end


class Given(NamedTuple):
    """A device that a claim gets, and for what."""

    ask: Ask
    device: Device


Allocations = tuple[tuple[Given, ...], ...]  # by claim


def allocate(
    claims: Sequence[Asked], pools: Sequence[Pool], taken: Container[DeviceId], effort: Effort
) -> Allocations | str:
    """Or why there is none on such a node. Raises Unworkable and Exhausted."""
    search = _Search(claims, pools, taken, effort)
    if search.run():
        return tuple(map(tuple, search.given))
    return INVALID_POOLS if any(one.invalid for one in pools) else NO_DEVICES


class _Search:
    def __init__(
        self, claims: Sequence[Asked], pools: Sequence[Pool], taken: Container[DeviceId], effort: Effort
    ) -> None:
        self._claims = claims
        self._taken = taken
        self._effort = effort
        sound = [one for one in pools if not one.incomplete and not one.invalid]
        self._devices = [device for one in sound for slice in one.slices for device in slice.devices]
        effort.step(len(self._devices) // _LISTED)
        self._meant: dict[tuple[Selector, ...], list[Device]] = {}
        self._all = {
            ask: self._everything(claim, ask, pools)
            for claim in claims
            for request in claim.requests
            for ask in request
            if ask.all
        }
        self._rest = [self._least(claim) for claim in claims]
        asks = [ask for claim in claims for request in claim.requests for ask in request]
        self._questions = tuple({ask.selectors for ask in asks})
        self._attributes = tuple({one.attribute for claim in claims for one in claim.constraints})
        self._users: dict[DeviceId, set[int]] = {}  # the claims that are to get a device, by their places
        self._matched: list[list[list[Any]]] = [[[] for _ in one.constraints] for one in claims]
        self._likeness: dict[DeviceId, Hashable] = {}
        self.given: list[list[Given]] = [[] for _ in claims]

    # --- before the search

    def _everything(self, claim: Asked, ask: Ask, pools: Sequence[Pool]) -> list[Device]:
        """All devices that a request means which wants all of them."""
        where = f"claim {claim.name}, request {ask.own}: asks for all devices, but resource pool"
        for pool in pools:
            if pool.incomplete or pool.invalid:
                why = "being updated" if pool.incomplete else "invalid"
                raise Unworkable(f"{where} {pool.id} is currently {why}")
        return [one for one in self._devices if self._selectable(ask, one)]

    def _least(self, claim: Asked) -> list[int]:
        """How many devices are needed from each request on; fewer than a claim can hold."""
        found = [0]
        for request in reversed(claim.requests):
            found.insert(0, found[0] + min((self._number(ask) for ask in request), default=0))
        if found[0] > MOST:
            why = f"number of requested devices {found[0]} exceeds the claim limit of {MOST}"
            raise Unworkable(f"claim {claim.name}: {why}")
        return found

    def _number(self, ask: Ask) -> int:
        return len(self._all[ask]) if ask.all else ask.count

    # --- the search

    def run(self) -> bool:
        """A stack of decisions, since there may be more than Python's can hold."""
        stack = [self._after(0, -1)]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
            elif step is _DONE:
                return True
            else:
                stack.append(step)
        return False

    def _after(self, claim: int, request: int) -> _Step:
        request += 1
        while claim < len(self._claims) and request == len(self._claims[claim].requests):
            claim, request = claim + 1, 0
        if claim == len(self._claims):
            return iter((_DONE,))
        return self._meet(claim, request)

    def _meet(self, claim: int, request: int) -> _Step:
        """One way after the other."""
        for ask in self._claims[claim].requests[request]:
            number = self._number(ask)
            if len(self.given[claim]) + number + self._rest[claim][request + 1] > MOST:
                continue
            if ask.all:
                yield from self._give_all(claim, request, ask)
                continue
            usable = self._usable(claim, ask)
            if len(usable) >= number:
                yield self._give(claim, request, ask, usable, 0, number)
            else:
                for device in usable:
                    self._selectable(ask, device)  # of what does not do, one may be the reason

    def _usable(self, claim: int, ask: Ask) -> list[Device]:
        """Also those of which it cannot be said."""
        meant = self._meant.get(ask.selectors)
        if meant is None:
            self._effort.step(len(self._devices))
            meant = [one for one in self._devices if selected(ask.selectors, one, self._effort)]
            self._meant[ask.selectors] = meant
        self._effort.step(len(meant) // _LISTED)
        return [one for one in meant if self._is_free(claim, ask, one)]

    def _give(
        self, claim: int, request: int, ask: Ask, usable: Sequence[Device], start: int, number: int
    ) -> _Step:
        """So many of the devices from one on."""
        if not number:
            yield self._after(claim, request)
            return
        useless: set[Hashable] = set()
        for at in range(start, len(usable) - number + 1):
            self._effort.step()
            device = usable[at]
            self._selectable(ask, device)
            if (useless and self._like(device) in useless) or not self._take(claim, ask, device):
                continue
            yield self._give(claim, request, ask, usable, at + 1, number - 1)
            self._release(claim)
            useless.add(self._like(device))

    def _give_all(self, claim: int, request: int, ask: Ask) -> _Step:
        before = len(self.given[claim])
        for device in self._all[ask]:
            self._effort.step()
            if not self._is_free(claim, ask, device):
                break
            if not self._take(claim, ask, device):
                name = self._claims[claim].name
                raise Unworkable(
                    f"claim {name}, request {ask.own}: cannot add device {device.id} "
                    "because a claim constraint would not be satisfied"
                )
        else:
            if self._all[ask]:
                yield self._after(claim, request)
        while len(self.given[claim]) > before:
            self._release(claim)

    # --- one device

    def _selectable(self, ask: Ask, device: Device) -> bool:
        """Raises Unworkable where an expression has no answer."""
        found = selected(ask.selectors, device, self._effort)
        if type(found) is str:
            raise Unworkable(found)
        return bool(found)

    def _is_free(self, claim: int, ask: Ask, device: Device) -> bool:
        """Who has admin access may use what others have, but not twice in one claim."""
        users = self._users.get(device.id)
        if ask.admin:
            return not users or claim not in users
        return not users and device.id not in self._taken

    def _take(self, claim: int, ask: Ask, device: Device) -> bool:
        """Unless a constraint is against it."""
        concerned = []
        for at, constraint in enumerate(self._claims[claim].constraints):
            if constraint.concerns(ask):
                value, known = device.attribute(constraint.attribute), self._matched[claim][at]
                if value is None or (known and known[-1] != value):
                    return False
                concerned.append((known, value))
        for known, value in concerned:
            known.append(value)
        self._users.setdefault(device.id, set()).add(claim)
        self.given[claim].append(Given(ask, device))
        return True

    def _release(self, claim: int) -> None:
        ask, device = self.given[claim].pop()
        self._users[device.id].discard(claim)
        for at, constraint in enumerate(self._claims[claim].constraints):
            if constraint.concerns(ask):
                self._matched[claim][at].pop()

    def _like(self, device: Device) -> Hashable:
        """The same of devices that can stand for each other."""
        known = self._likeness.get(device.id)
        if known is None:
            known = self._likeness[device.id] = self._features(device)
        return known, frozenset(self._users.get(device.id, ()))

    def _features(self, device: Device) -> Hashable:
        self._effort.step(len(self._questions) + len(self._attributes))
        answers = tuple(selected(one, device, self._effort) for one in self._questions)
        return answers, tuple(map(device.attribute, self._attributes)), device.id in self._taken


_DONE: Any = object()
