"""The lines of a Dockerfile put together to instructions: directives, continuations, comments, heredocs.

Lines end with "\\n"; a "\\r" before it is dropped, except in heredocs. Bytes that are no UTF-8 become U+FFFD,
except in heredocs, where they stay (as surrogates) since they end up in files.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sampan.builder.dockerfile.expand import SPACES
from sampan.builder.dockerfile.flags import split_flags
from sampan.builder.dockerfile.heredocs import Mark, marks_of
from sampan.builder.dockerfile.instructions import Directive, Heredoc
from sampan.builder.dockerfile.words import BLANKS, json_strings, pairs, split_words
from sampan.builder.errors import DockerfileError, Place
from sampan.builder.plan.graph import Lines

MAX_LINE = 65535  # bytes; bufio.Scanner's limit
_BOM = b"\xef\xbb\xbf"
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*", re.ASCII)
_DIRECTIVES = ("syntax", "check", "escape")
_WITH_HEREDOCS = ("add", "copy", "run")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One instruction: its keyword as written, its flags, and its arguments split as it has them."""

    keyword: str
    text: str
    lines: Lines
    flags: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    json: bool = False
    pairs: tuple[tuple[str, str, bool], ...] = ()  # key, value, old form: ENV and LABEL
    child: "Node | None" = None  # of ONBUILD
    comments: tuple[str, ...] = ()
    heredocs: tuple[Heredoc, ...] = ()


def node_of(text: str, escape: str, lines: Lines) -> Node:
    """The instruction in one line. Raises DockerfileError without a place."""
    words = BLANKS.split(text.strip(SPACES), maxsplit=1)
    flags, rest = split_flags(words[1]) if len(words) > 1 else ([], "")
    node = Node(keyword=words[0], text=text, lines=lines, flags=tuple(flags))
    return _with_arguments(node, rest.strip(SPACES), escape)


def _with_arguments(node: Node, rest: str, escape: str) -> Node:
    name = node.keyword.lower()
    if not rest:
        return node
    if name in ("cmd", "entrypoint", "run", "shell"):
        return _maybe_json(node, rest, (rest,))
    if name in ("add", "copy", "volume"):
        return _maybe_json(node, rest, tuple(BLANKS.split(rest)))
    if name == "arg":
        return replace(node, args=tuple(split_words(rest, escape)))
    if name in ("expose", "from"):
        return replace(node, args=tuple(BLANKS.split(rest)))
    if name in ("maintainer", "stopsignal", "user", "workdir"):
        return replace(node, args=(rest,))
    if name in ("env", "label"):
        return replace(node, pairs=tuple(pairs(rest, name.upper(), escape)))
    if name == "healthcheck":
        kind, command = [*re.split(f"[{SPACES}]+", rest, maxsplit=1), ""][:2]
        parsed = _maybe_json(node, command, (command,) if command else ())
        return replace(parsed, args=(kind, *parsed.args))
    if name == "onbuild":
        return replace(node, child=node_of(rest, escape, node.lines))
    return node


def _maybe_json(node: Node, rest: str, otherwise: tuple[str, ...]) -> Node:
    strings = json_strings(rest)
    if strings is None:
        return replace(node, args=otherwise)
    return replace(node, args=tuple(strings), json=True)


def directive_in(comment: str) -> tuple[str, str]:
    """Name and value of a directive in a comment (without "#"); "" for anything else."""
    match = _DIRECTIVE.fullmatch(f"#{comment}")
    name = match[1].lower() if match else ""
    return (name, _valid(match[2])) if match and name in _DIRECTIVES else ("", "")


class Reader:
    """Reads a whole file. `escape`, `directives` and `empty_continuations` are known when it is read."""

    def __init__(self, data: bytes, filename: str) -> None:
        """Raises DockerfileError for a line that is too long."""
        data = data.removeprefix(_BOM)
        self.text = data.decode("utf-8", "replace")
        self.escape = "\\"
        self.directives: list[Directive] = []
        self.empty_continuations: list[Lines] = []
        self._filename = filename
        self._in_directives = True
        self._position = 0
        lines = data.split(b"\n")
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_LINE:
                raise self.error(f"dockerfile line greater than max allowed size of {MAX_LINE}", number)
        self._lines = [line.decode("utf-8", "surrogateescape") for line in lines]
        if not self._lines[-1]:
            self._lines.pop()

    @property
    def count(self) -> int:
        return len(self._lines)

    def error(self, message: str, first: int, last: int | None = None) -> DockerfileError:
        lines = Lines(first=first, last=first if last is None else last)
        return DockerfileError(message, place=Place(filename=self._filename, text=self.text, lines=lines))

    def nodes(self) -> Iterator[Node]:
        """Raises DockerfileError."""
        comments: list[str] = []
        while self._position < len(self._lines):
            line = self._take().lstrip(SPACES)
            if self._directive(line):
                continue
            if line.startswith("#"):
                comment = _valid(line[1:].strip(SPACES))
                if comment:
                    comments.append(comment)
                else:
                    comments.clear()
            elif not line:
                comments.clear()
            else:
                yield self._instruction(line, tuple(comments))
                comments.clear()

    def _take(self) -> str:
        self._position += 1
        return self._lines[self._position - 1].rstrip("\r")

    def _directive(self, line: str) -> bool:
        """Only the first lines can be directives: any other line, an empty one too, ends them."""
        if not self._in_directives:
            return False
        if self._position == 1 and line.startswith("#!"):
            return True
        name, value = directive_in(line[1:]) if line.startswith("#") else ("", "")
        if not name:
            self._in_directives = False
            return False
        if any(one.name == name for one in self.directives):
            raise self.error(f"only one {name} parser directive can be used", self._position)
        if name == "escape":
            if value not in ("\\", "`"):
                message = f"invalid escape token '{value}' does not match ` or \\"
                raise self.error(message, self._position)
            self.escape = value
        self.directives.append(Directive(name=name, value=value, line=self._position))
        return True

    def _instruction(self, line: str, comments: tuple[str, ...]) -> Node:
        first = self._position
        text = self._joined(line)
        lines = Lines(first=first, last=self._position)
        if "\0" in text:
            raise self.error(f"dockerfile parse error on line {first}: unexpected NUL", first, lines.last)
        try:
            node = node_of(_valid(text), self.escape, lines)
            heredocs = tuple(self._heredoc(mark) for mark in _marks(node))
        except DockerfileError as error:
            raise self.error(error.message, first, self._position) from None
        return replace(
            node, lines=Lines(first=first, last=self._position), comments=comments, heredocs=heredocs
        )

    def _joined(self, line: str) -> str:
        """The line and those that continue it. Comments and empty lines in between are left out."""
        part, more = self._continued(line)
        parts, empty = [part], False
        while more and self._position < len(self._lines):
            line = self._take()
            start = line.lstrip(SPACES)
            if not start:
                empty = True
            elif not start.startswith("#"):
                part, more = self._continued(line)
                parts.append(part)
        if empty:
            self.empty_continuations.append(Lines(first=self._position, last=self._position))
        return "".join(parts)

    def _continued(self, line: str) -> tuple[str, bool]:
        """Without the escape character that ends it, unless that one is escaped itself."""
        end = line.rstrip(" \t")
        if end.endswith(self.escape) and not end.endswith(self.escape * 2):
            return end[:-1], True
        return line, False

    def _heredoc(self, mark: Mark) -> Heredoc:
        content: list[str] = []
        while self._position < len(self._lines):
            whole = self._lines[self._position]
            line = self._take()
            if (line.lstrip("\t") if mark.chomp else line) == mark.name:
                return Heredoc(
                    name=mark.name,
                    content="".join(content),
                    expand=mark.expand,
                    chomp=mark.chomp,
                    descriptor=mark.descriptor,
                )
            content.append(whole + "\n")
        raise DockerfileError("unterminated heredoc")


def _marks(node: Node) -> list[Mark]:
    inner = node.child if node.keyword.lower() == "onbuild" and node.child else node
    if inner.keyword.lower() not in _WITH_HEREDOCS or inner.json:
        return []
    return marks_of(node.text)


def _valid(text: str) -> str:
    """Bytes that are no UTF-8 replaced."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
