"""`--filter` of Docker's lists and prunes: names, truth values, labels, texts, points in time. Pure.

As moby's api/types/filters and api/types/time. Values come as the API has them: {"name": ["value", ...]}.
"""

import time

from sampan.errors import Invalid
from sampan.specs.golang import time as times
from sampan.specs.golang.duration import parse_duration
from sampan.specs.golang.numbers import parse_int
from sampan.specs.golang.quote import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Fewer than strconv.ParseBool takes: moby's Args.GetBoolOrDefault has words of its own.
TRUE = frozenset(("1", "true"))
FALSE = frozenset(("0", "false"))


def check_names(filters: "Iterable[str]", known: "Iterable[str]") -> None:
    """Raises Invalid for a filter that nobody knows."""
    for name in filters:
        if name not in known:
            raise Invalid(f"invalid filter '{name}'")


def boolean(filters: "Mapping[str, Sequence[str]]", name: str) -> bool | None:
    """None where it is not asked for. Raises Invalid for other words, and for both at once."""
    values = filters.get(name)
    if not values:
        return None
    true, false = not TRUE.isdisjoint(values), not FALSE.isdisjoint(values)
    if true == false:
        raise Invalid(f"invalid filter '{name}=[{' '.join(values)}]'")
    return true


def has_label(labels: "Mapping[str, str]", wanted: str) -> bool:
    """`key` is there, or `key=value` is so."""
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)


def labels_match(filters: "Mapping[str, Sequence[str]]", labels: "Mapping[str, str]") -> bool:
    """Every one of "label", none of "label!"."""
    return all(has_label(labels, wanted) for wanted in filters.get("label", ())) and not any(
        has_label(labels, unwanted) for unwanted in filters.get("label!", ())
    )


def text_matches(values: "Sequence[str]", text: str) -> bool:
    """Args.Match: one of the values is the text, or a pattern found anywhere in it; no values match all."""
    import re  # 4 ms that only this filter needs

    if not values or text in values:
        return True
    for value in values:
        try:
            if re.search(value, text):
                return True
        except re.error:
            continue
    return False


def until(filters: "Mapping[str, Sequence[str]]", now: int) -> int | None:
    """Up to when prune takes what is there; None: everything. Raises Invalid."""
    values = filters.get("until") or ()
    if len(values) > 1:
        raise Invalid("more than one until filter specified")
    return moment(values[0], now) if values else None


def moment(text: str, now: int) -> int:
    """What a person wrote, in nanoseconds since 1970. Raises Invalid."""
    return parse_timestamp(timestamp(text, now))


def timestamp(text: str, now: int) -> str:
    """What a person wrote as the API takes it: "seconds[.nanoseconds]". Raises Invalid.

    A Go duration before `now`; a date, with or without a time and a zone; or such a number already.
    """
    try:
        if text != "0":
            return _written(now - parse_duration(text))
    except Invalid:
        pass
    try:
        return _written(_date(text, now))
    except Invalid:
        if "-" in text:  # it was to be a date
            raise Invalid(f'parsing time "{text}" as "2006-01-02": cannot parse "{text}" as "2006"') from None
    try:
        parse_timestamp(text)
    except Invalid:
        raise Invalid(f"failed to parse value as time or duration: {quote(text)}") from None
    return text


def parse_timestamp(text: str) -> int:
    """Nanoseconds of "seconds[.fraction]". Raises Invalid in strconv's words."""
    seconds, dot, fraction = text.partition(".")
    whole = parse_int(seconds)
    if dot and not (fraction.isascii() and fraction.isdecimal()):
        parse_int(fraction)
        raise Invalid(f"strconv.ParseInt: parsing {quote(fraction)}: invalid syntax")
    return whole * times.SECOND + int(fraction[:9].ljust(9, "0"))


def _written(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, times.SECOND)
    return f"{seconds}.{rest:09d}"


def _date(text: str, now: int) -> int:
    """YYYY-MM-DD[THH[:MM[:SS[.fraction]]]][Z|+HH:MM]; where no zone is given, the one that is used now."""
    body, zone = text, ""
    if text.endswith("Z"):
        body, zone = text[:-1], "Z"
    elif text[-6:-5] == "+" or (text[-6:-5] == "-" and text.count("-") == 3):
        body, zone = text[:-6], text[-6:]
    day, mark, clock = body.partition("T")
    parts = clock.split(":") if mark else []
    clock = ":".join([*parts, "00", "00", "00"][: max(3, len(parts))])
    found = times.parse(f"{day}T{clock}{zone or 'Z'}")
    if zone:
        return found
    return found - time.localtime(now // times.SECOND).tm_gmtoff * times.SECOND
