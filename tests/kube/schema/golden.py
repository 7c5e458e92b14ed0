"""Objects of the recorded conversations, where the environment variable SAMPAN_GOLDEN says they are."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sampan.kube.schema import builtin

FOLDER = Path(os.environ.get("SAMPAN_GOLDEN", "/nonexistent"))
needed = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="SAMPAN_GOLDEN names no folder of recorded conversations"
)

_MICRO = re.compile(r'("(?:eventTime|renewTime|acquireTime|lastObservedTime)": )"<time>"')


def objects() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(file, definition, object) of every answer that is of a built-in kind, in lists too."""
    seen = set()
    for path in sorted(FOLDER.glob("*/*.json")):
        text = _MICRO.sub(r'\1"2026-01-02T03:04:05.000006Z"', path.read_text())
        for step in json.loads(text.replace("<time>", "2026-01-02T03:04:05Z"))["steps"]:
            for found in _inside(step.get("answer", {})):
                definition = _definition(found)
                key = json.dumps(found, sort_keys=True)
                if definition and key not in seen and not _has_placeholders(found, key):
                    seen.add(key)
                    yield f"{path.parent.name}/{path.stem}", definition, found


def _has_placeholders(found: dict[str, Any], text: str) -> bool:
    """In places that hold no texts."""
    return '"<nodeport#' in text or (found["kind"] == "Secret" and '"<' in json.dumps(found.get("data")))


def _inside(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("kind") and value.get("apiVersion") and len(value) > 2:
            yield value
        for one in value.values():
            yield from _inside(one)
    elif isinstance(value, list):
        for one in value:
            yield from _inside(one)


def _definition(found: dict[str, Any]) -> str:
    group, _, version = str(found["apiVersion"]).rpartition("/")
    if "metadata" not in found or not isinstance(found["metadata"], dict):
        return ""
    return builtin.definition_of(group, version, str(found["kind"]))
