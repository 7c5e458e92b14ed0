"""From a Dockerfile, what was asked for and the images it stands on to a graph of steps. Pure."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any, cast

from sampan.builder.dockerfile import instructions as df
from sampan.builder.dockerfile.expand import Expander
from sampan.builder.dockerfile.instructions import Dockerfile
from sampan.builder.dockerfile.lint.linter import Linter
from sampan.builder.errors import DockerfileError
from sampan.builder.options import BuildOptions
from sampan.builder.plan import copies, metadata, runs
from sampan.builder.plan.arguments import epoch_argument, proxy_variables
from sampan.builder.plan.bases import Base, Bases
from sampan.builder.plan.checks import Checks
from sampan.builder.plan.configs import (
    created_seconds,
    final_config,
    final_document,
    inherited_config,
    inherited_document,
)
from sampan.builder.plan.graph import SCRATCH, ImageSource, Lineage, Plan, ResultSource, Target
from sampan.builder.plan.locations import placed
from sampan.builder.plan.namedcontexts import NamedContext
from sampan.builder.plan.paths import joined
from sampan.builder.plan.resolve import Wanted, resolve, wanted_platforms
from sampan.builder.plan.stages import Command, StageNode, Stages
from sampan.builder.plan.state import DEFAULT_PATH, Shared, StageState, StepList
from sampan.specs.oci.platform import Platform

Handler = Callable[[StageState, Any], None]

_HANDLERS: dict[type[df.Instruction], Handler] = {
    df.Env: metadata.env,
    df.Label: metadata.label,
    df.Maintainer: metadata.maintainer,
    df.Cmd: metadata.cmd,
    df.Entrypoint: metadata.entrypoint,
    df.Healthcheck: metadata.healthcheck,
    df.Expose: metadata.expose,
    df.Volume: metadata.volume,
    df.User: metadata.user,
    df.StopSignal: metadata.stop_signal,
    df.Shell: metadata.shell,
    df.Onbuild: metadata.onbuild,
    df.Workdir: metadata.workdir,
    df.Arg: metadata.arg,
    df.Add: copies.add,
}
_COUNTED = (df.Run, df.Copy, df.Add, df.Workdir)


def plan(
    dockerfile: Dockerfile,
    options: BuildOptions,
    bases: Bases,
    linter: Linter | None = None,
    ignore: Sequence[str] = (),
) -> Plan:
    """Steps and one Target for each platform. Raises DockerfileError with the place.

    Contexts are LocalSource steps: "context" is options.context, whatever that is; other names are keys of
    options.contexts. What lint rules find goes to `linter`; one of them needs the patterns of .dockerignore.
    """
    checks = Checks(linter or Linter(), ignore)
    steps = StepList()
    targets: list[Target] = []
    states: list[StageState] = []
    for wanted in wanted_platforms(options):
        targets.append(_plan_platform(dockerfile, options, bases, wanted, checks, steps, states))
    failure = checks.linter.failure()
    if failure:
        raise DockerfileError(failure)
    ordered, numbers = steps.finished([target.step for target in targets])
    return Plan(
        steps=tuple(ordered),
        targets=tuple(_renumbered(target, numbers) for target in targets),
        lineages=tuple(_lineage(state, numbers) for state in states),
    )


def _renumbered(target: Target, numbers: dict[int, int]) -> Target:
    history = tuple(
        entry if entry.step is None else replace(entry, step=numbers[entry.step]) for entry in target.history
    )
    return replace(target, step=numbers[target.step], history=history)


def _lineage(state: StageState, numbers: dict[int, int]) -> Lineage:
    needed = takewhile(lambda entry: entry.step is None or entry.step in numbers, state.history)
    history = (entry if entry.step is None else replace(entry, step=numbers[entry.step]) for entry in needed)
    return Lineage(base_history=state.base_history, history=tuple(history))


def _plan_platform(
    dockerfile: Dockerfile,
    options: BuildOptions,
    bases: Bases,
    wanted: Wanted,
    checks: Checks,
    steps: StepList,
    states: list[StageState],
) -> Target:
    stages = resolve(dockerfile, options, bases, wanted, checks)
    if stages.missing:
        raise DockerfileError(f"{stages.missing[0].written}: not resolved")
    shared = Shared(
        dockerfile=dockerfile,
        options=options,
        stages=stages,
        steps=steps,
        checks=checks,
        proxy=proxy_variables(options.build_args),
        epoch=_epoch(options, stages),
        several=wanted.several,
    )
    wanted_nodes = set(stages.reachable)
    nodes = [node for node in stages.nodes if node in wanted_nodes]
    # Images that are only copied from, and contexts in the place of a stage, are there before any stage.
    for node in nodes:
        if node.stage is None or node.context is not None:
            shared.states[node] = _start(shared, node)
    for node in nodes:
        if node not in shared.states:
            state = _start(shared, node)
            for command in node.commands:
                with placed(dockerfile, command.instruction.lines):
                    _dispatch(state, command)
            shared.states[node] = state
            states.append(state)
    return _target(shared, shared.states[stages.target], wanted)


def _epoch(options: BuildOptions, stages: Stages) -> int | None:
    if options.source_date_epoch is not None:
        return options.source_date_epoch
    return epoch_argument(options.build_args, stages.arguments)


# A stage's beginning


def _start(shared: Shared, node: StageNode) -> StageState:
    if node.base is not None:
        state = _on_stage(shared, node, shared.states[node.base])
    else:
        state = StageState(
            shared, node, node.platform or shared.stages.platform, shared.epoch or 0, total=_total(node)
        )
        _on_image(shared, node, state)
    variables = state.config.setdefault("Env", [])
    if not any(text.partition("=")[0] == "PATH" for text in variables) and state.platform.os != "windows":
        variables.append(f"PATH={DEFAULT_PATH}")
    for text in variables:
        name, _, value = text.partition("=")
        state.env[name] = value
    if state.config.get("WorkingDir"):
        state.config["WorkingDir"] = state.workdir = joined("", state.config["WorkingDir"])
    return state


def _total(node: StageNode) -> int:
    if node.stage is None or node.context is not None:
        return 0
    total = 0 if node.base is not None or node.is_scratch else 1
    return total + sum(isinstance(command.instruction, _COUNTED) for command in node.commands)


def _on_stage(shared: Shared, node: StageNode, base: StageState) -> StageState:
    """What another stage has come to, ARG values included."""
    return replace(
        base,
        node=node,
        config=inherited_config(base.config),
        document=copy.deepcopy(base.document),
        history=list(base.history),
        env=dict(base.env),
        arguments=list(base.arguments),
        used_once={},
        index=0,
        total=_total(node),
        trigger=False,
    )


def _on_image(shared: Shared, node: StageNode, state: StageState) -> None:
    context = node.context or node.base_context
    if node.image is not None:
        _take_over(state, node.image, shared.epoch)
    else:
        platform = state.platform
        state.document = {
            "architecture": platform.architecture,
            "os": platform.os,
            "variant": platform.variant,
        }
        state.config = {"WorkingDir": "/"} if context is None or context.is_scratch else {}
    if context is not None:
        _on_context(shared, state, context, node.image)
    elif node.image is not None and node.image.config.get("rootfs", {}).get("diff_ids"):
        name = f"FROM {node.image.reference or node.reference}"
        _on_layers(shared, state, node.image, state.title(name) if node.stage else name)
        found = Platform(str(state.document.get("os", "")), str(state.document.get("architecture", "")))
        shared.checks.base_platform(node.base_name, node.lines, state.platform, found)


def _take_over(state: StageState, image: Base, epoch: int | None) -> None:
    document = image.config
    state.config = inherited_config(cast(dict[str, Any], document.get("config") or {}))
    state.document = inherited_document(document)
    state.base_history = tuple(dict(entry) for entry in document.get("history") or ())
    if epoch is None:
        state.epoch = created_seconds(document)


def _on_layers(shared: Shared, state: StageState, image: Base, name: str) -> None:
    state.base = ImageSource(
        reference=image.reference or state.node.reference,
        image_id=image.image_id,
        platform=str(state.platform),
    )
    state.root = shared.steps.add(
        state.base,
        (),
        name,
        stage=state.node.shown,
        instruction=state.node.stage.start.text if state.node.stage else name,
        lines=state.node.lines,
        platform=str(state.platform),
    )


def _on_context(shared: Shared, state: StageState, context: NamedContext, image: Base | None) -> None:
    if context.is_scratch:
        return
    if context.is_result:
        operation = ResultSource(id=context.value.partition(":")[2])
        state.root = shared.steps.add(operation, (), f"[context {context.key}] load result")
    elif image is not None:
        shown = context.shown if context.value.startswith("docker-image:") else "OCI load from client"
        _on_layers(shared, state, image, f"[context {context.key}] {shown}")
    else:
        state.root = shared.steps.local(context.key, f"[context {context.key}] load from client")


# Its instructions


def _dispatch(state: StageState, command: Command) -> None:
    instruction = command.instruction
    state.trigger = command.trigger
    expander = Expander(state.env, state.shared.dockerfile.escape)
    if not isinstance(instruction, df.Arg):
        instruction = instruction.expanded(expander.word)
    if isinstance(instruction, df.Copy | df.Add):
        instruction = instruction.expanded_inline(expander.raw)
    metadata.check_variables(state, instruction, expander)
    if isinstance(instruction, df.Run):
        runs.run(state, instruction, command)
    elif isinstance(instruction, df.Copy):
        copies.copy(state, instruction, command)
    else:
        _HANDLERS[type(instruction)](state, instruction)


# The result


def _target(shared: Shared, state: StageState, wanted: Wanted) -> Target:
    if state.root != SCRATCH:
        shared.steps.uses(state.root, "/")
    config = final_config(state.config, shared.options.labels)
    return Target(
        platform=str(wanted.platform),
        step=state.root,
        base=state.base,
        base_history=state.base_history,
        config=config,  # type: ignore[arg-type]
        history=tuple(state.history),
        document=final_document(state.document, wanted.platform, wanted.explicit),
        epoch=state.epoch,
    )
