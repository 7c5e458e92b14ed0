"""Which devices claims get: upstream's rules in a table, and against trying everything."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.devices.allocator import INVALID_POOLS, NO_DEVICES
from sampan.kube.scheduler.devices.effort import Effort, Exhausted, Unworkable
from tests.kube.scheduler.devices.objects import (
    claim,
    device,
    device_class,
    exactly,
    first_of,
    given_to,
    slice_,
    way,
)

MIXED = slice_(
    "s", device("a", kind="x", size=1), device("b", kind="y", size=1), device("c", kind="y", size=2)
)
BIG = 'device.attributes["d.io"].size > 1'
KIND_X = 'device.attributes["d.io"].kind == "x"'
KIND_Y = 'device.attributes["d.io"].kind == "y"'
BROKEN = 'device.attributes["d.io"].nothing == 1'
MANY = [slice_(f"s{at}", *(device(f"d{at}-{n}") for n in range(9)), count=4) for at in range(4)]

CASES: list[tuple[str, Any, Any]] = [
    ("the first device", {"claims": [claim(exactly("r"))]}, [["r=a"]]),
    ("several", {"claims": [claim(exactly("r", 2))]}, [["r=a", "r=b"]]),
    ("more than there are", {"claims": [claim(exactly("r", 4))]}, NO_DEVICES),
    ("what nobody else has", {"claims": [claim(exactly("r"))], "taken": "ab"}, [["r=c"]]),
    ("nothing is left", {"claims": [claim(exactly("r"))], "taken": "abc"}, NO_DEVICES),
    ("nothing is asked for", {"claims": [claim()]}, [[]]),
    (
        "claims of one pod",
        {"claims": [claim(exactly("r")), claim(exactly("r"), name="e")]},
        [["r=a"], ["r=b"]],
    ),
    ("a selector", {"claims": [claim(exactly("r", 1, KIND_Y))]}, [["r=b"]]),
    ("several selectors", {"claims": [claim(exactly("r", 1, KIND_Y, BIG))]}, [["r=c"]]),
    (
        "a class's selector",
        {"claims": [claim(exactly("r", of="y"))], "classes": [device_class("y", KIND_Y)]},
        [["r=b"]],
    ),
    (
        "an earlier request makes room for a later one",
        {"claims": [claim(exactly("any"), exactly("x", 1, KIND_X))]},
        [["any=b", "x=a"]],
    ),
    (
        "an earlier claim makes room for a later one",
        {"claims": [claim(exactly("any")), claim(exactly("x", 1, KIND_X), name="e")]},
        [["any=b"], ["x=a"]],
    ),
    ("all", {"claims": [claim(exactly("r", all=True))]}, [["r=a", "r=b", "r=c"]]),
    ("all of some", {"claims": [claim(exactly("r", 0, KIND_Y, all=True))]}, [["r=b", "r=c"]]),
    ("all of none", {"claims": [claim(exactly("r", 0, BIG, KIND_X, all=True))]}, NO_DEVICES),
    ("all, and one is taken", {"claims": [claim(exactly("r", all=True))], "taken": "b"}, NO_DEVICES),
    (
        "admin access to what others have",
        {"claims": [claim(exactly("r", all=True, adminAccess=True))], "taken": "b"},
        [["r=a", "r=b", "r=c"]],
    ),
    (
        "admin access takes nothing twice in a claim",
        {"claims": [claim(exactly("r", 2, adminAccess=True), exactly("q", 2, adminAccess=True))]},
        NO_DEVICES,
    ),
    (
        "equal attributes",
        {"claims": [claim(exactly("r", 2), match=["d.io/kind"])]},
        [["r=b", "r=c"]],
    ),
    (
        "equal attributes of some requests",
        {"claims": [claim(exactly("r"), exactly("q"), exactly("t"), match=[("d.io/kind", ["q", "t"])])]},
        [["r=a", "q=b", "t=c"]],
    ),
    ("an attribute that is not there", {"claims": [claim(exactly("r"), match=["d.io/none"])]}, NO_DEVICES),
    ("another's attribute", {"claims": [claim(exactly("r"), match=["other.io/kind"])]}, NO_DEVICES),
    (
        "the first way",
        {"claims": [claim(first_of("r", way(1, KIND_X), way(1, KIND_Y)))]},
        [["r/0=a"]],
    ),
    (
        "the second, if the first cannot be",
        {"claims": [claim(first_of("r", way(2, KIND_X), way(1, KIND_Y)))]},
        [["r/1=b"]],
    ),
    (
        "the second, for the sake of another request",
        {"claims": [claim(first_of("r", way(1, KIND_X), way(1, KIND_Y)), exactly("q", 1, KIND_X))]},
        [["r/1=b", "q=a"]],
    ),
    (
        "a constraint on one way",
        {"claims": [claim(first_of("r", way(2), way(1)), match=[("d.io/kind", ["r/0"])])]},
        [["r/0=b", "r/0=c"]],
    ),
    (
        "a way that asks for too much is passed over",
        {"claims": [claim(exactly("q", 20), first_of("r", way(13), way(1)))], "slices": MANY},
        [[*(f"q=d{at // 9}-{at % 9}" for at in range(20)), "r/1=d2-2"]],
    ),
    (
        "a pool that is not whole",
        {"claims": [claim(exactly("r"))], "slices": [slice_("s", device("a"), count=2)]},
        NO_DEVICES,
    ),
    (
        "an old generation",
        {
            "claims": [claim(exactly("r"))],
            "slices": [slice_("s", device("a")), slice_("t", device("b"), generation=2)],
        },
        [["r=b"]],
    ),
    (
        "a pool that names devices twice",
        {"claims": [claim(exactly("r"))], "slices": [slice_("s", device("a"), device("a"))]},
        INVALID_POOLS,
    ),
    (
        "a broken selector of a device that is not needed",
        {"claims": [claim(exactly("r", 1, f"{KIND_X} || {BROKEN}"))]},
        [["r=a"]],
    ),
]


@pytest.mark.parametrize(("asked", "expected"), [one[1:] for one in CASES], ids=[one[0] for one in CASES])
def test_claims_get_devices(asked: Any, expected: Any) -> None:
    assert given_to(**{"slices": [MIXED], **asked}) == expected


ERRORS: list[tuple[str, Object, str]] = [
    (
        "an expression without an answer",
        claim(exactly("r", 1, BROKEN)),
        "claim n/c: selector #0 on device d.io/p/a: CEL runtime error: no such key: nothing",
    ),
    (
        "a class's",
        claim(exactly("r", of="broken")),
        "class broken: selector #1 on device d.io/p/a: CEL runtime error: no such key: nothing",
    ),
    (
        "one that is reached although there are too few",
        claim(exactly("r", 9, BROKEN)),
        "claim n/c: selector #0 on device d.io/p/a: CEL runtime error: no such key: nothing",
    ),
    (
        "no expression",
        claim(exactly("r", 1, "1 +")),
        "claim n/c: selector #0: CEL compile error: compilation failed: ERROR: <input>:1:4: Syntax error: ",
    ),
    (
        "too many",
        claim(exactly("r", 20), exactly("q", 13)),
        "claim n/c: number of requested devices 33 exceeds the claim limit of 32",
    ),
    (
        "all, against a constraint",
        claim(exactly("r", all=True), match=["d.io/kind"]),
        "claim n/c, request r: cannot add device d.io/p/b because a claim constraint would not be satisfied",
    ),
    (
        "a constraint of a later version",
        claim(exactly("r"), devices={"constraints": [{"distinctAttribute": "d.io/kind"}]}),
        "claim n/c, constraint #0: empty constraint (unsupported constraint type?)",
    ),
    (
        "no class",
        claim(exactly("r", of="gone")),
        "claim n/c, request r: could not retrieve device class gone",
    ),
]


@pytest.mark.parametrize(("wanted", "text"), [one[1:] for one in ERRORS], ids=[one[0] for one in ERRORS])
def test_what_is_wrong_with_a_claim_is_told(wanted: Object, text: str) -> None:
    with pytest.raises(Unworkable) as caught:
        given_to([wanted], [MIXED], [device_class("broken", "true", BROKEN)])
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(("count", "word"), [(2, "being updated"), (1, "invalid")])
def test_all_devices_are_not_told_from_some(count: int, word: str) -> None:
    twice = [device("a"), device("a")] if count == 1 else [device("a")]
    with pytest.raises(Unworkable, match=f"request r: asks for all devices.* d.io/p is currently {word}"):
        given_to([claim(exactly("r", all=True))], [slice_("s", *twice, count=count)])


def test_like_devices_are_not_tried_in_vain() -> None:
    """A thousand like ones, and what cannot be: many more ways than could be tried."""
    alike = [
        slice_(f"s{at}", *(device(f"d{at}-{n}", kind="x") for n in range(100)), pool=f"p{at}")
        for at in range(10)
    ]
    wanted = claim(*(exactly(f"r{at}", 3) for at in range(10)), exactly("none", 1, KIND_Y))
    assert given_to([wanted], alike) == NO_DEVICES


def test_who_asks_too_much_is_stopped() -> None:
    """No two devices are alike, and the last request cannot be met."""
    slices = [slice_("s", *(device(f"d{n}", size=n) for n in range(60)))]
    requests = [exactly(f"r{at}", 2, f'device.attributes["d.io"].size != {at}') for at in range(8)]
    same = 'device.attributes["d.io"].size < {}'
    with pytest.raises(Exhausted):
        given_to([claim(*requests, exactly("q", 9, same.format(9)), match=[("d.io/no", ["z"])])], slices)


def test_a_dear_expression_is_stopped() -> None:
    dear = "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, a+b+c > 0)))"
    slices = [slice_("s", *(device(f"d{n}", size=n) for n in range(120)))]
    effort = Effort()
    wanted = claim(exactly("r", 1, f"{dear} && {dear} && {dear} && {dear} && size(device.driver) == 0"))
    with pytest.raises(Exhausted):
        given_to([wanted], slices, effort=effort)
    assert effort.cost > -1_000_000 and effort.exhausted


def test_more_claims_than_the_stack_is_deep() -> None:
    slices = [slice_(f"s{at}", *(device(f"d{at}-{n}") for n in range(100)), pool=f"p{at}") for at in range(6)]
    found = given_to([claim(exactly("r"), name=f"c{at}") for at in range(600)], slices)
    assert len({one for given in found for one in given}) == 600


# --- against trying everything

devices = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(0, 2), st.booleans()), min_size=0, max_size=5
)
SELECTORS = (
    "true",
    KIND_X,
    KIND_Y,
    'device.attributes["d.io"].size > 0',
    'device.attributes["d.io"].size < 2',
)
ways = st.tuples(st.integers(1, 2), st.sampled_from(range(len(SELECTORS))), st.booleans())
requests = st.lists(ways, min_size=1, max_size=2)
claims = st.lists(
    st.tuples(st.lists(requests, min_size=1, max_size=3), st.sampled_from((None, "d.io/kind", "d.io/size"))),
    min_size=1,
    max_size=2,
)


@given(devices, claims)
@settings(max_examples=300, deadline=None)
def test_claims_get_devices_exactly_if_that_is_possible(having: Any, asking: Any) -> None:
    there = [device(str(at), kind=kind, size=size) for at, (kind, size, _) in enumerate(having)]
    taken = [str(at) for at, one in enumerate(having) if one[2]]
    wanted = [
        claim(
            *(
                first_of(f"r{at}", *(way(count, SELECTORS[select]) for count, select, _ in ways))
                if len(ways) > 1
                else exactly(f"r{at}", ways[0][0], SELECTORS[ways[0][1]], adminAccess=ways[0][2])
                for at, ways in enumerate(asked)
            ),
            name=f"c{number}",
            match=[match] if match else [],
        )
        for number, (asked, match) in enumerate(asking)
    ]
    found = given_to(wanted, [slice_("s", *there)], taken=taken)
    possible = any(_all_ways(having, asking))
    assert (found != NO_DEVICES) == possible
    if possible:
        _check(having, asking, found)


def _fits(one: Any, select: int) -> bool:
    kind, size, _ = one
    return (True, kind == "x", kind == "y", size > 0, size < 2)[select]


def _all_ways(having: Any, asking: Any) -> Any:
    """True for each that works: all ways of all requests, with all sets of devices."""
    flat = [(number, ways) for number, (asked, _) in enumerate(asking) for ways in asked]
    for chosen in itertools.product(*(ways for _, ways in flat)):
        options = []
        for (_, ways), (count, select, admin) in zip(flat, chosen, strict=True):
            admin = admin and len(ways) == 1
            able = [at for at, one in enumerate(having) if _fits(one, select) and (admin or not one[2])]
            options.append([(admin, one) for one in itertools.combinations(able, count)])
        for sets in itertools.product(*options):
            owners = [(number, admin, one) for (number, _), (admin, one) in zip(flat, sets, strict=True)]
            yield _holds(having, asking, owners)


def _holds(having: Any, asking: Any, owners: Any) -> bool:
    """Nothing is given twice, other than to who has admin access in another claim; constraints hold."""
    by_claim: dict[int, list[int]] = {}
    sole: set[int] = set()
    users: dict[int, int] = {}
    for number, admin, places in owners:
        for at in places:
            if at in by_claim.setdefault(number, []) or (at in sole and not admin):
                return False
            if not admin and users.get(at):
                return False  # one after another: who comes later finds it in use
            by_claim[number].append(at)
            users[at] = users.get(at, 0) + 1
            sole |= {at} if not admin else set()
    for number, (_, match) in enumerate(asking):
        part = {"d.io/kind": 0, "d.io/size": 1}.get(match)
        if part is not None and len({having[at][part] for at in by_claim.get(number, [])}) > 1:
            return False
    return True


def _check(having: Any, asking: Any, found: Any) -> None:
    owners = []
    for number, ((asked, _), got) in enumerate(zip(asking, found, strict=True)):
        for at, ways in enumerate(asked):
            mine = [one.partition("=") for one in got if one.split("=")[0].split("/")[0] == f"r{at}"]
            way_number = int(mine[0][0].partition("/")[2] or 0)
            count, select, admin = ways[way_number]
            places = tuple(int(one[2]) for one in mine)
            admin = admin and len(ways) == 1
            assert len(places) == count and all(_fits(having[one], select) for one in places)
            assert admin or not any(having[one][2] for one in places)
            owners.append((number, admin, places))
    assert _holds(having, asking, owners)
