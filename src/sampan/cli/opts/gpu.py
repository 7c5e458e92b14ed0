"""The value of --gpus, as a DeviceRequest of the API."""

from __future__ import annotations

from sampan.cli.opts import csv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse_gpus(text: str) -> dict[str, Any]:
    """ "all", a count, or count=,device=,driver=,capabilities=,options= fields; raises ValueError."""
    request: dict[str, Any] = {
        "Driver": "",
        "Count": 0,
        "DeviceIDs": None,
        "Capabilities": None,
        "Options": {},
    }
    seen = set()
    for field in csv.fields(text):
        key, equals, value = field.partition("=")
        if not equals:
            key, value = "count", field
        if key in seen:
            raise ValueError(f"gpu request key '{key}' can be specified only once")
        seen.add(key)
        if key == "driver":
            request["Driver"] = value
        elif key == "count":
            request["Count"] = _count(value)
        elif key == "device":
            request["DeviceIDs"] = value.split(",")
        elif key == "capabilities":
            request["Capabilities"] = [[*value.split(","), "gpu"]]
        elif key == "options":
            for option in csv.fields(value):
                name, _, setting = option.partition("=")
                request["Options"][name] = setting
        else:
            raise ValueError(f"unexpected key '{key}' in '{field}'")
    if "count" not in seen and request["DeviceIDs"] is None:
        request["Count"] = 1
    if request["Capabilities"] is None:
        request["Capabilities"] = [["gpu"]]
    return request


def _count(text: str) -> int:
    if text == "all":
        return -1
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f'invalid count ({text}): value must be either "all" or an integer: invalid syntax')
    return int(text)
