"""A stage while its instructions are gone through: what they see, and what they have made so far."""

from dataclasses import dataclass, field, replace
from typing import Any

from sampan.builder.dockerfile.instructions import Dockerfile, Instruction
from sampan.builder.errors import DockerfileError
from sampan.builder.options import BuildOptions
from sampan.builder.plan.checks import Checks
from sampan.builder.plan.graph import SCRATCH, HistoryEntry, ImageSource, Lines, LocalSource, Operation, Step
from sampan.builder.plan.stages import StageNode, Stages
from sampan.specs.oci.platform import Platform

COMMENT = "buildkit.dockerfile.v0"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MAX_HISTORY = 16 << 20  # characters; the config has to go through registries, which take 4 MiB and more
DEFAULT_SHELL = ("/bin/sh", "-c")


class StepList:
    """The steps of all targets. What is the same is one step."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._known: dict[tuple[Any, ...], int] = {}
        self._paths: dict[int, set[str]] = {}  # of each LocalSource

    def add(self, operation: Operation, inputs: tuple[int, ...], name: str, **more: Any) -> int:
        """The id of a new step, or of an earlier one that does the same."""
        key = (operation, inputs, more.get("platform"), more.get("no_cache"), more.get("epoch"))
        if key in self._known:
            return self._known[key]
        id = self._known[key] = len(self.steps)
        if inputs:
            self.uses(inputs[0], "/")  # what is built on a context has all of it
        self.steps.append(Step(id=id, operation=operation, inputs=inputs, name=name, **more))
        return id

    def local(self, key: str, name: str) -> int:
        """The step of a context. What is taken from it is added by `uses`."""
        id = self.add(LocalSource(name=key), (), name)
        self._paths.setdefault(id, set())
        return id

    def uses(self, step: int, path: str) -> None:
        if step in self._paths:
            self._paths[step].add(path)

    def finished(self, wanted: list[int]) -> tuple[list[Step], dict[int, int]]:
        """What `wanted` needs, renumbered, and the new number of each old one."""
        needed: set[int] = set()
        pending = [id for id in wanted if id != SCRATCH]
        while pending:
            id = pending.pop()
            if id not in needed:
                needed.add(id)
                pending += [input for input in self.steps[id].inputs if input != SCRATCH]
        numbers = {SCRATCH: SCRATCH} | {id: new for new, id in enumerate(sorted(needed))}
        steps: list[Step] = []
        for id in sorted(needed):
            step = self.steps[id]
            operation = step.operation
            if isinstance(operation, LocalSource):
                operation = replace(operation, paths=_include(self._paths[id]))
            inputs = tuple(numbers[input] for input in step.inputs)
            steps.append(replace(step, id=numbers[id], operation=operation, inputs=inputs))
        return steps, numbers


def _include(paths: set[str]) -> tuple[str, ...]:
    """Everything, once somebody takes the root."""
    return () if "/" in paths else tuple(sorted(path.lstrip("/") for path in paths))


@dataclass
class Shared:
    """What all stages of one target have in common."""

    dockerfile: Dockerfile
    options: BuildOptions
    stages: Stages
    steps: StepList
    checks: Checks
    proxy: tuple[str, ...]
    epoch: int | None
    several: bool  # platforms
    states: dict[StageNode, "StageState"] = field(default_factory=dict)

    def context(self) -> int:
        return self.steps.local("context", "[internal] load build context")


@dataclass
class StageState:
    """`root` is the step whose file system it is. `config`, `document`: of the image it would be now."""

    shared: Shared
    node: StageNode
    platform: Platform
    epoch: int
    root: int = SCRATCH
    base: ImageSource | None = None
    base_history: tuple[dict[str, Any], ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    history: list[HistoryEntry] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)  # ENV and ARG
    workdir: str = "/"
    arguments: list[tuple[str, str | None]] = field(default_factory=list)  # of ARG, in order
    workdir_set: bool = False
    used_once: dict[str, Lines] = field(default_factory=dict)  # CMD, ENTRYPOINT, HEALTHCHECK: where
    index: int = 0
    total: int = 0
    trigger: bool = False  # the instruction is one
    recorded: int = 0  # characters of history

    @property
    def shell(self) -> tuple[str, ...]:
        return tuple(self.config.get("Shell") or DEFAULT_SHELL)

    @property
    def user(self) -> str:
        return str(self.config.get("User") or "")

    def record(self, created_by: str, step: int | None = None) -> None:
        """Raises DockerfileError when it gets out of hand: lines can say `EXPOSE 1-65535`, or `A=$A$A`."""
        self.recorded += len(created_by)
        if self.recorded > MAX_HISTORY:
            raise DockerfileError(f"the history of the image is longer than {MAX_HISTORY >> 20} MiB")
        self.history.append(HistoryEntry(created_by=created_by, step=step, comment=COMMENT))

    def title(self, text: str) -> str:
        """`text` as progress shows it: "[build 2/3] RUN make". Counts."""
        if not self.total:
            return text
        self.index += 1
        platform = ""
        if self.shared.several:
            platform = f"{self.platform}{self._cross()} "
        stage = f"{self.node.shown} " if self.node.shown else ""
        # As wide as one more than the logarithm, as BuildKit pads.
        width = len(str(self.total))
        trigger = "ONBUILD " if self.trigger else ""
        return f"[{platform}{stage}{self.index:{width}}/{self.total}] {trigger}{text}"

    def _cross(self) -> str:
        """For what another platform: "->arm64", when the stage says that it compiles for one."""
        from sampan.specs.oci.platform import normalize, parse_or_none

        target = parse_or_none(self.env.get("TARGETPLATFORM", ""))
        if target is None:
            names = ("TARGETOS", "TARGETARCH", "TARGETVARIANT")
            if not any(name in self.env for name in names):
                return ""
            os, architecture, variant = (self.env.get(name, "") for name in names)
            platform = self.platform
            target = Platform(os or platform.os, architecture or platform.architecture, variant)
        target = normalize(target)
        if target.os != self.platform.os:
            return f"->{target}"
        if target.architecture == self.platform.architecture:
            return ""
        variant = f"/{target.variant}" if target.variant else ""
        return f"->{target.architecture}{variant}"

    def add_step(
        self,
        operation: Operation,
        inputs: tuple[int, ...],
        name: str,
        instruction: Instruction,
        shown: str = "",
    ) -> int:
        """A step of this stage that is now its file system."""
        self.root = self.shared.steps.add(
            operation,
            inputs,
            name,
            stage=self.node.shown,
            instruction=shown or instruction.text,
            lines=instruction.lines,
            no_cache=self.no_cache,
            platform=str(self.platform),
            epoch=self.epoch,
        )
        return self.root

    @property
    def no_cache(self) -> bool:
        options = self.shared.options
        if options.no_cache:
            return True
        name = self.node.name
        return bool(name) and name in {one.lower() for one in options.no_cache_filter}
