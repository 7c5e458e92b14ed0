"""Paths to fields as rules and selectable fields of custom resources name them: `.spec.a`, `['a.b']`;
k8s.io/apiextensions-apiserver pkg/apiserver/schema/cel/validation.go, ValidFieldPath
"""

from typing import Any

from sampan.errors import Invalid

Schema = dict[str, Any]
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}


def tokens(path: str) -> list[str]:
    """Dots, brackets, quoted strings, and what is between them."""
    found: list[str] = []
    at = 0
    while at < len(path):
        end = at + 1
        if path[at] == "'":
            while end < len(path) and not (path[end] == "'" and path[end - 1] != "\\"):
                end += 1
            end += 1
        elif path[at] not in ".[]":
            while end < len(path) and path[end] not in ".[]":
                end += 1
        found.append(path[at:end])
        at = end
    return found


def parts(path: str, schema: Schema, *, brackets: bool = True) -> tuple[list[tuple[str, bool]], Schema]:
    """(name, whether it is a key of a map) of each step, and the schema there. Raises Invalid."""
    found: list[tuple[str, bool]] = []
    pending = tokens(path)[::-1]
    while pending:
        token = pending.pop()
        if token == "[":
            if not brackets:
                raise Invalid("array notation is not allowed")
            name = _quoted(_next(pending))
            schema = _step(schema, name, found)
            closing = _next(pending)
            if closing != "]":
                raise Invalid(f"expected ] but got {closing}")
        elif token == ".":
            schema = _step(schema, _next(pending), found)
        else:
            raise Invalid(f"expected [ or . but got: {token}")
    return found, schema


def _next(pending: list[str]) -> str:
    if not pending:
        raise Invalid("unexpected end of JSON path")
    return pending.pop()


def _step(schema: Schema, name: str, found: list[tuple[str, bool]]) -> Schema:
    properties, values = schema.get("properties"), schema.get("additionalProperties")
    if properties:
        if name not in properties:
            raise Invalid("does not refer to a valid field")
        found.append((name, False))
        below = properties[name]
    elif isinstance(values, dict):
        found.append((name, True))
        below = values
    else:
        raise Invalid("does not refer to a valid field")
    return below if isinstance(below, dict) else {}


def _quoted(token: str) -> str:
    if len(token) < 2 or token[0] != "'" or token[-1] != "'":
        raise Invalid(f"expected single quoted string but got {token}")
    out, body, at = [], token[1:-1], 0
    while at < len(body):
        if body[at] == "\\" and at + 1 < len(body):
            if body[at + 1] not in _ESCAPES:
                raise Invalid(f"invalid string literal: invalid escape char {body[at : at + 2]}")
            out.append(_ESCAPES[body[at + 1]])
            at += 2
        else:
            out.append(body[at])
            at += 1
    return "".join(out)


def show(steps: list[tuple[str, bool]]) -> str:
    """As errors name it: "spec.map[key]"."""
    text = ""
    for name, key in steps:
        text += f"[{name}]" if key else (f".{name}" if text else name)
    return text


def normalized(path: str) -> str:
    """The fieldPath of a rule that a definition was accepted with, as errors name it."""
    if not path:
        return ""
    text = ""
    pending = tokens(path.strip())[::-1]
    while pending:
        token = pending.pop()
        if token == "[" and pending:
            text += f"[{_quoted(pending.pop())}]" if pending[-1].startswith("'") else "["
        elif token not in (".", "]"):
            text += f".{token}" if text else token
    return text
