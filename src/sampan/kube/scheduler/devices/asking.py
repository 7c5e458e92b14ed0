"""What ResourceClaims ask for, read once: requests, what they can be met by, and constraints."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.devices.effort import Unworkable

MOST = 32  # devices that a claim can hold


@dataclass(frozen=True, slots=True)
class Selector:
    """`of`: whose it is, as messages name it."""

    expression: str
    of: str
    number: int


@dataclass(frozen=True, eq=False, slots=True)
class Ask:
    """One way to meet a request. `name`: "request" or "request/subrequest"; `selectors`: also its class's."""

    name: str
    request: str
    own: str
    device_class: Object
    all: bool
    count: int
    admin: bool
    selectors: tuple[Selector, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Constraint:
    """All devices of these requests (of all, if there are none) have the same value of an attribute."""

    attribute: str
    requests: frozenset[str]

    def concerns(self, ask: Ask) -> bool:
        return not self.requests or ask.request in self.requests or ask.name in self.requests


@dataclass(frozen=True, eq=False, slots=True)
class Asked:
    """A claim: each of the requests is met in one of the ways, the first that is possible."""

    claim: Object
    name: str
    requests: tuple[tuple[Ask, ...], ...]
    constraints: tuple[Constraint, ...]


def requests_of(claim: Object) -> list[Object]:
    return list(((claim.get("spec") or {}).get("devices") or {}).get("requests") or ())


def name_of(claim: Object) -> str:
    return f"{claim['metadata'].get('namespace') or ''}/{claim['metadata']['name']}"


def ways(request: Object) -> Iterator[tuple[str, Object]]:
    """By their names."""
    name = str(request.get("name") or "")
    if request.get("exactly"):
        yield name, request["exactly"]
    else:
        for one in request.get("firstAvailable") or ():
            yield f"{name}/{one.get('name') or ''}", one


def asked(claim: Object, find: Callable[[str], Object | None]) -> Asked:
    """`find`: a class by its name. Raises Unworkable."""
    name = name_of(claim)
    requests = tuple(
        tuple(_ask(name, str(request.get("name") or ""), way, value, find) for way, value in ways(request))
        for request in requests_of(claim)
    )
    given = ((claim.get("spec") or {}).get("devices") or {}).get("constraints") or ()
    return Asked(claim, name, requests, tuple(_constraints(name, given)))


def _ask(claim: str, request: str, name: str, value: Object, find: Callable[[str], Object | None]) -> Ask:
    own = name.removeprefix(f"{request}/") if name != request else request
    where = f"claim {claim}, request {own}"
    wanted = str(value.get("deviceClassName") or "")
    found = find(wanted)
    if found is None:
        raise Unworkable(f"{where}: could not retrieve device class {wanted}")
    mode = value.get("allocationMode") or "ExactCount"
    if mode not in ("ExactCount", "All"):
        raise Unworkable(f"{where}: unsupported count mode {mode}")
    for at, one in enumerate(value.get("selectors") or ()):
        if not one.get("cel"):
            raise Unworkable(f"{where}, selector #{at}: CEL expression empty (unsupported selector type?)")
    selectors = (
        *_selectors((found.get("spec") or {}).get("selectors") or (), f"class {wanted}"),
        *_selectors(value.get("selectors") or (), f"claim {claim}"),
    )
    admin = bool(value.get("adminAccess")) and name == request
    count = 1 if value.get("count") is None else max(int(value["count"]), 0)
    return Ask(name, request, own, found, mode == "All", count, admin, selectors)


def _selectors(values: Iterable[Object], of: str) -> Iterator[Selector]:
    for at, one in enumerate(values):
        yield Selector(str((one.get("cel") or {}).get("expression") or ""), of, at)


def _constraints(claim: str, values: Iterable[Object]) -> Iterator[Constraint]:
    for at, one in enumerate(values):
        if not one.get("matchAttribute"):
            why = "empty constraint (unsupported constraint type?)"
            raise Unworkable(f"claim {claim}, constraint #{at}: {why}")
        yield Constraint(str(one["matchAttribute"]), frozenset(one.get("requests") or ()))
