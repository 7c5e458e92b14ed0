"""From a Dockerfile to its stages for one platform, as far as the images they stand on are known. Pure."""

import csv
from dataclasses import dataclass, field, replace

from sampan.builder.dockerfile.expand import Expander
from sampan.builder.dockerfile.instructions import Copy, Dockerfile, Instruction, Onbuild, Run, Stage
from sampan.builder.dockerfile.lint.linter import Linter
from sampan.builder.dockerfile.parse import parse_trigger
from sampan.builder.dockerfile.suggest import suggest
from sampan.builder.errors import DockerfileError
from sampan.builder.options import BuildOptions
from sampan.builder.plan.arguments import default_arguments, global_arguments
from sampan.builder.plan.bases import Bases, NeededBase
from sampan.builder.plan.checks import Checks
from sampan.builder.plan.graph import Lines
from sampan.builder.plan.locations import placed
from sampan.builder.plan.namedcontexts import NamedContext, find_context
from sampan.builder.plan.stages import (
    SCRATCH_NAME,
    Command,
    Names,
    StageNode,
    Stages,
    find_cycle,
    reachable_from,
)
from sampan.errors import Invalid
from sampan.specs.golang.numbers import TRUE
from sampan.specs.oci import platform as platforms
from sampan.specs.oci import reference as references
from sampan.specs.oci.platform import Platform

# What a name that no registry knows may have been meant to be.
_COMMON_IMAGES = ("alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora")


@dataclass(frozen=True)
class Wanted:
    """One platform of those asked for. `several`: more than one was, so that names say which."""

    platform: Platform
    explicit: bool = False
    several: bool = False


def wanted_platforms(options: BuildOptions) -> list[Wanted]:
    """Raises DockerfileError for one that is no platform."""
    if not options.platforms:
        return [Wanted(platforms.host(), several=multi_platform(options))]
    parsed: list[Platform] = []
    for text in options.platforms:
        try:
            platform = platforms.normalize(platforms.parse(text))
        except Invalid as error:
            raise DockerfileError(f"failed to parse target platform {text}: {error}") from None
        if platform not in parsed:
            parsed.append(platform)
    several = len(parsed) > 1 or multi_platform(options)
    return [Wanted(platform, True, several) for platform in parsed]


def multi_platform(options: BuildOptions) -> bool:
    """Whether even one platform is to be treated as one of several."""
    return options.build_args.get("BUILDKIT_MULTI_PLATFORM", "") in TRUE


def resolve(
    dockerfile: Dockerfile, options: BuildOptions, bases: Bases, wanted: Wanted, checks: Checks
) -> Stages:
    """Raises DockerfileError. `missing` of the result is what has to be in `bases` too."""
    if not dockerfile.stages:
        raise DockerfileError("dockerfile contains no stages to build")
    return _Resolver(dockerfile, options, bases, wanted, checks).run()


def needed_bases(
    dockerfile: Dockerfile,
    options: BuildOptions,
    bases: Bases | None = None,
    linter: Linter | None = None,
) -> list[NeededBase]:
    """What has to be resolved for the stages that the target needs, and is not in `bases`.

    Call it until nothing is left: triggers (ONBUILD) of a base may ask for more. Raises DockerfileError.
    """
    missing: dict[tuple[str, str], NeededBase] = {}
    for wanted in wanted_platforms(options):
        stages = resolve(dockerfile, options, bases or {}, wanted, Checks(linter or Linter()))
        missing |= {needed.key: needed for needed in stages.missing}
    return list(missing.values())


@dataclass
class _Resolver:
    dockerfile: Dockerfile
    options: BuildOptions
    bases: Bases
    wanted: Wanted
    checks: Checks
    names: Names = field(default_factory=Names)
    arguments: dict[str, str] = field(default_factory=dict)
    missing: dict[tuple[str, str], NeededBase] = field(default_factory=dict)

    def run(self) -> Stages:
        build = platforms.host()
        given = self.options.build_args
        start = default_arguments(build, self.wanted.platform, given)
        self.checks.default_arguments(self.dockerfile, start)
        self.arguments = global_arguments(self.dockerfile, start, given)
        for stage in self.dockerfile.stages:
            self._add_stage(stage)
        target = self._target()
        self._connect()
        reachable = self._resolve_images(target)
        return Stages(
            nodes=self.names.nodes,
            target=target,
            platform=self.wanted.platform,
            explicit=self.wanted.explicit,
            arguments=self.arguments,
            missing=list(self.missing.values()),
            reachable=reachable,
        )

    # Stages

    def _add_stage(self, stage: Stage) -> None:
        start = stage.start
        with placed(self.dockerfile, start.lines):
            expander = Expander(self.arguments, self.dockerfile.escape)
            base_name = expander.word(start.base)
            self.checks.undefined_in_from(self.dockerfile, start, expander, self.arguments)
            if not base_name:
                raise DockerfileError(f"base name ({start.base}) should not be blank")
            platform = self._stage_platform(stage)
            node = StageNode(base_name, start.lines, stage, stage.name or f"stage-{stage.index}", platform)
            if stage.name:
                contexts = self.options.contexts
                node.context = find_context(contexts, stage.name, platform or self.wanted.platform)
            self.names.add(node)

    def _stage_platform(self, stage: Stage) -> Platform | None:
        start = stage.start
        if not start.platform:
            return None
        expander = Expander(self.arguments, self.dockerfile.escape)
        with placed(self.dockerfile, start.lines, "failed to process arguments for platform : "):
            text = expander.word(start.platform)
        self.checks.platform_of_from(self.dockerfile, start, text, expander, self.arguments)
        if not text:
            hint = self.checks.suggestion(expander.unmatched, self.arguments)
            raise DockerfileError(f"empty platform value from expression {start.platform}{hint}")
        hint = self.checks.suggestion(expander.unmatched, self.arguments)
        with placed(self.dockerfile, start.lines, f"failed to parse platform {start.platform}{hint}: "):
            return platforms.normalize(platforms.parse(text))

    def _target(self) -> StageNode:
        wanted = self.options.target
        if not wanted:
            return self.names.nodes[-1]
        found = self.names.find(wanted)
        if found is None:
            hint = self.checks.suggestion({wanted}, self.names.shown)
            raise DockerfileError(f'target stage "{wanted}" could not be found{hint}')
        return found

    def _connect(self) -> None:
        for node in list(self.names.nodes):
            if node.context is None and node.stage is not None:
                node.commands = [self._command(node, one) for one in node.stage.instructions]
        cycle = find_cycle(self.names.nodes)
        if cycle is not None:
            node, instructions = cycle
            place = self.dockerfile.place(instructions[-1].lines)
            raise DockerfileError(f"circular dependency detected on stage: {node.shown}", place=place)
        if len(self.names.nodes) == 1:
            self.names.nodes[0].shown = ""

    def _command(self, node: StageNode, instruction: Instruction, trigger: bool = False) -> Command:
        command = Command(instruction, trigger=trigger)
        if isinstance(instruction, Copy) and instruction.from_:
            with placed(self.dockerfile, instruction.lines):
                command.sources = [self._copied_from(instruction.from_, instruction.lines)]
        elif isinstance(instruction, Run):
            command.sources = [
                self._source(mount_source(flag) or SCRATCH_NAME, instruction.lines)
                for flag in instruction.mount_flags
            ]
        node.dependencies += [(source, instruction) for source in command.sources if source is not None]
        return command

    def _copied_from(self, name: str, lines: Lines) -> StageNode:
        expander = Expander({}, self.dockerfile.escape)
        if expander.word(name) != name:
            raise DockerfileError(
                "variable expansion is not supported for --from, define a new stage with FROM using ARG "
                "from global scope as a workaround"
            )
        if not (name.isascii() and name.lstrip("+-").isdigit()):
            return self._source(name, lines)
        index = int(name)
        if not 0 <= index < len(self.names.nodes):
            raise DockerfileError(f"invalid stage index {index}")
        return self.names.nodes[index]

    def _source(self, name: str, lines: Lines) -> StageNode:
        found = self.names.find(name)
        if found is None:
            found = StageNode(name, lines)
            self.names.add(found)
        return found

    # Images

    def _resolve_images(self, target: StageNode) -> list[StageNode]:
        everything = self.options.call == "check" and not self.options.target
        while True:
            reachable = list(self.names.nodes) if everything else reachable_from(target)
            for node in reachable:
                if node.base is None and node.image is None and not node.is_scratch:
                    with placed(self.dockerfile, node.lines):
                        self._resolve_image(node)
            if not self._run_triggers(reachable):
                return reachable

    def _run_triggers(self, reachable: list[StageNode]) -> bool:
        """Put the triggers of what stages stand on before their instructions; whether there are new needs."""
        more = False
        for node in reachable:
            known = node.base is not None or node.image is not None
            if node.triggered or not known or node.stage is None:
                continue
            node.triggered = True
            triggers = node.onbuild
            with placed(self.dockerfile, node.lines):
                commands = [self._trigger(node, text) for text in triggers]
            more = more or any(command.sources for command in commands)
            node.commands = commands + node.commands
        return more

    def _trigger(self, node: StageNode, text: str) -> Command:
        instruction = parse_trigger(text)
        if isinstance(instruction, Onbuild):
            raise DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
        return self._command(node, replace(instruction, lines=node.lines), trigger=True)

    def _resolve_image(self, node: StageNode) -> None:
        platform = node.platform or self.wanted.platform
        if node.context is not None:
            self._resolve_context(node, node.context, platform)
            return
        try:
            reference = references.parse(node.base_name).with_default_tag()
        except Invalid as error:
            raise DockerfileError(f'failed to parse stage name "{node.base_name}": {error}') from None
        node.reference = str(reference)
        node.base_context = find_context(self.options.contexts, node.reference, platform)
        if node.base_context is not None:
            self._resolve_context(node, node.base_context, platform)
            return
        prefix = f"[{platform} internal]" if self.wanted.several else "[internal]"
        known = [*self.names.shown, *_COMMON_IMAGES, *(f"{name}:latest" for name in _COMMON_IMAGES)]
        needed = NeededBase(
            source=f"docker-image://{node.reference}",
            platform=str(platform),
            vertex=f"{prefix} load metadata for {node.reference}",
            written=node.base_name,
            lines=node.lines,
            suggestions=tuple(filter(None, [suggest(node.base_name, known)])),
        )
        self._look_up(node, needed)

    def _resolve_context(self, node: StageNode, context: NamedContext, platform: Platform) -> None:
        if context.is_scratch or not (context.is_image or context.is_result):
            return
        needed = NeededBase(
            source=context.source,
            platform=str(platform),
            vertex=f"[context {context.key}] load metadata for {context.shown}",
            written=context.shown,
            lines=node.lines,
        )
        self._look_up(node, needed)

    def _look_up(self, node: StageNode, needed: NeededBase) -> None:
        node.image = self.bases.get(needed.key)
        if node.image is None:
            self.missing.setdefault(needed.key, needed)


def mount_source(flag: str) -> str:
    """The `from` of a mount that is not parsed yet, since its variables are not known."""
    fields = next(csv.reader([flag]), [])
    found = ""
    for text in fields:
        key, _, value = text.partition("=")
        if key.lower() == "from":
            found = value
    return found
