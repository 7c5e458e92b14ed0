"""Instructions that change no files but WORKDIR: what they do to the image's config, and their history."""

from sampan.builder.dockerfile import instructions as df
from sampan.builder.dockerfile.expand import Expander
from sampan.builder.errors import DockerfileError
from sampan.builder.plan.arguments import NOT_IN_ENVIRONMENT
from sampan.builder.plan.graph import Files, MakeDirectory
from sampan.builder.plan.paths import joined
from sampan.builder.plan.ports import parse_ports
from sampan.builder.plan.state import StageState
from sampan.specs.docker import signals
from sampan.specs.golang.duration import format_duration
from sampan.specs.golang.quote import plain_list, quote, quote_list, quote_rune


def check_variables(state: StageState, instruction: df.Instruction, expander: Expander) -> None:
    declared = [name for name, _ in state.arguments]
    state.shared.checks.undefined(instruction, expander, declared, state.env)


def env(state: StageState, instruction: df.Env) -> None:
    state.shared.checks.pairs(instruction, "ENV", instruction.pairs)
    for pair in instruction.pairs:
        state.env[pair.key] = pair.value
        set_variable(state.config.setdefault("Env", []), pair.key, pair.value)
    state.record("ENV " + " ".join(f"{pair.key}={pair.value}" for pair in instruction.pairs))


def set_variable(variables: list[str], key: str, value: str) -> None:
    """Replace it where it is, or append it."""
    for index, old in enumerate(variables):
        if old.partition("=")[0] == key:
            variables[index] = f"{key}={value}"
            return
    variables.append(f"{key}={value}")


def label(state: StageState, instruction: df.Label) -> None:
    state.shared.checks.pairs(instruction, "LABEL", instruction.pairs)
    labels = state.config.setdefault("Labels", {})
    for pair in instruction.pairs:
        labels[pair.key] = pair.value
    state.record("LABEL " + " ".join(f"{pair.key}={pair.value}" for pair in instruction.pairs))


def maintainer(state: StageState, instruction: df.Maintainer) -> None:
    state.document["author"] = instruction.name
    state.record(f"MAINTAINER {instruction.name}")


def _command(state: StageState, instruction: df.Cmd | df.Entrypoint, name: str) -> list[str]:
    _once(state, instruction, name)
    if not instruction.shell:
        return list(instruction.args)
    if not state.config.get("Shell"):
        state.shared.checks.json_recommended(instruction, name)
    return [*state.shell, " ".join(instruction.args)]


def _once(state: StageState, instruction: df.Cmd | df.Entrypoint | df.Healthcheck, name: str) -> None:
    before = state.used_once.get(name)
    if before is not None:
        state.shared.checks.repeated(before, instruction, name)
    state.used_once[name] = instruction.lines


def cmd(state: StageState, instruction: df.Cmd) -> None:
    args = _command(state, instruction, "CMD")
    state.config["Cmd"] = args
    state.config["ArgsEscaped"] = True
    state.record(f"CMD {quote_list(args)}")


def entrypoint(state: StageState, instruction: df.Entrypoint) -> None:
    args = _command(state, instruction, "ENTRYPOINT")
    state.config["Entrypoint"] = args
    if "CMD" not in state.used_once:
        state.config["Cmd"] = []  # an inherited one belongs to the entrypoint it came with
    state.record(f"ENTRYPOINT {quote_list(args)}")


def healthcheck(state: StageState, instruction: df.Healthcheck) -> None:
    _once(state, instruction, "HEALTHCHECK")
    times = {
        "Interval": instruction.interval,
        "Timeout": instruction.timeout,
        "StartPeriod": instruction.start_period,
        "StartInterval": instruction.start_interval,
    }
    check: dict[str, object] = {"Test": list(instruction.test)}
    check |= {name: value for name, value in times.items() if value}
    if instruction.retries:
        check["Retries"] = instruction.retries
    state.config["Healthcheck"] = check
    shown = " ".join(quote(format_duration(value)) for value in times.values())
    test, retries = quote_list(instruction.test), quote_rune(instruction.retries)
    state.record(f"HEALTHCHECK &{{{test} {shown} {retries}}}")


def expose(state: StageState, instruction: df.Expose) -> None:
    expander = Expander(state.env, state.shared.dockerfile.escape)
    words = [word for port in instruction.ports for word in expander.words(port)]
    check_variables(state, instruction, expander)
    found = parse_ports(words)
    for word in words:
        state.shared.checks.port(instruction, word)
    ports = state.config.setdefault("ExposedPorts", {})
    for port in found:
        ports[port] = {}
    state.record(f"EXPOSE map[{' '.join(f'{port}:{{}}' for port in sorted(set(found)))}]")


def volume(state: StageState, instruction: df.Volume) -> None:
    volumes = state.config.setdefault("Volumes", {})
    for path in instruction.paths:
        if not path:
            raise DockerfileError("VOLUME specified can not be an empty string")
        volumes[path] = {}
    state.record(f"VOLUME {plain_list(instruction.paths)}")


def user(state: StageState, instruction: df.User) -> None:
    state.config["User"] = instruction.user
    state.record(f"USER {instruction.user}")


def stop_signal(state: StageState, instruction: df.StopSignal) -> None:
    signals.parse(instruction.signal)
    state.config["StopSignal"] = instruction.signal
    state.record(f"STOPSIGNAL {instruction.signal}")


def shell(state: StageState, instruction: df.Shell) -> None:
    state.config["Shell"] = list(instruction.args)
    state.record(f"SHELL {plain_list(instruction.args)}")


def onbuild(state: StageState, instruction: df.Onbuild) -> None:
    state.config.setdefault("OnBuild", []).append(instruction.expression)


def workdir(state: StageState, instruction: df.Workdir) -> None:
    if not state.workdir_set and not instruction.path.startswith("/"):
        state.shared.checks.relative_workdir(instruction)
    state.workdir_set = True
    path = joined(str(state.config.get("WorkingDir") or ""), instruction.path)
    state.config["WorkingDir"] = state.workdir = path
    step = None
    if path != "/":
        name = state.title(named(state, instruction))
        operation = Files(actions=(MakeDirectory(path=path, owner=state.user),))
        step = state.add_step(operation, (state.root,), name, instruction)
    state.record(f"WORKDIR {path}", step)


def named(state: StageState, instruction: df.Instruction) -> str:
    """The line as progress shows it: its variables replaced if that works."""
    expander = Expander(state.env, state.shared.dockerfile.escape)
    try:
        return capitals(expander.word(instruction.text))
    except DockerfileError:
        return capitals(instruction.text)


def capitals(text: str) -> str:
    keyword, blank, rest = text.partition(" ")
    return keyword.upper() + blank + rest


def arg(state: StageState, instruction: df.Arg) -> None:
    """History shows what is written; a stage sees what was given, the default, or the global value."""
    given = state.shared.options.build_args
    shown: list[str] = []
    for one in instruction.args:
        state.shared.checks.secret_key(instruction, "ARG", one.key)
        default = _default(state, instruction, one, one.key in given)
        shown.append(one.key if default is None else f"{one.key}={default}")
        value = given.get(one.key, default)
        if value is None:
            value = state.shared.stages.arguments.get(one.key)
        if value is not None and one.key not in NOT_IN_ENVIRONMENT:
            state.env[one.key] = value
        state.arguments.append((one.key, value))
    state.record(f"ARG {' '.join(shown)}")


def _default(state: StageState, instruction: df.Arg, one: df.ArgValue, replaced: bool) -> str | None:
    if one.value is None:
        return None
    expander = Expander(state.env, state.shared.dockerfile.escape)
    try:
        value = expander.word(one.value)
    except DockerfileError:
        if replaced:
            return one.value  # nobody needs it
        raise
    check_variables(state, instruction, expander)
    return value
