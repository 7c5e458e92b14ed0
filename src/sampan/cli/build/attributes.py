"""Option values of the form "name=value,name=value": outputs, caches, secrets, agents, annotations.

Each function raises ValueError (for an option) or CliError as buildx words it.
"""

from __future__ import annotations

import os

from sampan.cli.errors import CliError
from sampan.cli.opts import csv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SECRET_LIMIT = 500 << 10  # bytes
EXPORTERS = ("image", "docker", "oci", "local", "tar", "registry", "cacheonly")


def pairs(text: str) -> dict[str, str]:
    """Raises ValueError for a field without "="."""
    found: dict[str, str] = {}
    for field in csv.fields(text):
        name, equals, value = field.partition("=")
        if not equals:
            raise ValueError(f"invalid value {field}")
        found[name.strip().lower()] = value
    return found


def output(text: str) -> dict[str, Any]:
    """{"Type": ..., "Attrs": {...}}, as the API takes it; "dest" stays for the client."""
    fields = csv.fields(text)
    if len(fields) == 1 and fields[0] == text and not text.startswith("type="):
        kind = "tar" if text == "-" else "local"
        return {"Type": kind, "Attrs": {"dest": text}}
    attributes = pairs(text)
    kind = attributes.pop("type", "")
    if not kind:
        raise ValueError("type is required for output")
    if kind not in EXPORTERS:
        raise ValueError(f'exporter "{kind}" could not be found')
    if kind == "registry":
        kind, attributes["push"] = "image", attributes.get("push", "true")
    if "output" in attributes and "dest" not in attributes:
        attributes["dest"] = attributes.pop("output")
    return {"Type": kind, "Attrs": attributes}


def checked_output(asked: dict[str, Any]) -> dict[str, Any]:
    """Whether its result has somewhere to go; raises CliError."""
    kind, dest = asked["Type"], asked["Attrs"].get("dest", "")
    if kind == "local":
        if not dest:
            raise CliError("ERROR: dest is required for local exporter")
    elif kind in ("tar", "oci") or (kind == "docker" and dest):
        if dest in ("", "-"):
            if os.isatty(1):
                raise CliError(
                    f"ERROR: dest file is required for {kind} exporter. refusing to write to console"
                )
        elif os.path.isdir(dest):
            raise CliError(f"ERROR: destination directory {dest} is a directory: a file was expected")
    elif dest:
        raise CliError(f"ERROR: dest is not supported by the {kind} exporter")
    return asked


def cache(text: str) -> list[dict[str, Any]]:
    """One --cache-from or --cache-to value; plain words are references of a registry."""
    fields = csv.fields(text)
    if all("=" not in field for field in fields):
        return [{"Type": "registry", "Attrs": {"ref": field}} for field in fields]
    attributes = pairs(text)
    kind = attributes.pop("type", "")
    if not kind:
        raise ValueError(f"type required form> {text!r}")
    return [{"Type": kind, "Attrs": attributes}]


def secret(text: str) -> tuple[str, str, str]:
    """(id, path, variable) of --secret."""
    identity = path = variable = kind = ""
    for field in csv.fields(text):
        name, equals, value = field.partition("=")
        if not equals:
            raise ValueError(f"invalid field '{field}' must be a key=value pair")
        match name.lower():
            case "type":
                if value not in ("file", "env"):
                    raise ValueError(f'unsupported secret type "{value}"')
                kind = value
            case "id":
                identity = value
            case "source" | "src":
                path = value
            case "env":
                variable = value
            case _:
                raise ValueError(f"unexpected key '{name}' in '{field}'")
    if not identity:
        raise ValueError("secret missing ID")
    if kind == "env" and not variable:
        path, variable = "", path
    return identity, path, variable


def secret_value(identity: str, path: str, variable: str) -> bytes:
    """Raises CliError."""
    if not path and not variable:
        if identity in os.environ:
            variable = identity
        else:
            path = identity
    if variable:
        return os.environ.get(variable, "").encode("utf-8", "surrogateescape")
    try:
        with open(path, "rb") as file:
            data = file.read(SECRET_LIMIT + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CliError(f"ERROR: failed to stat {path}: stat {path}: {reason}") from None
    if len(data) > SECRET_LIMIT:
        raise CliError(f"ERROR: secret {identity} too big. max size 500KB")
    return data


def agent(text: str) -> tuple[str, list[str]]:
    """(id, paths) of --ssh."""
    identity, _, rest = text.partition("=")
    return identity or "default", [path for path in rest.split(",") if path]


def annotation(text: str) -> dict[str, str]:
    """--annotation [TYPE[PLATFORM]:]NAME=VALUE as attributes of an output."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"invalid annotation {text!r}, expected key=value")
    kinds, colon, bare = name.partition(":")
    parts = kinds.split(",") if colon else ["manifest"]
    found = {}
    for part in parts:
        kind, bracket, platform = part.partition("[")
        if kind not in ("manifest", "index", "manifest-descriptor", "index-descriptor"):
            raise ValueError(f"unrecognized annotation type: {kind}")
        prefix = "annotation" if kind == "manifest" else f"annotation-{kind}"
        middle = f"[{platform}" if bracket else ""
        found[f"{prefix}{middle}.{bare if colon else name}"] = value
    return found
