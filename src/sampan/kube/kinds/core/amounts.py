"""Lists of amounts, {"cpu": "500m"}: what upstream does to all of them."""

from typing import Any

from sampan.specs.kubernetes.fielderror import FieldError, invalid
from sampan.specs.kubernetes.quantity import MILLI, parse


def round_amounts(*lists: Any) -> None:
    """Up to thousandths: no amount of a resource is given out in smaller parts (SetDefaults_ResourceList)."""
    for amounts in lists:
        for name, text in (amounts or {}).items():
            quantity = parse(text)
            if quantity.exponent < MILLI or not quantity.small:
                amounts[name] = str(quantity.round_up(MILLI))


def positive_errors(text: str, path: str) -> list[FieldError]:
    return [] if parse(text).sign() > 0 else [invalid(path, text, "must be greater than zero")]


def basic_errors(text: str, path: str) -> list[FieldError]:
    value = parse(text).value()
    return [invalid(path, value, "must be a valid resource quantity")] if value < 0 else []
