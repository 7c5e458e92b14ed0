"""JSON by the C module inside `json` alone: its Python layers, `re` among them, cost every shim memory."""

from __future__ import annotations

import _json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _refuse(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} is not JSON")


class _Rules:
    """As json.JSONDecoder has them."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


_scan = _json.make_scanner(_Rules())  # type: ignore[arg-type]
_parts = _json.make_encoder(None, _refuse, _json.encode_basestring_ascii, None, ":", ",", False, False, True)


def encode(value: Any) -> bytes:
    return "".join(_parts(value, 0)).encode("ascii")


def decode(data: bytes) -> Any:
    """Raises ValueError. No white space may stand in front; none of our writers puts any there."""
    try:
        return _scan(data.decode(), 0)[0]
    except (
        StopIteration,
        SystemError,
        RecursionError,
    ):  # its own exception is in a Python module nobody has loaded
        raise ValueError("not a JSON document") from None
