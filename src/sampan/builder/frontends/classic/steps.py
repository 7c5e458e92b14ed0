"""A Dockerfile as the classic builder shows it: numbered instructions and the vertices that do them. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sampan.builder.dockerfile.instructions import (
    Add,
    Arg,
    Copy,
    Dockerfile,
    From,
    Instruction,
    Run,
    Stage,
    Workdir,
)
from sampan.builder.plan.graph import SCRATCH, Files, ImageSource, Lines, Plan
from sampan.builder.plan.graph import Run as RunOperation


@dataclass(frozen=True, kw_only=True)
class ClassicStep:
    """`vertices` make its layer. `image`: what a FROM stands on. `triggers`: of its base, how many.

    `steps`: the plan's steps, by vertex, for the ids of what they leave.
    """

    text: str
    lines: Lines
    kind: str  # arg (of the whole file), from, run, files, other
    vertices: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()
    image: str = ""
    stage: int = -1  # which a FROM begins
    below: int = -1  # the stage that it stands on
    triggers: int = 0
    args: tuple[str, ...] = ()  # of a RUN: what is executed


def classic_steps(
    dockerfile: Dockerfile, target: str, plan: Plan | None, digest_of: Callable[[int], str]
) -> list[ClassicStep]:
    """Those of the stages that are needed; without a plan, as far as the file alone tells which these are."""
    found = [ClassicStep(text=arg.text, lines=arg.lines, kind="arg") for arg in dockerfile.global_args]
    for stage in needed_stages(dockerfile, target, plan):
        below = _earlier(dockerfile, stage.start.base, stage)
        start = _step(stage.start, plan, digest_of)
        found.append(
            replace(
                start,
                image="" if below else start.image or _image(stage, plan),
                stage=stage.index,
                below=below.index if below else -1,
            )
        )
        found += [_step(instruction, plan, digest_of) for instruction in stage.instructions]
    return found


def _image(stage: Stage, plan: Plan | None) -> str:
    """What the first step of the stage stands on, or the whole: two stages may share the step of an image."""
    if plan is None:
        return ""
    for step in plan.steps:
        if step.lines is not None and _holds(stage, step.lines) and step.inputs and step.inputs[0] != SCRATCH:
            below = plan.steps[step.inputs[0]].operation
            return below.image_id if isinstance(below, ImageSource) else ""
    if any(step.lines is not None and _holds(stage, step.lines) for step in plan.steps):
        return ""  # scratch
    base = plan.targets[0].base if plan.targets else None
    return base.image_id if base is not None and stage.start.base != "scratch" else ""


def _step(instruction: Instruction, plan: Plan | None, digest_of: Callable[[int], str]) -> ClassicStep:
    own = [step for step in plan.steps if step.lines == instruction.lines] if plan else []
    made = [step for step in own if isinstance(step.operation, RunOperation | Files)]
    images = [step.operation.image_id for step in own if isinstance(step.operation, ImageSource)]
    runs = [step.operation.args for step in made if isinstance(step.operation, RunOperation)]
    return ClassicStep(
        text=instruction.text,
        lines=instruction.lines,
        kind=_kind(instruction),
        vertices=tuple(digest_of(step.id) for step in made),
        steps=tuple(step.id for step in made),
        image=images[0] if images and isinstance(instruction, From) else "",
        triggers=len(made) if isinstance(instruction, From) else 0,
        args=runs[-1] if runs else (),
    )


def _kind(instruction: Instruction) -> str:
    match instruction:
        case From():
            return "from"
        case Run():
            return "run"
        case Copy() | Add() | Workdir():
            return "files"
        case _:
            return "other"


def needed_stages(dockerfile: Dockerfile, target: str, plan: Plan | None) -> list[Stage]:
    """The target, what it names, and whatever else has a step in the plan."""
    last = (dockerfile.stage(target) if target else None) or dockerfile.stages[-1]
    needed = {last.index}
    pending = [last]
    while pending:
        stage = pending.pop()
        for name in _named(stage):
            other = _earlier(dockerfile, name, stage)
            if other is not None and other.index not in needed:
                needed.add(other.index)
                pending.append(other)
    for step in plan.steps if plan else ():
        if step.lines is not None:
            needed |= {stage.index for stage in dockerfile.stages if _holds(stage, step.lines)}
    return [stage for stage in dockerfile.stages if stage.index in needed]


def _named(stage: Stage) -> list[str]:
    names = [stage.start.base]
    for instruction in stage.instructions:
        if isinstance(instruction, Copy) and instruction.from_:
            names.append(instruction.from_)
        elif isinstance(instruction, Run):
            for flag in instruction.mount_flags:
                names += [field[5:] for field in flag.split(",") if field.startswith("from=")]
    return names


def _earlier(dockerfile: Dockerfile, name: str, stage: Stage) -> Stage | None:
    for other in reversed(dockerfile.stages[: stage.index]):
        if other.name == name.lower() or (name.isdecimal() and int(name) == other.index):
            return other
    return None


def _holds(stage: Stage, lines: Lines) -> bool:
    last = stage.instructions[-1] if stage.instructions else stage.start
    return stage.start.lines.first <= lines.first <= last.lines.last


def unused_arguments(dockerfile: Dockerfile, given: list[str], target: str, plan: Plan | None) -> list[str]:
    """Build arguments that no ARG asks for and that mean nothing by themselves."""
    known = {arg.key for line in dockerfile.global_args for arg in line.args} | PREDEFINED
    for stage in needed_stages(dockerfile, target, plan):
        for instruction in stage.instructions:
            if isinstance(instruction, Arg):
                known |= {arg.key for arg in instruction.args}
    return sorted(set(given) - known)


PREDEFINED = {
    name
    for base in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for name in (base, base.upper())
} | {
    "BUILDKIT_SANDBOX_HOSTNAME",
    "BUILDKIT_INLINE_CACHE",
    "BUILDKIT_MULTI_PLATFORM",
    "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    "BUILDKIT_DOCKERFILE_CHECK",
    "BUILDKIT_SYNTAX",
    "SOURCE_DATE_EPOCH",
}
