"""RUN: what is executed, with which files beside it. Pure."""

import posixpath

from sampan.builder.dockerfile import instructions as df
from sampan.builder.dockerfile.expand import Expander
from sampan.builder.dockerfile.mounts import Mount
from sampan.builder.errors import DockerfileError
from sampan.builder.plan.graph import SCRATCH, Files, Run, RunMount, WriteFile
from sampan.builder.plan.metadata import capitals
from sampan.builder.plan.paths import joined
from sampan.builder.plan.stages import SCRATCH_NAME, Command
from sampan.builder.plan.state import StageState

PIPES = "/dev/pipes/"
AGENT = "/run/buildkit/ssh_agent"


def run(state: StageState, instruction: df.Run, command: Command) -> None:
    inputs: list[int] = [state.root]
    mounts: list[RunMount] = []
    args, shown = _arguments(state, instruction, inputs, mounts)
    if instruction.shell:
        args = (*state.shell, " ".join(args))
    _add_mounts(state, instruction, command, inputs, mounts)
    options = state.shared.options
    env = dict(state.env)
    agent = next((mount for mount in mounts if mount.type == "ssh"), None)
    if agent is not None:
        env.setdefault("SSH_AUTH_SOCK", agent.target)
    network = instruction.network
    if network == "default" and options.network in ("host", "none"):
        network = options.network
    for device, required in instruction.devices:
        if required:  # there are no devices of CDI here; what is not required may be missing
            raise DockerfileError(f"required CDI devices are not available: {device}")
    if network == "host" and options.network != "host":
        _entitled(state, "network.host")
    if instruction.security == "insecure":
        _entitled(state, "security.insecure")
    operation = Run(
        args=args,
        env=tuple(f"{name}={value}" for name, value in env.items()),
        cwd=state.workdir,
        user=state.user,
        mounts=tuple(mounts),
        network=network,  # type: ignore[arg-type]
        insecure=instruction.security == "insecure",
        proxy=state.shared.proxy,
        hostname=options.build_args.get("BUILDKIT_SANDBOX_HOSTNAME", ""),
    )
    created_by = f"RUN {_history(state, args)} # buildkit"
    name = state.title(capitals(_displayed(state, instruction, shown)))
    step = state.add_step(operation, tuple(inputs), name, instruction)
    state.record(created_by, step)


def _entitled(state: StageState, what: str) -> None:
    """Raises DockerfileError unless the client has allowed it."""
    if what not in state.shared.options.entitlements:
        raise DockerfileError(f"failed to load LLB: {what} is not allowed")


def _arguments(
    state: StageState, instruction: df.Run, inputs: list[int], mounts: list[RunMount]
) -> tuple[tuple[str, ...], str]:
    """The arguments, before a shell takes them, and the line that progress shows.

    A command that is nothing but one heredoc is a script: given to the shell as it is, or executed as a file
    when it begins with "#!". Other heredocs are the shell's affair.
    """
    heredocs = instruction.heredocs
    if not heredocs:
        return instruction.args, instruction.text
    if len(instruction.args) != 1 or not instruction.shell:
        raise DockerfileError(f"parsing produced an invalid run command: {list(instruction.args)}")
    first = heredocs[0]
    if not is_heredoc_word(instruction.args[0]):
        parts = [instruction.args[0]]
        parts += [f"\n{one.content}{one.name}" for one in heredocs]
        return ("".join(parts),), instruction.text
    shown = f"{instruction.text} ({_summary(first.content)})"
    script = first.text()
    if not script.startswith("#!"):
        return (script,), shown
    mounts.append(RunMount(type="bind", target=PIPES, input=len(inputs), read_only=True))
    inputs.append(_script(state, first.name, script))
    return (posixpath.join(PIPES, first.name),), shown


def is_heredoc_word(text: str) -> bool:
    """Whether the command is one heredoc and nothing else."""
    import re

    return re.fullmatch(r"\d*<<-?\s*([^<\s]+)", text) is not None


def _summary(content: str) -> str:
    lines = content.strip().replace("\r\n", "\n").split("\n")
    return lines[0] + ("..." if len(lines) > 1 else "")


def _script(state: StageState, name: str, script: str) -> int:
    file = WriteFile(dest="/", name=name, data=encoded(script), chmod="0755")
    return state.shared.steps.add(
        Files(actions=(file,)),
        (SCRATCH,),
        "[internal] preparing inline document",
        platform=str(state.platform),
    )


def encoded(text: str) -> bytes:
    """Bytes that were no UTF-8 come through a Dockerfile unchanged."""
    return text.encode("utf-8", "surrogateescape")


def _displayed(state: StageState, instruction: df.Run, shown: str) -> str:
    hidden = {mount.env: "****" for mount in instruction.mounts if mount.type == "secret" and mount.env}
    expander = Expander({**state.env, **hidden}, state.shared.dockerfile.escape)
    try:
        return expander.display(shown)
    except DockerfileError:
        return shown


def _history(state: StageState, args: tuple[str, ...]) -> str:
    """The arguments after those that ARG declared, as `docker history` has them: "|1 A=1 /bin/sh -c make"."""
    declared = [f"{name}={state.env.get(name, value or '')}" for name, value in state.arguments]
    count = [f"|{len(declared)}"] if declared else []
    return " ".join([*count, *declared, *args])


# Mounts


def _add_mounts(
    state: StageState, instruction: df.Run, command: Command, inputs: list[int], mounts: list[RunMount]
) -> None:
    agents = 0
    for number, mount in enumerate(instruction.mounts):
        source = command.sources[number] if number < len(command.sources) else None
        if mount.type == "secret":
            mounts.append(_secret(mount))
        elif mount.type == "ssh":
            mounts.append(_agent(mount, agents))
            agents += 1
        elif mount.type == "tmpfs":
            mounts.append(RunMount(type="tmpfs", target=_target(state, mount), size=mount.size))
        else:
            step = _mounted(state, mount, source)
            index = None
            if step != SCRATCH or mount.type == "bind":
                index = len(inputs)
                inputs.append(step)
            mounts.append(_directory(state, mount, index))


def _mounted(state: StageState, mount: Mount, source: object) -> int:
    """The step whose files are mounted."""
    shared = state.shared
    if not mount.from_ and mount.type == "bind":
        step = shared.context()
    elif not mount.from_ or mount.from_ == SCRATCH_NAME:
        return SCRATCH
    else:
        found = shared.states.get(source)  # type: ignore[call-overload]
        if found is None:
            raise DockerfileError(
                f'cannot mount from stage "{mount.from_}" to "{mount.target}", stage needs to be defined '
                "before current command"
            )
        step = int(found.root)
    shared.steps.uses(step, joined("/", mount.source))
    return step


def _target(state: StageState, mount: Mount) -> str:
    target = joined(state.workdir, mount.target)
    if target == "/":
        raise DockerfileError('invalid mount target "/"')
    return target


def _directory(state: StageState, mount: Mount, index: int | None) -> RunMount:
    id = ""
    if mount.type == "cache":
        id = mount.id or posixpath.normpath(mount.target)
        namespace = state.shared.options.build_args.get("BUILDKIT_CACHE_MOUNT_NS", "")
        id = f"{namespace}/{id}" if namespace else id
    return RunMount(
        type="cache" if mount.type == "cache" else "bind",
        target=_target(state, mount),
        input=index,
        source=joined("/", mount.source),
        read_only=mount.read_only,
        id=id,
        sharing=mount.sharing or "shared",  # type: ignore[arg-type]
        mode=mount.mode,
        uid=mount.uid or 0,
        gid=mount.gid or 0,
    )


def _secret(mount: Mount) -> RunMount:
    id = mount.source or mount.id
    if not id:
        if not mount.target:
            raise DockerfileError("one of source, target required")
        id = posixpath.basename(mount.target.rstrip("/"))
    target = mount.target
    if not target and mount.env is None:
        target = "/run/secrets/" + posixpath.basename(id.rstrip("/"))
    return RunMount(
        type="secret",
        target=joined("/", target) if target else "",
        read_only=True,
        id=id,
        required=mount.required,
        mode=0o400 if mount.mode is None else mount.mode,
        uid=mount.uid or 0,
        gid=mount.gid or 0,
        env=mount.env or "",
    )


def _agent(mount: Mount, number: int) -> RunMount:
    if mount.source:
        raise DockerfileError("ssh does not support source")
    return RunMount(
        type="ssh",
        target=joined("/", mount.target) if mount.target else f"{AGENT}.{number}",
        id=mount.id or "default",
        required=mount.required,
        mode=0o600 if mount.mode is None else mount.mode,
        uid=mount.uid or 0,
        gid=mount.gid or 0,
    )
