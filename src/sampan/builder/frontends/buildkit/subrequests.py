"""What `--call` asks of the frontend, and frontend.subrequests.describe's answer. Pure.

moby/buildkit frontend/subrequests: each answer has the metadata result.json (for programs), result.txt (for
people), version, and result.statuscode (lint).
"""

import json
from collections.abc import Mapping
from typing import Any

VERSION = "1.0.0"
DESCRIPTIONS = (
    ("frontend.lint", "Lint source code", ("result.json", "result.txt", "result.statuscode")),
    ("frontend.outline", "List all parameters current build target supports", ("result.json", "result.txt")),
    ("frontend.targets", "List all targets current build supports", ("result.json", "result.txt")),
    ("frontend.subrequests.describe", "List available subrequest types", ("result.json", "result.txt")),
)


def describe() -> dict[str, bytes]:
    rows = [
        {
            "name": name,
            "version": VERSION,
            "type": "rpc",
            "description": description,
            "opts": options(name),
            "inputs": None,
            "metadata": [{"name": key, "description": ""} for key in metadata],
            "refs": None,
        }
        for name, description, metadata in DESCRIPTIONS
    ]
    return {
        "result.json": json.dumps(rows, indent=2).encode(),
        "result.txt": table().encode(),
        "version": VERSION.encode(),
    }


def options(name: str) -> list[dict[str, Any]] | None:
    if name != "frontend.outline":
        return None
    return [{"name": "target", "description": "Target build stage"}]


def table() -> str:
    rows = [("NAME", "VERSION", "DESCRIPTION")]
    rows += [(name.removeprefix("frontend."), VERSION, description) for name, description, _ in DESCRIPTIONS]
    widths = [max(len(row[column]) for row in rows) + 1 for column in (0, 1)]
    return "".join(f"{name:{widths[0]}}{version:{widths[1]}}{what}\n" for name, version, what in rows)


def answer(values: Mapping[str, bytes]) -> dict[str, bytes]:
    return {"version": VERSION.encode(), **values}
