"""Structs as Go prints them: the table is complete, and each kind of value has its form."""

from collections.abc import Iterator

import pytest

from sampan.kube.schema import builtin
from sampan.kube.schema.node import Node
from sampan.specs.kubernetes import structs
from sampan.specs.kubernetes.structs import printed

TEMPLATE = "io.k8s.api.core.v1.PodTemplateSpec"


def members(name: str) -> dict[str, str]:
    """The members in JSON of a struct and of those embedded in it, with their types."""
    found: dict[str, str] = {}
    for text in structs._read()[name].split():
        field, _, type = text.partition(":")
        go, renamed, key = field.partition("=")
        if renamed and not key:
            found.update(members(type))
        else:
            found[key or go[0].lower() + go[1:]] = type
    return found


def places(node: Node, name: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Each member of an object's node that a struct should have."""
    if name in seen:
        return
    seen.add(name)
    types = members(name)
    for key, each in node.fields.items():
        yield name, key
        inner = types.get(key, "").lstrip("*[]")
        node_of = each.items if each.items is not None else each
        if inner in structs._read():
            yield from places(node_of, inner, seen)


def test_no_member_of_a_template_is_left_out() -> None:
    node = builtin.node(TEMPLATE)
    assert node is not None
    found = list(places(node, "PodTemplateSpec", set()))
    assert len(found) > 500
    assert [(name, key) for name, key in found if key not in members(name)] == []


@pytest.mark.parametrize(
    "type, value, wanted",
    [
        ("*int64", None, "(*int64)<nil>"),
        ("*int64", 0, "(*int64)0"),
        ("*bool", False, "(*bool)false"),
        ("RestartPolicy", "Always", "(v1.RestartPolicy)Always"),
        ("[]string", ["a", "b"], "([]string)[a b]"),
        ("[]string", [], "([]string)<nil>"),
        ("map[string]string", {"b": "1", "a": "2"}, "(map[string]string)map[a:2 b:1]"),
        ("*PodOS", {"name": "linux"}, "(*v1.PodOS){Name:(v1.OSName)linux}"),
        (
            "[]EnvVar",
            [{"name": "A", "value": "1"}],
            "([]v1.EnvVar)[{Name:(string)A Value:(string)1 ValueFrom:(*v1.EnvVarSource)<nil>}]",
        ),
        (
            "SecretEnvSource",
            {"name": "s"},
            "(v1.SecretEnvSource){LocalObjectReference:(v1.LocalObjectReference){Name:(string)s} "
            "Optional:(*bool)<nil>}",
        ),
        (
            "intstr.IntOrString",
            "http",
            "(intstr.IntOrString){Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string)http}",
        ),
        ("*FieldsV1", {"f": {}}, "(*v1.FieldsV1){Raw:([]uint8)[123 34 102 34 58 123 125 125]}"),
    ],
)
def test_each_kind_of_value_has_its_form(type: str, value: object, wanted: str) -> None:
    assert printed(type, value) == wanted


@pytest.mark.parametrize(
    "text, amount, decimal, written, format",
    [
        ("100m", "value:(int64)100 scale:(resource.Scale)-3", "<nil>", "100m", "DecimalSI"),
        ("1Gi", "value:(int64)1073741824 scale:(resource.Scale)0", "<nil>", "1Gi", "BinarySI"),
        ("8Gi", "value:(int64)8589934592 scale:(resource.Scale)0", "<nil>", "", "BinarySI"),
        ("0", "value:(int64)0 scale:(resource.Scale)0", "<nil>", "0", ""),
        (
            "100E",
            "value:(int64)100 scale:(resource.Scale)18",
            "<nil>",
            "100E",
            "DecimalSI",
        ),
        (
            "1234567890123456789",
            "value:(int64)0 scale:(resource.Scale)0",
            "{unscaled:(big.Int){neg:(bool)false abs:(big.nat)[7888470988684038656 66926059]} "
            "scale:(inf.Scale)9}",
            "",
            "DecimalSI",
        ),
    ],
)
def test_a_quantity_is_printed_as_it_is_kept(
    text: str, amount: str, decimal: str, written: str, format: str
) -> None:
    wanted = (
        f"(resource.Quantity){{i:(resource.int64Amount){{{amount}}} "
        f"d:(resource.infDecAmount){{Dec:(*inf.Dec){decimal}}} s:(string){written} "
        f"Format:(resource.Format){format}}}"
    )
    assert printed("resource.Quantity", text) == wanted


def test_a_time_counts_from_the_year_one() -> None:
    assert "ext:(int64)62135596801 " in printed("Time", "1970-01-01T00:00:01Z")
    assert printed("Time", None).endswith("loc:(*time.Location)<nil>}}")
