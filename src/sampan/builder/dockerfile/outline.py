"""What a Dockerfile offers: its targets, and the arguments, secrets and agents that one of them takes. Pure.

As BuildKit's outline, but for the environment of base images, which is not known without pulling them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sampan.builder.dockerfile.expand import Expander
from sampan.builder.dockerfile.instructions import Arg, Copy, Dockerfile, Env, Instruction, Run, Stage
from sampan.builder.dockerfile.mounts import Mount
from sampan.builder.errors import DockerfileError
from sampan.builder.plan.graph import Lines
from sampan.specs.golang.quote import quote

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # of an image that says nothing


@dataclass(frozen=True, kw_only=True)
class Argument:
    name: str
    value: str
    description: str
    lines: Lines


@dataclass(frozen=True, kw_only=True)
class Needed:
    """A secret or an ssh agent."""

    name: str
    required: bool
    lines: Lines


@dataclass(frozen=True, kw_only=True)
class Outline:
    name: str  # "": it has none
    description: str
    arguments: tuple[Argument, ...] = ()
    secrets: tuple[Needed, ...] = ()
    agents: tuple[Needed, ...] = ()


def outline(
    dockerfile: Dockerfile, target: str, given: Mapping[str, str], start: Mapping[str, str]
) -> Outline:
    """`given`: build arguments; `start`: what global scope begins with. Raises DockerfileError."""
    stage = dockerfile.stages[-1] if not target else dockerfile.stage(target)
    if stage is None or (target and stage.name != target.lower()):  # a target is no number
        raise DockerfileError(f"target stage {quote(target)} could not be found")
    walk = _Walk(dockerfile, given, dict(start))
    walk.globals()
    walk.stage(stage)
    return Outline(
        name=stage.name,
        description=stage.start.comment,
        arguments=_in_order(walk.arguments),
        secrets=_in_order(walk.secrets),
        agents=_in_order(walk.agents),
    )


_T = TypeVar("_T", Argument, Needed)


def _in_order(found: Mapping[str, _T]) -> tuple[_T, ...]:
    return tuple(sorted(found.values(), key=lambda one: one.lines.first))


@dataclass
class _Known:
    """An argument before the first FROM, and the ones its value is made of."""

    argument: Argument
    uses: set[str]


@dataclass
class _Walk:
    """Through the stages that a target needs, once each. The first definition found of a name is shown."""

    dockerfile: Dockerfile
    given: Mapping[str, str]
    variables: dict[str, str]  # of global scope
    arguments: dict[str, Argument] = field(default_factory=dict)
    secrets: dict[str, Needed] = field(default_factory=dict)
    agents: dict[str, Needed] = field(default_factory=dict)
    known: dict[str, _Known] = field(default_factory=dict)
    seen: dict[int, dict[str, str]] = field(default_factory=dict)  # a stage's variables at its end

    def globals(self) -> None:
        for instruction in self.dockerfile.global_args:
            with self.dockerfile.at(instruction):
                for arg in instruction.args:
                    expander = Expander(self.variables, self.dockerfile.escape)
                    value = self.given.get(arg.key)
                    if value is None and arg.value is not None:
                        value = expander.word(arg.value)
                    if value is not None:
                        self.variables[arg.key] = value
                    argument = Argument(
                        name=arg.key, value=value or "", description=arg.comment, lines=instruction.lines
                    )
                    self.known[arg.key] = _Known(argument, expander.matched)

    def stage(self, stage: Stage) -> dict[str, str]:
        """Its variables at its end. Raises DockerfileError for what cannot be expanded."""
        if stage.index in self.seen:
            return self.seen[stage.index]
        self.seen[stage.index] = {}  # of a stage that stands on itself
        base = self.base(stage)
        variables = dict(self.stage(base)) if base else {"PATH": _PATH}
        own = dict(variables)
        for instruction in stage.instructions:
            with self.dockerfile.at(instruction):
                self.instruction(stage, instruction, own)
        self.seen[stage.index] = own
        return own

    def base(self, stage: Stage) -> Stage | None:
        with self.dockerfile.at(stage.start):
            expander = Expander(self.variables, self.dockerfile.escape)
            name = expander.word(stage.start.base)
            expander.word(stage.start.platform)
        for used in expander.matched:
            self.use(used)
        return self.earlier(stage, name)

    def earlier(self, stage: Stage, name: str) -> Stage | None:
        """A stage of that name before this one."""
        found = [one for one in self.dockerfile.stages[: stage.index] if one.name == name.lower() != ""]
        return found[-1] if found else None

    def use(self, name: str) -> None:
        """A global argument, and what it is made of."""
        known = self.known.get(name)
        if known is not None and name not in self.arguments:
            self.arguments[name] = known.argument
            for used in known.uses:
                self.use(used)

    def instruction(self, stage: Stage, instruction: Instruction, variables: dict[str, str]) -> None:
        expander = Expander(variables, self.dockerfile.escape)
        if isinstance(instruction, Arg):
            self.declare(instruction, variables)
        elif isinstance(instruction, Env):
            variables.update((pair.key, pair.value) for pair in instruction.expanded(expander.word).pairs)
        elif isinstance(instruction, Run):
            for mount in instruction.expanded(expander.word).mounts:
                self.mount(stage, instruction, mount)
        elif isinstance(instruction, Copy):
            self.source(stage, instruction.from_)

    def declare(self, instruction: Arg, variables: dict[str, str]) -> None:
        for arg in instruction.args:
            value = self.given.get(arg.key)
            if value is None and arg.value is not None:
                value = Expander(variables, self.dockerfile.escape).word(arg.value)
            if value is None and arg.key in self.variables:  # it has its value from global scope
                variables[arg.key] = self.variables[arg.key]
                self.use(arg.key)
                continue
            if value is not None:
                variables[arg.key] = value
            self.arguments[arg.key] = Argument(
                name=arg.key, value=value or "", description=arg.comment, lines=instruction.lines
            )

    def mount(self, stage: Stage, instruction: Run, mount: Mount) -> None:
        self.source(stage, mount.from_)
        if mount.type == "secret":
            name = mount.id or mount.source or mount.target.rpartition("/")[2]
            found = self.secrets
        elif mount.type == "ssh":
            name, found = mount.id or "default", self.agents
        else:
            return
        needed = Needed(name=name, required=mount.required, lines=instruction.lines)
        before = found.get(name, needed)
        found[name] = replace(before, required=before.required or needed.required)

    def source(self, stage: Stage, name: str) -> None:
        found = self.dockerfile.stage(name) if name else None
        if found is not None:
            self.stage(found)
