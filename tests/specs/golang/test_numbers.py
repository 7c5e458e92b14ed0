"""strconv's numbers and truth words. Asked of docker 26.1: --cpu-shares, --blkio-weight, --memory."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.golang.numbers import atoi, parse_bool, parse_float, parse_int, parse_uint


def free(text: str) -> int:
    return parse_int(text, base=0)


TAKEN: list[tuple[Callable[[str], Any], str, Any]] = [
    *((parse_bool, text, True) for text in ("1", "t", "T", "true", "TRUE", "True")),
    *((parse_bool, text, False) for text in ("0", "f", "F", "false", "FALSE", "False")),
    (free, "0x_10", 16),
    (free, "0XfF", 255),
    (free, "0o17", 15),
    (free, "010", 8),
    (free, "0_7", 7),
    (free, "0b11", 3),
    (free, "1_0", 10),
    (free, "-0x5", -5),
    (free, "0", 0),
    (atoi, "+5", 5),
    (atoi, "007", 7),
    (atoi, "-9223372036854775808", -(2**63)),
    (parse_uint, "18446744073709551615", 2**64 - 1),
    (parse_float, "1_23.50_0_0e+1_2", 1.235e14),
    (parse_float, "0x_1_2.3_4_5p+1_2", 74565.0),
    (parse_float, "-.5", -0.5),
    (parse_float, "5.", 5.0),
    (parse_float, "+Inf", float("inf")),
]
REFUSED: list[tuple[Callable[[str], Any], str, str, str]] = [
    (parse_bool, "yes", "ParseBool", "invalid syntax"),
    (parse_bool, "tRUE", "ParseBool", "invalid syntax"),
    (parse_bool, "", "ParseBool", "invalid syntax"),
    (free, "", "ParseInt", "invalid syntax"),
    (free, "08", "ParseInt", "invalid syntax"),
    (free, "0x", "ParseInt", "invalid syntax"),
    (free, "_1", "ParseInt", "invalid syntax"),
    (free, "1__0", "ParseInt", "invalid syntax"),
    (free, "1e3", "ParseInt", "invalid syntax"),
    (free, "9223372036854775808", "ParseInt", "value out of range"),
    (atoi, "1_0", "Atoi", "invalid syntax"),
    (atoi, " 1", "Atoi", "invalid syntax"),
    (atoi, "٣", "Atoi", "invalid syntax"),
    (atoi, "--1", "Atoi", "invalid syntax"),
    (atoi, "9" * 5000, "Atoi", "value out of range"),
    (parse_uint, "+5", "ParseUint", "invalid syntax"),
    (parse_uint, "-5", "ParseUint", "invalid syntax"),
    (parse_uint, "18446744073709551616", "ParseUint", "value out of range"),
    (lambda text: parse_uint(text, bits=16), "65536", "ParseUint", "value out of range"),
    (parse_float, "+nan", "ParseFloat", "invalid syntax"),
    (parse_float, "+-1", "ParseFloat", "invalid syntax"),
    (parse_float, "1__0", "ParseFloat", "invalid syntax"),
    (parse_float, "123_.5", "ParseFloat", "invalid syntax"),
    (parse_float, "0x10", "ParseFloat", "invalid syntax"),
    (parse_float, "1e400", "ParseFloat", "value out of range"),
    (parse_float, "0x1p5000", "ParseFloat", "value out of range"),
]


@pytest.mark.parametrize(("parse", "text", "value"), TAKEN)
def test_what_is_taken(parse: Callable[[str], Any], text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text", "function", "reason"), REFUSED)
def test_what_is_refused(parse: Callable[[str], Any], text: str, function: str, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert caught.value.message == f'strconv.{function}: parsing "{text}": {reason}'


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_int64_is_read(number: int) -> None:
    assert atoi(str(number)) == free(hex(number)) == free(oct(number)) == free(bin(number)) == number


@given(st.text(max_size=8) | st.text("0123456789_xXpPeE+-.nNiIfF", max_size=8))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    for parse in (free, atoi, parse_uint, parse_float):
        try:
            parse(text)
        except Invalid as error:
            assert error.message.startswith("strconv.")
