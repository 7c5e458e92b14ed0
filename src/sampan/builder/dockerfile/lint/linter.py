"""What the rules find, and which rules count."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampan.builder.dockerfile.instructions import Dockerfile
from sampan.builder.dockerfile.nodes import directive_in
from sampan.builder.errors import DockerfileError
from sampan.builder.plan.graph import Lines
from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_bool
from sampan.specs.golang.quote import quote

CHECK_ARGUMENT = "BUILDKIT_DOCKERFILE_CHECK"  # a build argument that is used instead of the directive


class _Format(string.Formatter):
    """`{0!q}` is the first argument in Go's quotes."""

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        return quote(value) if conversion == "q" else super().convert_field(value, conversion)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`message` is filled with the arguments of Linter.run; `hint` follows if the last is not empty."""

    name: str
    description: str
    message: str
    hint: str = ""
    url: str = ""
    experimental: bool = False

    def text(self, *args: str) -> str:
        hint = self.hint if self.hint and args[-1] else ""
        return _Format().format(self.message + hint, *args)


@dataclass(frozen=True, kw_only=True)
class Finding:
    rule: Rule
    message: str
    lines: Lines


@dataclass(frozen=True, kw_only=True)
class LintConfig:
    """`# check=skip=A,B;error=true;experimental=all`, or the build argument BUILDKIT_DOCKERFILE_CHECK."""

    skip: frozenset[str] = frozenset()
    skip_all: bool = False
    experimental: frozenset[str] = frozenset()
    experimental_all: bool = False
    error: bool = False

    def wants(self, rule: Rule) -> bool:
        if rule.experimental:
            return self.experimental_all or rule.name in self.experimental
        return not (self.skip_all or rule.name in self.skip)


@dataclass
class Linter:
    """`local`: by the line an instruction begins at, what a `# check=` right above it says."""

    config: LintConfig = field(default_factory=LintConfig)
    findings: list[Finding] = field(default_factory=list)
    local: dict[int, LintConfig] = field(default_factory=dict)
    _seen: set[tuple[str, str, Lines]] = field(default_factory=set)

    def run(self, rule: Rule, lines: Lines, *args: str) -> None:
        """Record that `rule` is violated, unless the file says not to. The same finding counts once."""
        local = self.local.get(lines.first)
        if rule.experimental:
            wanted = self.config.wants(rule) or (local is not None and local.wants(rule))
        else:
            wanted = self.config.wants(rule) and (local is None or local.wants(rule))
        message = rule.text(*args)
        if wanted and (rule.name, message, lines) not in self._seen:
            self._seen.add((rule.name, message, lines))
            self.findings.append(Finding(rule=rule, message=message, lines=lines))

    def failure(self) -> str:
        """With error=true and findings: the sentence the build fails with. Else ""."""
        if not self.config.error or not self.findings:
            return ""
        names = sorted({finding.rule.name for finding in self.findings})
        return f"lint violation found for rules: {', '.join(names)}"


def lint_config(dockerfile: Dockerfile, build_args: Mapping[str, str]) -> LintConfig:
    """Raises DockerfileError."""
    written = build_args.get(CHECK_ARGUMENT)
    if written is None:
        written = dockerfile.directive("check").partition(" ")[0]
    try:
        return parse_options(written)
    except DockerfileError as error:
        line = next((one.line for one in dockerfile.directives if one.name == "check"), 1)
        place = None if CHECK_ARGUMENT in build_args else dockerfile.place(Lines(first=line, last=line))
        raise DockerfileError(f"failed to parse check options: {error.message}", place=place) from None


def local_configs(dockerfile: Dockerfile) -> dict[int, LintConfig]:
    """What comments right above instructions say. One that cannot be read counts for nothing."""
    found: dict[int, LintConfig] = {}
    stages = [(stage.start, *stage.instructions) for stage in dockerfile.stages]
    for instruction in (*dockerfile.global_args, *(one for stage in stages for one in stage)):
        config = _from_comments(instruction.comments)
        if config is not None:
            found[instruction.lines.first] = config
    return found


def _from_comments(comments: Sequence[str]) -> LintConfig | None:
    for comment in comments:
        name, value = directive_in(comment)
        if name == "check":
            try:
                return parse_options(value.partition(" ")[0])
            except DockerfileError:
                return None
    return None


def parse_options(text: str) -> LintConfig:
    """Raises DockerfileError in BuildKit's words."""
    lists: dict[str, frozenset[str]] = {}
    error = False
    for part in text.strip().split(";", 2) if text.strip() else ():
        name, equals, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if not equals:
            raise DockerfileError(f"invalid check option {quote(part)}")
        if name in ("skip", "experimental"):
            lists[name] = frozenset(rule.strip() for rule in value.split(","))
        elif name == "error":
            try:
                error = parse_bool(value)
            except Invalid as wrong:
                problem = f"failed to parse check option {quote(part)}: {wrong.message}"
                raise DockerfileError(problem) from None
        else:
            raise DockerfileError(f"invalid check option {quote(name)}")
    everything = frozenset(["all"])
    return LintConfig(
        skip=lists.get("skip", frozenset()),
        skip_all=lists.get("skip") == everything,
        experimental=lists.get("experimental", frozenset()),
        experimental_all=lists.get("experimental") == everything,
        error=error,
    )
