"""What nodes see of pools, while drivers replace their slices."""

from typing import Any

import pytest

from sampan.kube.scheduler.devices.pools import Inventory
from tests.kube.scheduler.devices.objects import DRIVER, device, slice_

SELECTED = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "rack", "operator": "In", "values": ["1"]}]}]}

# Seen from a node, whether or not the selector means it: names of devices by pool, or what is wrong with it.
CASES: list[tuple[str, list[Any], str, bool, dict[str, Any]]] = [
    ("of all nodes", [slice_("s", device("a"))], "x", False, {"p": "a"}),
    ("of the node", [slice_("s", device("a"), nodeName="x")], "x", False, {"p": "a"}),
    ("of another", [slice_("s", device("a"), nodeName="y")], "x", False, {}),
    ("of nodes that are selected", [slice_("s", device("a"), nodeSelector=SELECTED)], "x", True, {"p": "a"}),
    ("of others", [slice_("s", device("a"), nodeSelector=SELECTED)], "x", False, {}),
    ("of nobody knows which", [slice_("s", device("a"), perDeviceNodeSelection=True)], "x", True, {}),
    (
        "two slices, by their names",
        [slice_("t", device("a"), count=2), slice_("s", device("b"), count=2)],
        "x",
        False,
        {"p": "ba"},
    ),
    (
        "two pools, by their names",
        [slice_("s", device("a"), pool="q"), slice_("t", device("b"))],
        "x",
        False,
        {"p": "b", "q": "a"},
    ),
    ("not all slices yet", [slice_("s", device("a"), count=2)], "x", False, {"p": "incomplete"}),
    (
        "the others are of other nodes",
        [slice_("s", device("a"), count=2), slice_("t", device("b"), count=2, nodeName="y")],
        "x",
        False,
        {"p": "a"},
    ),
    (
        "the newest",
        [slice_("s", device("a")), slice_("t", device("b"), generation=2)],
        "x",
        False,
        {"p": "b"},
    ),
    (
        "there is a newer one elsewhere, and this one is not whole any more",
        [slice_("s", device("a"), count=2), slice_("t", device("b"), generation=2, nodeName="y")],
        "x",
        False,
        {},
    ),
    ("a device twice", [slice_("s", device("a"), device("a"))], "x", False, {"p": "invalid"}),
    (
        "a device twice, in two slices",
        [slice_("s", device("a"), count=2), slice_("t", device("a"), count=2)],
        "x",
        False,
        {"p": "invalid"},
    ),
    ("without devices", [slice_("s")], "x", False, {"p": ""}),
    ("that says nothing", [{"metadata": {"name": "s"}}], "x", False, {}),
]


@pytest.mark.parametrize(
    ("slices", "node", "selected", "expected"), [one[1:] for one in CASES], ids=[one[0] for one in CASES]
)
def test_pools_are_what_a_node_sees(slices: Any, node: str, selected: bool, expected: Any) -> None:
    inventory = Inventory(slices)
    places = range(len(inventory.selectors)) if selected else ()
    found = {pool.id.name: shown(pool) for pool in inventory.pools(node, places)}
    assert list(found.items()) == list(expected.items())


def shown(pool: Any) -> str:
    if pool.incomplete or pool.invalid:
        return "incomplete" if pool.incomplete else "invalid"
    return "".join(one.id.name for slice in pool.slices for one in slice.devices)


def test_nodes_without_slices_of_their_own_are_alike() -> None:
    inventory = Inventory([slice_("s", nodeName="x"), slice_("t")])
    assert [inventory.local(name) for name in "xyz"] == ["x", "", ""]


def test_what_is_known_of_a_slice_is_kept_until_it_changes() -> None:
    first, second = slice_("s", device("a")), slice_("t", device("b"), pool="q")
    before = Inventory([first, second])
    after = Inventory([first, slice_("t", device("b"), pool="q")], before)
    olds, news = ([pool.slices[0] for pool in one.pools("x", ())] for one in (before, after))
    assert news[0] is olds[0] and news[1] is not olds[1]


@pytest.mark.parametrize(
    ("attributes", "name", "expected"),
    [
        ({"a": 1}, f"{DRIVER}/a", ("int", 1)),
        ({"a": True}, f"{DRIVER}/a", ("bool", True)),
        ({f"{DRIVER}/a": "x", "a": "y"}, f"{DRIVER}/a", ("string", "x")),
        ({"a": 1}, "other.io/a", None),
        ({"other.io/a": {"version": "1.0.0"}}, "other.io/a", ("version", "1.0.0")),
        ({"a": {}}, f"{DRIVER}/a", None),
    ],
)
def test_attributes_are_found_by_their_full_names(attributes: Any, name: str, expected: Any) -> None:
    [pool] = Inventory([slice_("s", device("a", **attributes))]).pools("", ())
    assert pool.slices[0].devices[0].attribute(name) == expected
