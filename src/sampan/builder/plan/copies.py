"""COPY and ADD: what is taken from where, and where it goes. Pure."""

import posixpath
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from sampan.builder.dockerfile import instructions as df
from sampan.builder.errors import DockerfileError
from sampan.builder.plan.graph import Action, Copy, Files, GitSource, HttpSource, WriteFile
from sampan.builder.plan.metadata import named
from sampan.builder.plan.paths import destination, has_wildcards, joined
from sampan.builder.plan.runs import encoded
from sampan.builder.plan.stages import Command
from sampan.builder.plan.state import StageState
from sampan.builder.sources import git_urls
from sampan.builder.sources.git_urls import GitUrl
from sampan.specs.oci.digest import parse as parse_digest

# chmod(1): u=rwx,go+r and the like.
_SYMBOLIC = re.compile(r"[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*")


@dataclass
class _Draft:
    """One instruction on its way to a step. `inputs` begins with the file system that is changed."""

    state: StageState
    instruction: df.Copy | df.Add
    dest: str
    title: str
    from_step: int | None  # a stage's; None: the context
    inputs: list[int]
    actions: list[Action] = field(default_factory=list)

    @property
    def is_add(self) -> bool:
        return isinstance(self.instruction, df.Add)

    def input(self, step: int) -> int:
        if step not in self.inputs[1:]:
            self.inputs.append(step)
        return self.inputs.index(step, 1)


def copy(state: StageState, instruction: df.Copy, command: Command) -> None:
    from_step = None
    if command.sources:
        source = command.sources[0]
        found = state.shared.states.get(source) if source is not None else None
        if found is None:
            raise DockerfileError(
                f'cannot copy from stage "{instruction.from_}", it needs to be defined before current stage '
                f'"{state.node.shown}"'
            )
        from_step = found.root
    _files(state, instruction, from_step)


def add(state: StageState, instruction: df.Add) -> None:
    _files(state, instruction, None)


def _files(state: StageState, instruction: df.Copy | df.Add, from_step: int | None) -> None:
    _check_mode(instruction.chmod)
    if isinstance(instruction, df.Add) and instruction.checksum:
        _check_checksum(instruction)
    draft = _Draft(
        state=state,
        instruction=instruction,
        dest=destination(state.workdir, instruction.dest),
        title=state.title(named(state, instruction)),
        from_step=from_step,
        inputs=[state.root],
    )
    for source in instruction.sources:
        _add_source(draft, source)
    for file in instruction.inline:
        draft.actions.append(
            WriteFile(
                dest=draft.dest,
                name=posixpath.basename(file.name),
                data=encoded(file.data),
                chown=instruction.chown,
                chmod=instruction.chmod,
            )
        )
    # --link makes no difference, as with docker's own storage: layers are copied onto what is there.
    operation = Files(actions=tuple(draft.actions))
    step = state.add_step(operation, tuple(draft.inputs), draft.title, instruction)
    state.record(f"{_history(instruction)} # buildkit", step)


def _history(instruction: df.Copy | df.Add) -> str:
    words = ["ADD" if isinstance(instruction, df.Add) else "COPY"]
    if isinstance(instruction, df.Copy) and instruction.parents:
        words.append("--parents")
    if instruction.chown:
        words.append(f"--chown={instruction.chown}")
    if instruction.chmod:
        words.append(f"--chmod={instruction.chmod}")
    words += instruction.sources
    words += [f"<<{file.name}" for file in instruction.inline]
    return " ".join([*words, instruction.dest])


def _check_mode(text: str) -> None:
    if not text:
        return
    if text.isascii() and text.isdigit():
        if set(text) <= set("01234567") and int(text, 8) <= 0o7777:
            return
    elif _SYMBOLIC.fullmatch(text):
        return
    raise DockerfileError(
        f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
    )


def _check_checksum(instruction: df.Add) -> None:
    if len(instruction.sources) != 1:
        raise DockerfileError("checksum can't be specified for multiple sources")
    if not (is_http(instruction.sources[0]) or git_urls.is_git(instruction.sources[0])):
        raise DockerfileError("checksum requires HTTP(S) or Git sources")


def is_http(source: str) -> bool:
    return source.startswith(("http://", "https://")) and not git_urls.is_git(source)


def _add_source(draft: _Draft, source: str) -> None:
    repository = git_urls.parse(source) if git_urls.is_git(source) else None
    if repository is not None:
        _add_git(draft, source, repository)
    elif is_http(source):
        _add_download(draft, source)
    else:
        _add_local(draft, source)


def _add_git(draft: _Draft, source: str, repository: GitUrl) -> None:
    instruction = draft.instruction
    if not isinstance(instruction, df.Add):
        raise DockerfileError("source can't be a git ref for COPY")
    flag, query = instruction.keep_git_dir, repository.keep_git_dir
    if flag is not None and query is not None and flag != query:
        raise DockerfileError("inconsistent keep-git-dir configuration")
    checksum = instruction.checksum
    if checksum and repository.checksum and checksum != repository.checksum:
        raise DockerfileError(f'checksum mismatch "{checksum}" != "{repository.checksum}"')
    operation = GitSource(
        url=source, keep_git_dir=bool(flag or query), checksum=checksum or repository.checksum
    )
    step = _source_step(draft, operation)
    draft.actions.append(
        Copy(
            input=draft.input(step),
            sources=("/",),
            dest=draft.dest,
            chown=instruction.chown,
            chmod=instruction.chmod,
            exclude=instruction.exclude,
        )
    )


def _add_download(draft: _Draft, source: str) -> None:
    instruction = draft.instruction
    if not isinstance(instruction, df.Add):
        raise DockerfileError("source can't be a URL for COPY")
    try:
        path = unquote(urlsplit(source).path)
    except ValueError:
        path = ""
    # As BuildKit calls what has no name; `ADD http://host/ /x` makes the file /x.
    name = posixpath.basename(posixpath.normpath(path)) if path.strip("/") else "__unnamed__"
    checksum = parse_digest(instruction.checksum) if instruction.checksum else ""
    step = _source_step(draft, HttpSource(url=source, filename=name, checksum=checksum))
    draft.actions.append(
        Copy(
            input=draft.input(step),
            sources=(f"/{name}",),
            dest=draft.dest,
            chown=instruction.chown,
            chmod=instruction.chmod,
            exclude=instruction.exclude,
            unpack=bool(instruction.unpack),
            file_name=name,
        )
    )


def _source_step(draft: _Draft, operation: GitSource | HttpSource) -> int:
    return draft.state.shared.steps.add(
        operation,
        (),
        draft.title,
        stage=draft.state.node.shown,
        instruction=draft.instruction.text,
        lines=draft.instruction.lines,
        no_cache=draft.state.no_cache,
    )


def _add_local(draft: _Draft, source: str) -> None:
    instruction = draft.instruction
    shared = draft.state.shared
    if draft.from_step is None:
        step = shared.context()
        shared.checks.ignored_source(instruction, source)
    else:
        step = draft.from_step
    parents = isinstance(instruction, df.Copy) and instruction.parents
    unpack = draft.is_add
    if isinstance(instruction, df.Add) and instruction.unpack is not None:
        unpack = instruction.unpack
    cleaned = _cleaned(source, parents)
    shared.steps.uses(step, joined("/", cleaned.replace("/./", "/")))
    draft.actions.append(
        Copy(
            input=draft.input(step),
            sources=(cleaned,),
            dest=draft.dest,
            chown=instruction.chown,
            chmod=instruction.chmod,
            exclude=instruction.exclude,
            parents=parents,
            unpack=unpack,
            required=not has_wildcards(cleaned),
        )
    )


def _cleaned(source: str, parents: bool) -> str:
    """Absolute in its tree; with --parents, "/./" says where the names that are kept begin."""
    if not parents:
        return joined("/", source)
    above, pivot, below = source.partition("/./")
    if not pivot:
        return joined("/", source)
    return joined("/", above).rstrip("/") + "/." + joined("/", below)
