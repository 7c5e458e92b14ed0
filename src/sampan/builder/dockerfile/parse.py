"""From a Dockerfile's bytes to its instructions."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sampan.builder.dockerfile import instructions as df
from sampan.builder.dockerfile.durations import parse_interval, parse_retries
from sampan.builder.dockerfile.expand import SPACES
from sampan.builder.dockerfile.flags import Flags, Kind
from sampan.builder.dockerfile.heredocs import mark_of
from sampan.builder.dockerfile.mounts import check_mount, parse_device
from sampan.builder.dockerfile.nodes import Node, Reader
from sampan.builder.dockerfile.suggest import did_you_mean
from sampan.builder.errors import DockerfileError
from sampan.specs.golang.quote import quote

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*")
_ONBUILD = re.compile(rf"[{SPACES}]*onbuild[{SPACES}]*", re.IGNORECASE)
_NO_FLAGS: dict[str, Kind] = {}
_FILE_FLAGS: dict[str, Kind] = {
    "exclude": "strings",
    "chown": "string",
    "chmod": "string",
    "link": "bool",
}
_COPY_FLAGS: dict[str, Kind] = {**_FILE_FLAGS, "from": "string", "parents": "bool"}
_ADD_FLAGS: dict[str, Kind] = {
    **_FILE_FLAGS,
    "keep-git-dir": "bool",
    "checksum": "string",
    "unpack": "bool",
}
_RUN_FLAGS: dict[str, Kind] = {
    "mount": "strings",
    "network": "string",
    "security": "string",
    "device": "strings",
}
_HEALTH_FLAGS: dict[str, Kind] = {
    "interval": "string",
    "timeout": "string",
    "start-period": "string",
    "start-interval": "string",
    "retries": "string",
}


def parse(data: bytes, filename: str = "Dockerfile") -> df.Dockerfile:
    """Raises DockerfileError, with the place, in BuildKit's words."""
    if not data:
        raise DockerfileError("the Dockerfile cannot be empty")
    reader = Reader(data, filename)
    nodes = list(reader.nodes())  # what is wrong with lines is found before what is wrong with instructions
    if not nodes:
        raise reader.error("file with no instructions", max(1, reader.count))
    arguments: list[df.Arg] = []
    stages: list[tuple[df.From, list[df.Instruction]]] = []
    for node in nodes:
        instruction = _located(reader, node)
        if isinstance(instruction, df.From):
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif isinstance(instruction, df.Arg):
            arguments.append(instruction)
        else:
            message = "no build stage in current context"
            raise reader.error(message, node.lines.first, node.lines.last)
    if not stages:
        raise reader.error("dockerfile contains no stages to build", max(1, reader.count))
    return df.Dockerfile(
        filename=filename,
        source=reader.text,
        stages=tuple(
            df.Stage(index=index, start=start, instructions=tuple(instructions))
            for index, (start, instructions) in enumerate(stages)
        ),
        global_args=tuple(arguments),
        directives=tuple(reader.directives),
        escape=reader.escape,
        empty_continuations=tuple(reader.empty_continuations),
        end_line=reader.count,
    )


def parse_trigger(text: str) -> df.Instruction:
    """An ONBUILD trigger as an image's config holds it; its lines count from 1. Raises DockerfileError."""
    reader = Reader(text.encode("utf-8", "surrogateescape"), "ONBUILD")
    nodes = list(reader.nodes())
    if len(nodes) != 1:
        raise DockerfileError("onbuild trigger should be a single expression")
    instruction = instruction_of(nodes[0])
    if isinstance(instruction, df.From):
        raise DockerfileError("FROM isn't allowed as an ONBUILD trigger")
    return instruction


def _located(reader: Reader, node: Node) -> df.Instruction:
    try:
        return instruction_of(node)
    except DockerfileError as error:
        message = f"dockerfile parse error on line {node.lines.first}: {error.message}"
        raise reader.error(message, node.lines.first, node.lines.last) from None


def instruction_of(node: Node) -> df.Instruction:
    """Raises DockerfileError without a place."""
    parser = _PARSERS.get(node.keyword.lower())
    if parser is None:
        message = f"unknown instruction: {node.keyword}"
        raise DockerfileError(did_you_mean(message, node.keyword, _PARSERS, any_case=True))
    return parser(node)


def _base(node: Node) -> dict[str, Any]:
    """What all instructions have."""
    return {
        "lines": node.lines,
        "text": node.text.strip(SPACES),
        "keyword": node.keyword,
        "comments": node.comments,
        "heredocs": node.heredocs,
    }


def _at_least_one(name: str, args: tuple[Any, ...]) -> None:
    if not args:
        raise DockerfileError(f"{name} requires at least one argument")


def _exactly_one(name: str, node: Node) -> str:
    if len(node.args) != 1:
        raise DockerfileError(f"{name} requires exactly one argument")
    return node.args[0]


def description(comments: tuple[str, ...], name: str) -> str:
    """Of a stage or an argument: `# name description` above it."""
    found = (comment for comment in comments if name and comment.startswith(f"{name} "))
    return next(found, "")[len(name) + 1 :]


def _from(node: Node) -> df.From:
    args = node.args
    named = len(args) == 3 and args[1].lower() == "as"
    if not named and len(args) != 1:
        raise DockerfileError("FROM requires either one or three arguments")
    written = args[2] if named else ""
    name = written.lower()
    if named and not _STAGE_NAME.fullmatch(name):
        raise DockerfileError(
            f"invalid name for build stage: {quote(written)}, "
            "name can't start with a number or contain symbols"
        )
    flags = Flags(node.flags, {"platform": "string"})
    return df.From(
        **_base(node),
        base=args[0],
        name=name,
        written_name=written,
        as_keyword=args[1] if named else "",
        platform=flags.string("platform"),
        comment=description(node.comments, name),
    )


def _run(node: Node) -> df.Run:
    flags = Flags(node.flags, _RUN_FLAGS)
    for text in flags.strings("mount"):
        check_mount(text)
    devices = tuple(parse_device(text) for text in flags.strings("device"))
    network = flags.string("network", "default")
    if network not in ("default", "none", "host"):
        raise DockerfileError(f"invalid network mode {quote(network)}")
    security = flags.string("security", "sandbox")
    if security not in ("sandbox", "insecure"):
        raise DockerfileError(f"security {quote(security)} is not valid")
    return df.Run(
        **_base(node),
        args=node.args,
        shell=not node.json,
        mount_flags=flags.strings("mount"),
        network=network,
        security=security,
        devices=devices,
    )


def _cmd(node: Node) -> df.Cmd:
    Flags(node.flags, _NO_FLAGS)
    return df.Cmd(**_base(node), args=node.args, shell=not node.json)


def _entrypoint(node: Node) -> df.Entrypoint:
    Flags(node.flags, _NO_FLAGS)
    return df.Entrypoint(**_base(node), args=node.args, shell=not node.json)


def _pairs(node: Node, name: str) -> tuple[df.Pair, ...]:
    Flags(node.flags, _NO_FLAGS)
    _at_least_one(name, node.pairs)
    if any(not key for key, _, _ in node.pairs):
        raise DockerfileError(f"{name} names can not be blank")
    return tuple(df.Pair(key=key, value=value, legacy=legacy) for key, value, legacy in node.pairs)


def _env(node: Node) -> df.Env:
    return df.Env(**_base(node), pairs=_pairs(node, "ENV"))


def _label(node: Node) -> df.Label:
    return df.Label(**_base(node), pairs=_pairs(node, "LABEL"))


def _maintainer(node: Node) -> df.Maintainer:
    name = _exactly_one("MAINTAINER", node)
    Flags(node.flags, _NO_FLAGS)
    return df.Maintainer(**_base(node), name=name)


def _expose(node: Node) -> df.Expose:
    _at_least_one("EXPOSE", node.args)
    Flags(node.flags, _NO_FLAGS)
    return df.Expose(**_base(node), ports=tuple(sorted(node.args)))


def _files(node: Node, name: str) -> dict[str, Any]:
    """Sources, contents and destination of COPY and ADD."""
    *sources, dest = node.args
    if mark_of(dest) is not None:
        raise DockerfileError(f"{name} cannot accept a heredoc as a destination")
    contents = {heredoc.name: heredoc.text() for heredoc in node.heredocs}
    paths: list[str] = []
    inline: list[df.InlineFile] = []
    for source in sources:
        mark = mark_of(source)
        if mark is None:
            paths.append(source)
        else:
            data = contents.get(mark.name, "")
            inline.append(df.InlineFile(name=mark.name, data=data, expand=mark.expand))
    return {"sources": tuple(paths), "dest": dest, "inline": tuple(inline)}


def _checked_files(node: Node, name: str, known: dict[str, Kind]) -> tuple[Flags, dict[str, Any]]:
    if len(node.args) < 2:
        raise DockerfileError(
            f"{name} requires at least two arguments, but only one was provided. "
            "Destination could not be determined"
        )
    flags = Flags(node.flags, known)
    return flags, {
        **_base(node),
        **_files(node, name),
        "chown": flags.string("chown"),
        "chmod": flags.string("chmod"),
        "link": bool(flags.boolean("link")),
        "exclude": flags.strings("exclude"),
    }


def _copy(node: Node) -> df.Copy:
    flags, fields = _checked_files(node, "COPY", _COPY_FLAGS)
    return df.Copy(**fields, from_=flags.string("from"), parents=bool(flags.boolean("parents")))


def _add(node: Node) -> df.Add:
    flags, fields = _checked_files(node, "ADD", _ADD_FLAGS)
    return df.Add(
        **fields,
        checksum=flags.string("checksum"),
        keep_git_dir=flags.boolean("keep-git-dir"),
        unpack=flags.boolean("unpack"),
    )


def _volume(node: Node) -> df.Volume:
    _at_least_one("VOLUME", node.args)
    Flags(node.flags, _NO_FLAGS)
    paths = tuple(path.strip(SPACES) for path in node.args)
    if not all(paths):
        raise DockerfileError("VOLUME specified can not be an empty string")
    return df.Volume(**_base(node), paths=paths)


def _user(node: Node) -> df.User:
    user = _exactly_one("USER", node)
    Flags(node.flags, _NO_FLAGS)
    return df.User(**_base(node), user=user)


def _workdir(node: Node) -> df.Workdir:
    path = _exactly_one("WORKDIR", node)
    Flags(node.flags, _NO_FLAGS)
    return df.Workdir(**_base(node), path=path)


def _arg(node: Node) -> df.Arg:
    _at_least_one("ARG", node.args)
    args: list[df.ArgValue] = []
    for word in node.args:
        key, equals, value = word.partition("=")
        if equals and not key:
            raise DockerfileError("ARG names can not be blank")
        comment = description(node.comments, key)
        args.append(df.ArgValue(key=key, value=value if equals else None, comment=comment))
    return df.Arg(**_base(node), args=tuple(args))


def _onbuild(node: Node) -> df.Onbuild:
    child = node.child
    if child is None:
        raise DockerfileError("ONBUILD requires at least one argument")
    Flags(node.flags, _NO_FLAGS)
    name = child.keyword.upper()
    if name == "ONBUILD":
        raise DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if name in ("MAINTAINER", "FROM"):
        raise DockerfileError(f"{name} isn't allowed as an ONBUILD trigger")
    expression = _ONBUILD.sub("", node.text, count=1)
    for heredoc in node.heredocs:
        expression += f"\n{heredoc.content}{heredoc.name}"
    try:
        trigger = instruction_of(replace(child, heredocs=node.heredocs, lines=node.lines))
    except DockerfileError:
        trigger = None  # Docker takes any trigger: it fails when it is used
    return df.Onbuild(**_base(node), expression=expression, trigger=trigger)


def _stop_signal(node: Node) -> df.StopSignal:
    return df.StopSignal(**_base(node), signal=_exactly_one("STOPSIGNAL", node))


def _healthcheck(node: Node) -> df.Healthcheck:
    _at_least_one("HEALTHCHECK", node.args)
    kind, command = node.args[0].upper(), node.args[1:]
    if kind == "NONE":
        if command:
            raise DockerfileError("HEALTHCHECK NONE takes no arguments")
        return df.Healthcheck(**_base(node), test=("NONE",))
    flags = Flags(node.flags, _HEALTH_FLAGS)
    if kind != "CMD":
        raise DockerfileError(f"Unknown type {quote(kind)} in HEALTHCHECK (try CMD)")
    if not command:
        raise DockerfileError("Missing command after HEALTHCHECK CMD")
    return df.Healthcheck(
        **_base(node),
        test=("CMD" if node.json else "CMD-SHELL", *command),
        interval=parse_interval("interval", flags.string("interval")),
        timeout=parse_interval("timeout", flags.string("timeout")),
        start_period=parse_interval("start-period", flags.string("start-period")),
        start_interval=parse_interval("start-interval", flags.string("start-interval")),
        retries=parse_retries(flags.string("retries")),
    )


def _shell(node: Node) -> df.Shell:
    Flags(node.flags, _NO_FLAGS)
    _at_least_one("SHELL", node.args)
    if not node.json:
        raise DockerfileError("SHELL requires the arguments to be in JSON form")
    return df.Shell(**_base(node), args=node.args)


_PARSERS: dict[str, Callable[[Node], df.Instruction]] = {
    "add": _add,
    "arg": _arg,
    "cmd": _cmd,
    "copy": _copy,
    "entrypoint": _entrypoint,
    "env": _env,
    "expose": _expose,
    "from": _from,
    "healthcheck": _healthcheck,
    "label": _label,
    "maintainer": _maintainer,
    "onbuild": _onbuild,
    "run": _run,
    "shell": _shell,
    "stopsignal": _stop_signal,
    "user": _user,
    "volume": _volume,
    "workdir": _workdir,
}
