"""`--call`: what a Dockerfile says of itself, in the documents of BuildKit's subrequests. Pure.

moby/buildkit frontend/subrequests: lint, outline, targets. `result.json` is for programs, `result.txt` for
people.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sampan.builder.dockerfile.instructions import Dockerfile
from sampan.builder.dockerfile.lint.linter import Finding, Linter
from sampan.builder.dockerfile.outline import Argument, Needed, Outline, outline
from sampan.builder.errors import DockerfileError, Place, excerpt
from sampan.builder.options import BuildOptions
from sampan.builder.plan.arguments import default_arguments
from sampan.builder.plan.graph import Lines
from sampan.builder.plan.resolve import wanted_platforms
from sampan.specs.oci.platform import host

Answer = dict[str, bytes]


def lint(dockerfile: Dockerfile, linter: Linter, error: DockerfileError | None = None) -> Answer:
    """What the rules have found, and what keeps it from being built at all."""
    place = dockerfile.place(Lines(first=1, last=1))
    return _lint(place, linter.findings, error)


def unreadable(error: DockerfileError) -> Answer:
    """What --check says of a file that cannot be parsed."""
    return _lint(
        error.place or Place(filename="Dockerfile", text="", lines=Lines(first=1, last=1)), (), error
    )


def _lint(file: Place, findings: Sequence[Finding], error: DockerfileError | None) -> Answer:
    warnings = [
        {
            "ruleName": finding.rule.name,
            "description": finding.rule.description,
            "url": finding.rule.url,
            "detail": finding.message,
            "location": _location(finding.lines),
        }
        for finding in findings
    ]
    document: dict[str, Any] = {
        "warnings": [_filled(warning) for warning in warnings] or None,
        "sources": [{"filename": file.filename, "data": _encoded(file.text), "language": "Dockerfile"}],
    }
    text = "".join(_warning(file, finding) for finding in sorted(findings, key=_line))
    if error is not None:
        where = _location(error.place.lines) if error.place else {}
        document["buildError"] = {"message": error.message, "location": where}
    answer = _answer(document, text)
    answer["result.statuscode"] = b"1" if warnings or error is not None else b"0"
    if error is not None:  # for our own client: buildx makes it from buildError
        answer["result.error.txt"] = _problem(error).encode("utf-8", "replace")
    return answer


def _problem(error: DockerfileError) -> str:
    shown = f"{excerpt(error.place)}\n" if error.place else ""
    return f"ERROR: {error.message}\n{shown}"


def _line(finding: Finding) -> int:
    return finding.lines.first


def _warning(file: Place, finding: Finding) -> str:
    more = f" - {finding.rule.url}" if finding.rule.url else ""
    shown = excerpt(Place(filename=file.filename, text=file.text, lines=finding.lines))
    return f"\nWARNING: {finding.rule.name}{more}\n{finding.message}\n{shown}\n"


def describe(dockerfile: Dockerfile, options: BuildOptions) -> Answer:
    """Outline or targets. Raises DockerfileError for a target that is not there."""
    if options.call == "targets":
        return _targets(dockerfile)
    target = wanted_platforms(options)[0].platform
    start = default_arguments(host(), target, options.build_args)
    return _outline(dockerfile, outline(dockerfile, options.target, options.build_args, start))


def _targets(dockerfile: Dockerfile) -> Answer:
    documents: list[dict[str, Any]] = []
    rows = [("TARGET", "DESCRIPTION")]
    for stage in dockerfile.stages:
        default = stage is dockerfile.stages[-1]
        document = {
            "name": stage.name,
            "default": default,
            "description": stage.start.comment,
            "base": stage.start.base,
            "platform": stage.start.platform,
            "location": _location(stage.start.lines),
        }
        documents.append(_filled(document))
        name = f"{stage.name} (default)".lstrip() if default else stage.name
        rows.append((name, stage.start.comment))
    document = {"targets": documents, "sources": [_encoded(dockerfile.source)]}
    return _answer(document, _table(rows, 1))


def _outline(dockerfile: Dockerfile, found: Outline) -> Answer:
    document = {
        "name": found.name,
        "description": found.description,
        "args": [_argument(argument) for argument in found.arguments],
        "secrets": [_needed(secret) for secret in found.secrets],
        "ssh": [_needed(agent) for agent in found.agents],
        "sources": [_encoded(dockerfile.source)],
    }
    tables: list[str] = []
    head = [("TARGET:", found.name or "(default)"), ("DESCRIPTION:", found.description)]
    if found.name or found.description:
        tables.append(_table([row for row in head if row[1]], 1))
    if found.arguments:
        rows = [(one.name, one.value, one.description) for one in found.arguments]
        tables.append(_table([("BUILD ARG", "VALUE", "DESCRIPTION"), *rows], 3))
    for title, needed in (("SECRET", found.secrets), ("SSH", found.agents)):
        if needed:
            flags = [(one.name, "true" if one.required else "") for one in needed]
            tables.append(_table([(title, "REQUIRED"), *flags], 3))
    return _answer(_filled(document), "".join(f"{table}\n" for table in tables))


def _argument(argument: Argument) -> dict[str, Any]:
    document = {
        "name": argument.name,
        "description": argument.description,
        "value": argument.value,
        "location": _location(argument.lines),
    }
    return _filled(document)


def _needed(needed: Needed) -> dict[str, Any]:
    document = {"name": needed.name, "required": needed.required, "location": _location(needed.lines)}
    return _filled(document)


def _filled(document: Mapping[str, Any]) -> dict[str, Any]:
    """Go's omitempty."""
    return {name: value for name, value in document.items() if value}


def _location(lines: Lines) -> dict[str, Any]:
    """Each line is a range of its own, as BuildKit has it."""
    numbers = range(lines.first, lines.last + 1)
    return {"ranges": [{"start": {"line": number}, "end": {"line": number}} for number in numbers]}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


def _table(rows: Sequence[Sequence[str]], padding: int) -> str:
    """text/tabwriter: all cells but a row's last are padded to their column."""
    widths = [max(map(len, column)) + padding for column in zip(*rows, strict=True)][:-1]
    lines = ["".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) for row in rows]
    return "".join(f"{line}{row[-1]}\n" for line, row in zip(lines, rows, strict=True))


def _answer(document: Mapping[str, Any], text: str) -> Answer:
    return {
        "result.json": orjson.dumps(document, option=orjson.OPT_INDENT_2),
        "result.txt": text.encode("utf-8", "replace"),
        "version": b"1.0.0",
    }
