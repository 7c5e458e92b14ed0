"""Docker's build checks that need the variables, or what a stage stands on. They record and never fail."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sampan.builder.dockerfile.expand import Expander
from sampan.builder.dockerfile.instructions import (
    Add,
    Cmd,
    Copy,
    Dockerfile,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Instruction,
    Label,
    Pair,
    Workdir,
)
from sampan.builder.dockerfile.lint import rules
from sampan.builder.dockerfile.lint.linter import Linter, Rule
from sampan.builder.dockerfile.suggest import suggest
from sampan.builder.errors import DockerfileError
from sampan.builder.plan.arguments import NOT_IN_ENVIRONMENT, global_arguments
from sampan.builder.plan.graph import Lines
from sampan.builder.plan.paths import joined
from sampan.errors import Invalid
from sampan.specs.docker.ignore.patterns import Matcher
from sampan.specs.oci import platform as platforms
from sampan.specs.oci import reference as references
from sampan.specs.oci.platform import Platform

_SECRET = re.compile(
    r"(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)", re.IGNORECASE
)
_HARMLESS = re.compile(r"(?:_|^)(?:public|file|version)(?:_|$)", re.IGNORECASE)


@dataclass
class Checks:
    """`ignore`: patterns of .dockerignore."""

    linter: Linter = field(default_factory=Linter)
    ignore: Sequence[str] = ()

    def suggestion(self, names: Iterable[str], known: Iterable[str]) -> str:
        """ " (did you mean x?)" for the first of `names` that has one, or ""."""
        for name in sorted(names):
            if found := suggest(name, known):
                return f" (did you mean {found}?)"
        return ""

    # FROM

    def default_arguments(self, dockerfile: Dockerfile, start: Mapping[str, str]) -> None:
        """Base images have to be valid without any --build-arg."""
        try:
            values = global_arguments(dockerfile, start, {})
            for stage in dockerfile.stages:
                name = Expander(values, dockerfile.escape).word(stage.start.base)
                if not _is_reference(name):
                    self._run(rules.INVALID_DEFAULT_ARG_IN_FROM, stage.start.lines, stage.start.base)
        except DockerfileError:
            return  # the build fails of it anyway

    def undefined_in_from(
        self, dockerfile: Dockerfile, start: From, expander: Expander, known: Mapping[str, str]
    ) -> None:
        declared = {arg.key for instruction in dockerfile.global_args for arg in instruction.args}
        names = declared | set(known)
        for name in sorted(expander.unmatched - names):
            self._run(rules.UNDEFINED_ARG_IN_FROM, start.lines, name, suggest(name, names))

    def platform_of_from(
        self, dockerfile: Dockerfile, start: From, text: str, expander: Expander, known: Mapping[str, str]
    ) -> None:
        self.undefined_in_from(dockerfile, start, expander, known)
        redundant = expander.matched == {"TARGETPLATFORM"} and not expander.unmatched
        if redundant and text == known.get("TARGETPLATFORM"):
            self._run(rules.REDUNDANT_TARGET_PLATFORM, start.lines, start.platform)
        if expander.matched or expander.unmatched:
            return
        platform = platforms.parse_or_none(text)
        if platform and platform.os not in start.name and platform.architecture not in start.name:
            self._run(rules.FROM_PLATFORM_FLAG_CONST_DISALLOWED, start.lines, text)

    def base_platform(self, name: str, lines: Lines, wanted: Platform, found: Platform) -> None:
        if not wanted.same_machine(found):
            self._run(rules.INVALID_BASE_IMAGE_PLATFORM, lines, name, str(wanted), str(found))

    # Instructions

    def undefined(
        self, instruction: Instruction, expander: Expander, declared: Iterable[str], known: Mapping[str, str]
    ) -> None:
        """Variables that were used and that nothing has set or declared."""
        for name in sorted(expander.unmatched - set(declared) - NOT_IN_ENVIRONMENT):
            self._run(rules.UNDEFINED_VAR, instruction.lines, name, suggest(name, known))

    def pairs(self, instruction: Env | Label, keyword: str, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            if pair.legacy:
                self._run(rules.LEGACY_KEY_VALUE_FORMAT, instruction.lines, keyword)
            if keyword == "ENV":
                self.secret_key(instruction, keyword, pair.key)

    def secret_key(self, instruction: Instruction, keyword: str, key: str) -> None:
        if _SECRET.search(key) and not _HARMLESS.search(key):
            self._run(rules.SECRETS_USED_IN_ARG_OR_ENV, instruction.lines, keyword, key)

    def repeated(self, before: Lines, instruction: Cmd | Entrypoint | Healthcheck, keyword: str) -> None:
        """The earlier one is pointed at, since it is the one that has no effect."""
        self._run(rules.MULTIPLE_INSTRUCTIONS_DISALLOWED, before, keyword)

    def port(self, instruction: Expose, word: str) -> None:
        protocol = word.partition("/")[2]
        if protocol != protocol.lower():
            self._run(rules.EXPOSE_PROTO_CASING, instruction.lines, word)
        if ":" in word:
            self._run(rules.EXPOSE_INVALID_FORMAT, instruction.lines, word)

    def json_recommended(self, instruction: Cmd | Entrypoint, keyword: str) -> None:
        self._run(rules.JSON_ARGS_RECOMMENDED, instruction.lines, keyword)

    def relative_workdir(self, instruction: Workdir) -> None:
        self._run(rules.WORKDIR_RELATIVE_PATH, instruction.lines, instruction.path)

    def ignored_source(self, instruction: Copy | Add, source: str) -> None:
        if not self.ignore or any(pattern.startswith("!") for pattern in self.ignore):
            return  # what exceptions let through is too hard to tell
        path = joined("/", source).lstrip("/") or "."
        if path == "." and not {"*", "**", "**/*"} & set(self.ignore):
            return
        if Matcher(self.ignore).matches(path):
            command = "Add" if isinstance(instruction, Add) else "Copy"
            self._run(rules.COPY_IGNORED_FILE, instruction.lines, command, path)

    def _run(self, rule: Rule, lines: Lines, *args: str) -> None:
        self.linter.run(rule, lines, *args)


def _is_reference(name: str) -> bool:
    try:
        references.parse(name)
    except Invalid:
        return False
    return True
