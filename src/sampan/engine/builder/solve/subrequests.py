"""`--call`: what a Dockerfile says of itself, in the documents of BuildKit's subrequests. Pure.

moby/buildkit frontend/subrequests: lint, outline, targets. `result.json` is for programs, `result.txt` for
people.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from sampan.engine.builder.dockerfile.instructions import Arg, Dockerfile, Run, Stage
from sampan.engine.builder.dockerfile.lint.linter import Linter
from sampan.engine.builder.dockerfile.mounts import Mount
from sampan.engine.builder.errors import DockerfileError, excerpt
from sampan.engine.builder.graph import Lines
from sampan.engine.builder.options import BuildOptions

Answer = dict[str, bytes]


def lint(dockerfile: Dockerfile, linter: Linter) -> Answer:
    """What the rules have found."""
    warnings = [
        {
            "ruleName": finding.rule.name,
            "description": finding.rule.description,
            "url": finding.rule.url,
            "detail": finding.message,
            "location": _location(finding.lines),
        }
        for finding in linter.findings
    ]
    source = {
        "filename": dockerfile.filename,
        "language": "Dockerfile",
        "data": base64.b64encode(_bytes(dockerfile)).decode(),
    }
    text = ""
    for finding in sorted(linter.findings, key=lambda finding: (finding.rule.name, finding.lines.first)):
        more = f" - {finding.rule.url}" if finding.rule.url else ""
        shown = excerpt(dockerfile.place(finding.lines))
        text += f"\nWARNING: {finding.rule.name}{more}\n{finding.message}\n{shown}\n"
    answer = _answer({"warnings": warnings or None, "sources": [source]}, text)
    if warnings:
        answer["result.statuscode"] = b"1"
    return answer


def describe(dockerfile: Dockerfile, options: BuildOptions) -> Answer:
    """Outline or targets. Raises DockerfileError for a target that is not there."""
    return targets(dockerfile) if options.call == "targets" else outline(dockerfile, options)


def targets(dockerfile: Dockerfile) -> Answer:
    last = len(dockerfile.stages) - 1
    found = []
    rows = [("TARGET", "DESCRIPTION")]
    for stage in dockerfile.stages:
        document = {
            "name": stage.name,
            "default": stage.index == last,
            "description": stage.start.comment,
            "base": stage.start.base,
            "platform": stage.start.platform,
            "location": _location(stage.start.lines),
        }
        found.append({key: value for key, value in document.items() if value or key in ("base",)})
        name = stage.name or "(unnamed)"
        rows.append((f"{name} (default)" if stage.index == last else name, stage.start.comment))
    return _answer({"targets": found, "sources": [_encoded(dockerfile)]}, _table(rows))


def outline(dockerfile: Dockerfile, options: BuildOptions) -> Answer:
    """The arguments, secrets and agents of a target and of what it stands on."""
    stage = dockerfile.stage(options.target) if options.target else dockerfile.stages[-1]
    if stage is None:
        raise DockerfileError(f"target stage {options.target!r} could not be found".replace("'", '"'))
    needed = list(_needed(dockerfile, stage))
    args = _args(dockerfile, needed, options)
    mounts = list(_mounts(needed))
    secrets = _distinct(mounts, "secret")
    agents = _distinct(mounts, "ssh")
    document = {
        "name": stage.name,
        "description": stage.start.comment,
        "args": args,
        "secrets": secrets,
        "ssh": agents,
        "sources": [_encoded(dockerfile)],
    }
    text = "".join(
        f"{title:<13}{value}\n"
        for title, value in (("TARGET:", stage.name), ("DESCRIPTION:", stage.start.comment))
        if value
    )
    for title, rows in (
        ("BUILD ARG", [(arg["name"], arg.get("value", ""), arg.get("description", "")) for arg in args]),
        ("SECRET", [(item["name"], "true" if item.get("required") else "false", "") for item in secrets]),
        ("SSH", [(item["name"], "true" if item.get("required") else "false", "") for item in agents]),
    ):
        if rows:
            heads = (title, "VALUE" if title == "BUILD ARG" else "REQUIRED", "DESCRIPTION")
            text += ("\n" if text else "") + _table([heads, *rows])
    return _answer({key: value for key, value in document.items() if value}, text)


def _needed(dockerfile: Dockerfile, stage: Stage) -> Iterator[Stage]:
    """The stage and the ones it stands on or copies from, in the file's order."""
    seen: set[int] = set()
    waiting = [stage]
    while waiting:
        current = waiting.pop()
        if current.index in seen:
            continue
        seen.add(current.index)
        names = [current.start.base, *(getattr(one, "from_", "") for one in current.instructions)]
        names += [mount.from_ for mount in _mounts([current])]
        waiting += [found for name in names if name and (found := dockerfile.stage(name))]
    return (one for one in dockerfile.stages if one.index in seen)


def _args(dockerfile: Dockerfile, stages: Sequence[Stage], options: BuildOptions) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    instructions = [*dockerfile.global_args, *(one for stage in stages for one in stage.instructions)]
    for instruction in instructions:
        if not isinstance(instruction, Arg):
            continue
        for arg in instruction.args:
            value = options.build_args.get(arg.key, arg.value)
            before = found.get(arg.key, {})
            document = {
                "name": arg.key,
                "description": arg.comment or before.get("description", ""),
                "value": value if value is not None else before.get("value", ""),
                "location": before.get("location") or _location(instruction.lines),
            }
            found[arg.key] = {key: text for key, text in document.items() if text}
    return list(found.values())


def _mounts(stages: Sequence[Stage]) -> Iterator[Mount]:
    for stage in stages:
        for instruction in stage.instructions:
            if isinstance(instruction, Run):
                try:
                    yield from instruction.expanded(lambda word: word).mounts
                except DockerfileError:
                    continue  # a variable decides what it is: not known without building


def _distinct(mounts: Sequence[Mount], type: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for mount in mounts:
        if mount.type == type:
            name = mount.id or (mount.target.rpartition("/")[2] if type == "secret" else "default")
            required = mount.required or found.get(name, {}).get("required", False)
            found[name] = {"name": name, **({"required": True} if required else {})}
    return list(found.values())


def _location(lines: Lines) -> dict[str, Any]:
    ends = {"start": {"line": lines.first}, "end": {"line": lines.last}}
    return {"ranges": [ends]}


def _bytes(dockerfile: Dockerfile) -> bytes:
    return dockerfile.source.encode(errors="surrogateescape")


def _encoded(dockerfile: Dockerfile) -> str:
    return base64.b64encode(_bytes(dockerfile)).decode()


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) + 3 for column in zip(*rows, strict=True)]
    lines = ["".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _answer(document: Mapping[str, Any], text: str) -> Answer:
    return {
        "result.json": orjson.dumps(document, option=orjson.OPT_INDENT_2),
        "result.txt": text.encode(errors="replace"),
        "version": b"1.0.0",
    }
