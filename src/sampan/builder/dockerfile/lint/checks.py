"""The rules that need the file alone; the plan runs the others, since they need variables or base images."""

from collections.abc import Sequence

from sampan.builder.dockerfile.instructions import Arg, Dockerfile, From, Instruction, Maintainer
from sampan.builder.dockerfile.lint import rules
from sampan.builder.dockerfile.lint.linter import Linter, local_configs

_RESERVED = ("context", "scratch")


def check_file(dockerfile: Dockerfile, linter: Linter) -> None:
    """Runs them; also tells the linter what comments in the file say about later rules."""
    linter.local.update(local_configs(dockerfile))
    for lines in dockerfile.empty_continuations:
        linter.run(rules.NO_EMPTY_CONTINUATION, lines)
    for arg in dockerfile.global_args:
        _description("ARG", arg, [one.key for one in arg.args], linter)
    for stage in dockerfile.stages:
        _from(stage.start, linter)
        for instruction in stage.instructions:
            _instruction(instruction, linter)
    _stage_names(dockerfile, linter)
    _casing(dockerfile, linter)


def _from(start: From, linter: Linter) -> None:
    if start.written_name != start.written_name.lower():
        linter.run(rules.STAGE_NAME_CASING, start.lines, start.written_name)
    keyword, word = start.keyword, start.as_keyword
    if keyword in (keyword.lower(), keyword.upper()):  # else it is another rule's case
        expected = word.lower() if keyword == keyword.lower() else word.upper()
        if word != expected:
            linter.run(rules.FROM_AS_CASING, start.lines, keyword, word)
    _description("FROM", start, [start.name] if start.name else [], linter)


def _instruction(instruction: Instruction, linter: Linter) -> None:
    if isinstance(instruction, Maintainer):
        linter.run(rules.MAINTAINER_DEPRECATED, instruction.lines)
    elif isinstance(instruction, Arg):
        _description("ARG", instruction, [one.key for one in instruction.args], linter)


def _description(what: str, instruction: Instruction, names: Sequence[str], linter: Linter) -> None:
    """The comment right above describes one of the names."""
    if not names or not instruction.comments:
        return
    if instruction.comments[-1].split(" ", 1)[0] not in names:
        example = names[0] if len(names) == 1 else "<arg_key>"
        linter.run(rules.INVALID_DEFINITION_DESCRIPTION, instruction.lines, what, example)


def _stage_names(dockerfile: Dockerfile, linter: Linter) -> None:
    seen: set[str] = set()
    for stage in dockerfile.stages:
        if not stage.name:
            continue
        if stage.name in _RESERVED:
            linter.run(rules.RESERVED_STAGE_NAME, stage.start.lines, stage.name)
        if stage.name in seen:
            linter.run(rules.DUPLICATE_STAGE_NAME, stage.start.lines, stage.name)
        seen.add(stage.name)


def _casing(dockerfile: Dockerfile, linter: Linter) -> None:
    """All keywords are in the case of most of them. ARGs before the first FROM do not count (BuildKit)."""
    instructions: list[Instruction] = []
    for stage in dockerfile.stages:
        instructions += [stage.start, *stage.instructions]
    lower = sum(one.keyword == one.keyword.lower() for one in instructions)
    upper = sum(one.keyword == one.keyword.upper() for one in instructions)
    for one in instructions:
        wanted = one.keyword.lower() if lower > upper else one.keyword.upper()
        if one.keyword != wanted:
            majority = "lowercase" if lower > upper else "uppercase"
            linter.run(rules.CONSISTENT_INSTRUCTION_CASING, one.lines, one.keyword, majority)
