"""Numbers that may be percentages: IntOrString as apps and policy use it. Pure; pkg/apis/apps/validation"""

from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid

IntOrString = int | str


def positive_int_or_percent_errors(value: IntOrString, path: str) -> list[FieldError]:
    """No negative number, and no text that is not a percentage."""
    if isinstance(value, str):
        return [invalid(path, value, message) for message in names.percent(value)]
    return [invalid(path, value, names.NOT_NEGATIVE)] if value < 0 else []


def over_100_percent_errors(value: IntOrString, path: str) -> list[FieldError]:
    """What is wrong with a percentage of more than 100."""
    share = percentage(value)
    return (
        [invalid(path, value, "must not be greater than 100%")] if share is not None and share > 100 else []
    )


def percentage(value: IntOrString) -> int | None:
    """The number before the percent sign; None of what is no percentage."""
    if not isinstance(value, str) or names.percent(value):
        return None
    return int(value[:-1][:19])  # more digits do not fit Go's int


def number(value: IntOrString) -> int:
    """A percentage's number, or the number itself; 0 of other text."""
    share = percentage(value)
    if share is not None:
        return share
    if isinstance(value, str):
        digits = value[1:] if value[:1] in ("+", "-") else value
        return int(value) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0
    return value


def scaled(value: IntOrString, total: int, *, up: bool) -> int:
    """How many of `total` that is; intstr.GetScaledValueFromIntOrPercent."""
    share = percentage(value)
    if share is None:
        return number(value)
    return -(-share * total // 100) if up else share * total // 100
