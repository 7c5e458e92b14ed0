"""Quantities: upstream's own examples, and laws that hold for all of them."""

from decimal import Decimal, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.kubernetes import quantity
from sampan.specs.kubernetes.quantity import Quantity, canonical, parse

getcontext().prec = 200


@pytest.mark.parametrize(
    "text, printed",
    [
        ("0", "0"),
        ("000", "0"),
        ("-", "0"),
        (".", "0"),
        ("e3", "0"),
        ("1", "1"),
        ("+1", "+1"),
        ("007", "007"),
        ("1000m", "1"),
        ("100m", "100m"),
        ("0.5", "500m"),
        ("0.100", "100m"),
        ("1.500", "1.500"),
        ("1.5", "1500m"),
        ("1000", "1k"),
        ("1e3", "1e3"),
        ("1000e3", "1e6"),
        ("1E2", "100"),
        ("1e-3", "1e-3"),
        ("12e1", "120"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("512Mi", "512Mi"),
        ("1000Ki", "1000Ki"),
        ("1023", "1023"),
        ("1Ki", "1Ki"),
        ("0.5Ki", "512"),
        ("0.1Ki", "102400m"),
        ("0Mi", "0"),
        ("1Pi", "1Pi"),
        ("007Pi", "7Pi"),
        ("007Ti", "007Ti"),
        ("100Ei", "9223372036854775807"),
        ("-100Ei", "-9223372036854775807"),
        ("1.1Ki", "1126400m"),
        ("0.0000000001", "1n"),
        ("-0.0000000001", "-1n"),
        ("1.0000000001", "1000000001n"),
        ("9223372036854775807", "9223372036854775807"),
        ("10000000000000000000", "10E"),
        ("1000E", "1"),
        ("1e1000000000", "10e999999999"),
        ("1e-2000000000", "1e-9"),
        ("0.00000000000000000001e1000000000", "100e999999978"),
        ("0.0001Ki", "102400u"),
    ],
)
def test_as_go_prints_it(text: str, printed: str) -> None:
    assert str(quantity.read(text)) == printed
    assert canonical(text) == printed


@pytest.mark.parametrize(
    "text, message",
    [
        ("", quantity.FORMAT_WRONG),
        (" 1", quantity.FORMAT_WRONG),
        ("abc", quantity.FORMAT_WRONG),
        ("1.2.3", quantity.FORMAT_WRONG),
        ("--1", quantity.SUFFIX_WRONG),
        ("1ki1x", quantity.FORMAT_WRONG),
        ("٣", quantity.FORMAT_WRONG),
        ("1\n", quantity.FORMAT_WRONG),
        ("1K", quantity.SUFFIX_WRONG),
        ("1mi", quantity.SUFFIX_WRONG),
        ("1e", quantity.SUFFIX_WRONG),
        ("1Ee5", quantity.SUFFIX_WRONG),
        ("1+3", quantity.SUFFIX_WRONG),
        ("1e99999999999999999999", quantity.SUFFIX_WRONG),
        ("1" * 5000, quantity.NUMERIC_WRONG),
    ],
)
def test_what_is_no_quantity(text: str, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse(text)
    assert str(raised.value) == message


QUANTITIES = st.from_regex(
    r"\A[+-]?[0-9]{1,21}(\.[0-9]{0,12})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]{1,2})?\Z"
)


def worth(text: str) -> Decimal:
    """By arithmetic of another kind."""
    for at, char in enumerate(text):
        if char not in "+-0123456789.":
            number, suffix = text[:at], text[at:]
            break
    else:
        number, suffix = text, ""
    if suffix in quantity._BINARY:
        return Decimal(number) * 2 ** quantity._BINARY[suffix]
    exponent = quantity._DECIMAL[suffix] if suffix in quantity._DECIMAL else int(suffix[1:])
    return Decimal(number).scaleb(exponent)


@given(QUANTITIES)
def test_the_value_is_kept_but_for_the_last_nano(text: str) -> None:
    found, exact = parse(text), worth(text)
    ours = Decimal(found.mantissa).scaleb(found.exponent)
    if not (found.format == quantity.BINARY_SI and abs(exact) > quantity.MAXIMUM):
        assert abs(ours) >= abs(exact) and abs(ours - exact) < Decimal("1e-9")


@given(QUANTITIES)
def test_what_is_printed_means_the_same_and_stays(text: str) -> None:
    printed = canonical(text)
    if parse(text).format != quantity.DECIMAL_SI or abs(worth(text)) < Decimal("1e21"):
        assert parse(printed) == parse(text)
    assert canonical(printed) == printed or printed[0] == "+"


@given(QUANTITIES, QUANTITIES)
def test_sums_and_comparisons(one: str, two: str) -> None:
    a, b = parse(one), parse(two)
    c, d = (Decimal(each.mantissa).scaleb(each.exponent) for each in (a, b))
    assert (a < b, a == b, a >= b) == (c < d, c == d, c >= d)
    total, rest = a + b, a - b
    assert Decimal(total.mantissa).scaleb(total.exponent) == c + d
    assert Decimal(rest.mantissa).scaleb(rest.exponent) == c - d
    assert a + b - b == a
    assert a != b or hash(a) == hash(b)


@given(st.text(max_size=40))
def test_any_text_is_a_quantity_or_is_refused(text: str) -> None:
    try:
        str(parse(text))
    except Invalid as error:
        assert str(error) in (quantity.FORMAT_WRONG, quantity.SUFFIX_WRONG, quantity.NUMERIC_WRONG)


def test_amounts_beyond_all_measure_cost_nothing() -> None:
    huge, tiny = parse("1e2000000000"), parse("-1e2000000000")
    assert huge > parse("100E") > parse("1n") > tiny
    assert huge + parse("1") == huge
    assert huge.value() == quantity.MAXIMUM
    assert tiny.value() == -quantity.MAXIMUM


@pytest.mark.parametrize(
    "text, value, milli", [("1500m", 2, 1500), ("1", 1, 1000), ("-1500m", -2, -1500), ("1n", 1, 1)]
)
def test_values_are_rounded_away_from_zero(text: str, value: int, milli: int) -> None:
    assert (parse(text).value(), parse(text).milli_value()) == (value, milli)


@pytest.mark.parametrize(
    "text, rounded", [("1.0001", "1001m"), ("100u", "1m"), ("1.500", "1.500"), ("1Gi", "1Gi"), ("0", "0")]
)
def test_rounding_up_to_milli(text: str, rounded: str) -> None:
    assert str(parse(text).round_up(quantity.MILLI)) == rounded


def test_a_sum_has_the_form_of_its_first_part() -> None:
    assert str(parse("1Gi") + parse("1M")) == "1074741824"
    assert str(parse("0") + parse("1Gi")) == "1Gi"
    assert str(Quantity(0) + parse("1024Mi")) == "1Gi"
    assert str(parse("1.5") + parse("500m")) == "2"
    assert str(parse("2") - parse("500m")) == "1500m"
    assert str(parse("500m") * 4) == "2"
