"""Which stages a build goes through, what they stand on and what they take from each other.

As BuildKit does it, stages that only exist since `COPY --from` or a mount names an image are stages as well,
without a name of their own. Pure; the objects here live as long as one call of `plan` or `needed_bases`.
"""

from dataclasses import dataclass, field

from sampan.builder.dockerfile.instructions import Instruction, Onbuild, Stage
from sampan.builder.plan.bases import Base, NeededBase
from sampan.builder.plan.graph import Lines
from sampan.builder.plan.namedcontexts import NamedContext
from sampan.specs.oci.platform import Platform

SCRATCH_NAME = "scratch"


@dataclass(eq=False)
class Command:
    """An instruction of a stage, or of a trigger. `sources`: the stages its --from and its mounts name."""

    instruction: Instruction
    sources: list["StageNode | None"] = field(default_factory=list)
    trigger: bool = False


@dataclass(eq=False)
class StageNode:
    """`base` is another stage, else `image` what it stands on, once that is known, else nothing (scratch)."""

    base_name: str  # expanded
    lines: Lines
    stage: Stage | None = None  # None: an image that is only copied from
    shown: str = ""  # what progress calls it
    platform: Platform | None = None
    base: "StageNode | None" = None
    context: NamedContext | None = None  # replaces the whole stage
    base_context: NamedContext | None = None  # replaces its base image
    image: Base | None = None
    reference: str = ""  # normalised, of the image
    commands: list[Command] = field(default_factory=list)
    dependencies: list[tuple["StageNode", Instruction]] = field(default_factory=list)
    triggered: bool = False

    @property
    def name(self) -> str:
        return self.stage.name if self.stage else ""

    @property
    def is_scratch(self) -> bool:
        return self.base is None and self.context is None and self.base_name == SCRATCH_NAME

    @property
    def onbuild(self) -> list[str]:
        """The triggers it has to run first: of its base image, or of the stage it stands on."""
        if self.base is not None:
            found = [command.instruction for command in self.base.commands]
            return [one.expression for one in found if isinstance(one, Onbuild)]
        if self.image is None or self.context is not None:
            return []
        return list((self.image.config.get("config") or {}).get("OnBuild") or [])


@dataclass(eq=False)
class Stages:
    """All of a Dockerfile for one platform, resolved as far as the images are known."""

    nodes: list[StageNode]
    target: StageNode
    platform: Platform
    explicit: bool  # the platform was asked for
    arguments: dict[str, str]  # global scope
    missing: list[NeededBase] = field(default_factory=list)
    reachable: list[StageNode] = field(default_factory=list)


def reachable_from(target: StageNode) -> list[StageNode]:
    found: dict[StageNode, None] = {}
    pending = [target]
    while pending:
        node = pending.pop()
        if node in found:
            continue
        found[node] = None
        if node.base is not None:
            pending.append(node.base)
        pending += [dependency for dependency, _ in node.dependencies]
    return list(found)


def find_cycle(nodes: list[StageNode]) -> tuple[StageNode, list[Instruction]] | None:
    """A stage that needs itself through --from, and the instructions that lead back to it."""
    done: set[StageNode] = set()
    for start in nodes:
        # Depth first without recursion, since a file may have thousands of stages.
        path = [start]
        taken: list[Instruction] = []
        pending = [iter(start.dependencies)]
        while pending and path[-1] not in done:
            step = next(pending[-1], None)
            if step is None:
                done.add(path.pop())
                pending.pop()
                if taken:
                    taken.pop()
                if not path:
                    break
                continue
            dependency, instruction = step
            if dependency in path:
                return start, [*taken, instruction]
            if dependency not in done:
                path.append(dependency)
                taken.append(instruction)
                pending.append(iter(dependency.dependencies))
    return None


class Names:
    """Stages by name, as they are added: a stage can stand only on those above it."""

    def __init__(self) -> None:
        self.nodes: list[StageNode] = []
        self.by_name: dict[str, StageNode] = {}

    def add(self, node: StageNode) -> None:
        self.nodes.append(node)
        if node.context is None:
            node.base = self.by_name.get(node.base_name)
        if node.name:
            self.by_name[node.name] = node

    def find(self, name: str) -> StageNode | None:
        return self.by_name.get(name.lower())

    @property
    def shown(self) -> list[str]:
        return [node.shown for node in self.nodes if node.shown]
