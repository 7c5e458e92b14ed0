"""Collects what the rules find. `check_file` runs all rules that need the file alone."""

from dataclasses import dataclass, field

from sampan.engine.builder.graph import Lines


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    description: str
    url: str
    format: str  # for str.format with the arguments of Linter.run
    experimental: bool = False


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


@dataclass
class Linter:
    config: LintConfig = field(default_factory=LintConfig)
    findings: list[Finding] = field(default_factory=list)

    def run(self, rule: Rule, lines: Lines, *args: str) -> None:
        """Record that `rule` is violated, unless the file says not to. The same finding counts once."""
        raise NotImplementedError

    def failure(self) -> str:
        """With error=true and findings: the sentence the build fails with. Else ""."""
        raise NotImplementedError
