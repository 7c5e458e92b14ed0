"""What a Dockerfile says, one type an instruction. Flags and arguments are as written: nothing is expanded.

`expanded(expand)` is the instruction with its variables replaced, where the language replaces them; the
expander is called once for each word.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Self

from sampan.builder.dockerfile.mounts import Mount, parse_mount
from sampan.builder.errors import DockerfileError, Place
from sampan.builder.plan.graph import Lines

Expand = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Heredoc:
    """`<<EOF` and what follows. `chomp`: written `<<-`, leading tabs are not part of it."""

    name: str
    content: str  # with its tabs
    expand: bool = True  # its word was not quoted
    chomp: bool = False
    descriptor: int = 0  # `3<<EOF`

    def text(self) -> str:
        """The content as it is meant: without leading tabs if `chomp`."""
        if not self.chomp:
            return self.content
        return "\n".join(line.lstrip("\t") for line in self.content.split("\n"))


@dataclass(frozen=True, kw_only=True)
class Instruction:
    lines: Lines
    text: str  # on one line, without comments and trailing blanks: history and steps are called so
    keyword: str  # as written
    comments: tuple[str, ...] = ()  # the lines of comment right above, without "#"
    heredocs: tuple[Heredoc, ...] = ()

    def expanded(self, expand: Expand) -> Self:
        """Raises DockerfileError."""
        return self


@dataclass(frozen=True, kw_only=True)
class From(Instruction):
    base: str
    name: str = ""  # lower case; "": it has none
    written_name: str = ""
    as_keyword: str = ""  # "AS" as written
    platform: str = ""
    comment: str = ""  # the description in the comment above: `# name description`


@dataclass(frozen=True, kw_only=True)
class _Command(Instruction):
    """`shell`: one string that the shell gets. Else the exec form."""

    args: tuple[str, ...]
    shell: bool


@dataclass(frozen=True, kw_only=True)
class Run(_Command):
    """A heredoc in the shell form: see `heredocs` and BuildKit's rules in the plan."""

    mount_flags: tuple[str, ...] = ()  # unparsed, since their variables are expanded first
    mounts: tuple[Mount, ...] = ()  # parsed by `expanded`; () before
    network: str = "default"  # default, none, host
    security: str = "sandbox"  # sandbox, insecure
    devices: tuple[tuple[str, bool], ...] = ()  # name, required

    def expanded(self, expand: Expand) -> Self:
        return replace(self, mounts=tuple(parse_mount(text, expand) for text in self.mount_flags))


@dataclass(frozen=True, kw_only=True)
class Cmd(_Command):
    pass


@dataclass(frozen=True, kw_only=True)
class Entrypoint(_Command):
    pass


@dataclass(frozen=True, kw_only=True)
class Pair:
    key: str
    value: str
    legacy: bool = False  # `ENV key value`


@dataclass(frozen=True, kw_only=True)
class _Pairs(Instruction):
    pairs: tuple[Pair, ...]

    def expanded(self, expand: Expand) -> Self:
        return replace(
            self,
            pairs=tuple(
                Pair(key=expand(pair.key), value=expand(pair.value), legacy=pair.legacy)
                for pair in self.pairs
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Env(_Pairs):
    pass


@dataclass(frozen=True, kw_only=True)
class Label(_Pairs):
    pass


@dataclass(frozen=True, kw_only=True)
class Maintainer(Instruction):
    name: str


@dataclass(frozen=True, kw_only=True)
class Expose(Instruction):
    """Each word is expanded to words (`Expander.words`) by the plan, then read by `ports.exposed`."""

    ports: tuple[str, ...]  # sorted


@dataclass(frozen=True, kw_only=True)
class InlineFile:
    """A heredoc that COPY or ADD writes to a file."""

    name: str
    data: str
    expand: bool


@dataclass(frozen=True, kw_only=True)
class _Files(Instruction):
    """`sources` and `inline` each in their order."""

    sources: tuple[str, ...]
    dest: str
    inline: tuple[InlineFile, ...] = ()
    chown: str = ""
    chmod: str = ""
    link: bool = False
    exclude: tuple[str, ...] = ()

    def expanded(self, expand: Expand) -> Self:
        return replace(
            self,
            chown=expand(self.chown),
            chmod=expand(self.chmod),
            exclude=tuple(expand(pattern) for pattern in self.exclude),
            sources=tuple(expand(source) for source in self.sources),
            dest=expand(self.dest),
        )

    def expanded_inline(self, expand: Expand) -> Self:
        """With `inline` expanded where it asks for it; `expand` leaves quotes alone (`Expander.raw`)."""
        return replace(
            self,
            inline=tuple(
                replace(file, data=expand(file.data)) if file.expand else file for file in self.inline
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Copy(_Files):
    from_: str = ""  # a stage's name or number, a named context, an image
    parents: bool = False


@dataclass(frozen=True, kw_only=True)
class Add(_Files):
    checksum: str = ""
    keep_git_dir: bool | None = None
    unpack: bool | None = None  # None: archives of the context are, downloads are not

    def expanded(self, expand: Expand) -> Self:
        return replace(super().expanded(expand), checksum=expand(self.checksum))


@dataclass(frozen=True, kw_only=True)
class Volume(Instruction):
    paths: tuple[str, ...]

    def expanded(self, expand: Expand) -> Self:
        return replace(self, paths=tuple(expand(path) for path in self.paths))


@dataclass(frozen=True, kw_only=True)
class User(Instruction):
    user: str

    def expanded(self, expand: Expand) -> Self:
        return replace(self, user=expand(self.user))


@dataclass(frozen=True, kw_only=True)
class Workdir(Instruction):
    path: str

    def expanded(self, expand: Expand) -> Self:
        return replace(self, path=expand(self.path))


@dataclass(frozen=True, kw_only=True)
class ArgValue:
    key: str
    value: str | None = None  # None: `ARG key`
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Arg(Instruction):
    args: tuple[ArgValue, ...]

    def expanded(self, expand: Expand) -> Self:
        return replace(
            self,
            args=tuple(
                ArgValue(
                    key=expand(arg.key),
                    value=None if arg.value is None else expand(arg.value),
                    comment=arg.comment,
                )
                for arg in self.args
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Onbuild(Instruction):
    """`expression` is what goes into the image's config; `trigger` is the same, parsed."""

    expression: str
    trigger: Instruction | None = None


@dataclass(frozen=True, kw_only=True)
class StopSignal(Instruction):
    signal: str

    def expanded(self, expand: Expand) -> Self:
        return replace(self, signal=expand(self.signal))


@dataclass(frozen=True, kw_only=True)
class Healthcheck(Instruction):
    """`test` as in the image's config: NONE, CMD or CMD-SHELL first. Times in nanoseconds, 0: not given."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


@dataclass(frozen=True, kw_only=True)
class Shell(Instruction):
    args: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Directive:
    name: str  # syntax, escape, check
    value: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Stage:
    index: int
    start: From
    instructions: tuple[Instruction, ...]

    @property
    def name(self) -> str:
        """Lower case; "" if it has none: then it is called by its number."""
        return self.start.name


@dataclass(frozen=True, kw_only=True)
class Dockerfile:
    filename: str
    source: str  # the whole text
    stages: tuple[Stage, ...]
    global_args: tuple[Arg, ...] = ()  # before the first FROM
    directives: tuple[Directive, ...] = ()
    escape: str = "\\"
    empty_continuations: tuple[Lines, ...] = field(default=())  # for the lint rule
    end_line: int = 0

    def directive(self, name: str) -> str:
        """Its value, or ""."""
        return next((one.value for one in self.directives if one.name == name), "")

    def stage(self, name: str) -> Stage | None:
        """By its name (the last of that name, in any case), or its number."""
        for stage in reversed(self.stages):
            if stage.name and stage.name == name.lower():
                return stage
        if name.isascii() and name.isdigit() and int(name) < len(self.stages):
            return self.stages[int(name)]
        return None

    def place(self, lines: Lines) -> Place:
        return Place(filename=self.filename, text=self.source, lines=lines)

    @contextmanager
    def at(self, instruction: Instruction) -> Iterator[None]:
        """A DockerfileError that is raised inside and has no place yet gets the instruction's."""
        try:
            yield
        except DockerfileError as error:
            if error.place is None:
                error.place = self.place(instruction.lines)
            raise
