"""JSON by the C code inside `json` alone: its Python layers cost every shim 200 KiB of touched memory."""

from __future__ import annotations

import json.decoder
import json.encoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _refuse(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} is not JSON")


_scan = json.decoder.JSONDecoder().scan_once  # type: ignore[attr-defined]
_parts = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, _refuse, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
)


def encode(value: Any) -> bytes:
    return "".join(_parts(value, 0)).encode("ascii")


def decode(data: bytes) -> Any:
    """Raises ValueError. No white space may stand in front; none of our writers puts any there."""
    try:
        return _scan(data.decode(), 0)[0]
    except StopIteration:
        raise ValueError("not a JSON document") from None
