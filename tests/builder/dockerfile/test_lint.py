"""Build checks: what the file alone violates, and which rules count."""

import pytest

from sampan.builder.dockerfile.instructions import Dockerfile
from sampan.builder.dockerfile.lint import rules
from sampan.builder.dockerfile.lint.checks import check_file
from sampan.builder.dockerfile.lint.linter import (
    CHECK_ARGUMENT,
    Finding,
    LintConfig,
    Linter,
    Rule,
    lint_config,
    parse_options,
)
from sampan.builder.dockerfile.parse import parse
from sampan.builder.errors import DockerfileError
from sampan.builder.plan.graph import Lines


def linted(text: str, **build_args: str) -> Linter:
    file: Dockerfile = parse(text.encode())
    linter = Linter(lint_config(file, build_args))
    check_file(file, linter)
    return linter


def found(findings: list[Finding]) -> list[tuple[str, str, int]]:
    return [(finding.rule.name, finding.message, finding.lines.first) for finding in findings]


CHECKS = [
    ("FROM x AS Base", "StageNameCasing", "Stage name 'Base' should be lowercase", 1),
    ("FROM x as base", "FromAsCasing", "'as' and 'FROM' keywords' casing do not match", 1),
    ("from x AS base", "FromAsCasing", "'AS' and 'from' keywords' casing do not match", 1),
    ("FROM x\nRUN a \\\n\n b", "NoEmptyContinuation", "Empty continuation line", 4),
    (
        "FROM x\nRUN a\nrun b",
        "ConsistentInstructionCasing",
        "Command 'run' should match the case of the command majority (uppercase)",
        3,
    ),
    (
        "from x\nrun a\nRun b",
        "ConsistentInstructionCasing",
        "Command 'Run' should match the case of the command majority (lowercase)",
        3,
    ),
    (
        "FROM x AS a\nFROM x AS a",
        "DuplicateStageName",
        'Duplicate stage name "a", stage names should be unique',
        2,
    ),
    (
        "FROM x AS scratch",
        "ReservedStageName",
        'Stage name should not use the same name as reserved stage "scratch"',
        1,
    ),
    (
        "FROM x\nMAINTAINER y",
        "MaintainerDeprecated",
        "Maintainer instruction is deprecated in favor of using label",
        2,
    ),
    (
        "# check=experimental=all\n# no\nARG a\nFROM x",
        "InvalidDefinitionDescription",
        "Comment for ARG should follow the format: `# a <description>`",
        3,
    ),
    (
        "# check=experimental=InvalidDefinitionDescription\nFROM x\n# no\nARG a b",
        "InvalidDefinitionDescription",
        "Comment for ARG should follow the format: `# <arg_key> <description>`",
        4,
    ),
]


@pytest.mark.parametrize(("text", "rule", "message", "line"), CHECKS)
def test_a_violation_is_found(text: str, rule: str, message: str, line: int) -> None:
    assert found(linted(text).findings) == [(rule, message, line)]


@pytest.mark.parametrize(
    "text",
    [
        "FROM x AS base\nRUN a",
        "from x as base\nrun a",
        "ARG a\nfrom x\nrun b",
        "# check=experimental=all\n# base it\nFROM x AS base\n# a one\nARG a",
        "# check=experimental=all\nFROM x\n# other\n\nARG b\n# free\n#\nARG c",
        "# check=skip=all\nFROM x AS Base\nmaintainer y",
        "# check=skip=StageNameCasing, MaintainerDeprecated\nFROM x AS Base\n",
        "FROM x\n# check=skip=MaintainerDeprecated\nMAINTAINER y",
    ],
)
def test_what_is_right_or_skipped_is_not_found(text: str) -> None:
    linter = linted(text)
    assert found(linter.findings) == [] and linter.failure() == ""


def test_the_build_argument_is_used_instead_of_the_directive() -> None:
    text = "# check=skip=all\nFROM x AS Base\n"
    assert found(linted(text).findings) == []
    assert len(linted(text, **{CHECK_ARGUMENT: "error=true"}).findings) == 1


def test_findings_fail_the_build_when_the_file_wants_it() -> None:
    linter = linted("# check=error=true\nFROM x AS Base\nMAINTAINER y\n")
    assert linter.failure() == "lint violation found for rules: MaintainerDeprecated, StageNameCasing"
    assert linted("FROM x AS Base\n").failure() == ""


def test_the_same_finding_counts_once() -> None:
    linter = Linter()
    for name in ("a", "a", "b"):
        linter.run(rules.UNDEFINED_VAR, Lines(first=1, last=1), name, "")
    assert [finding.message for finding in linter.findings] == [
        "Usage of undefined variable '$a'",
        "Usage of undefined variable '$b'",
    ]


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("", LintConfig()),
        ("skip=a,b", LintConfig(skip=frozenset("ab"))),
        ("skip=all;error=1", LintConfig(skip=frozenset(["all"]), skip_all=True, error=True)),
        (
            "error=false;experimental=all",
            LintConfig(experimental=frozenset(["all"]), experimental_all=True),
        ),
    ],
)
def test_options(text: str, config: LintConfig) -> None:
    assert parse_options(text) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("skip", 'invalid check option "skip"'),
        ("skip=a;foo=b", 'invalid check option "foo"'),
        (
            "error=x",
            'failed to parse check option "error=x": strconv.ParseBool: parsing "x": invalid syntax',
        ),
    ],
)
def test_wrong_options_are_told(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        linted(f"# check={text}\nFROM x\n")
    assert caught.value.message == f"failed to parse check options: {message}"
    assert caught.value.place is not None and caught.value.place.lines.first == 1


@pytest.mark.parametrize(
    ("rule", "args", "message"),
    [
        (rules.UNDEFINED_VAR, ("foo", ""), "Usage of undefined variable '$foo'"),
        (rules.UNDEFINED_VAR, ("PAHT", "PATH"), "Usage of undefined variable '$PAHT' (did you mean $PATH?)"),
        (rules.UNDEFINED_ARG_IN_FROM, ("a", "b"), "FROM argument 'a' is not declared (did you mean b?)"),
        (
            rules.WORKDIR_RELATIVE_PATH,
            ('a"b',),
            'Relative workdir "a\\"b" can have unexpected results if the base image changes',
        ),
        (
            rules.LEGACY_KEY_VALUE_FORMAT,
            ("ENV",),
            '"ENV key=value" should be used instead of legacy "ENV key value" format',
        ),
        (
            rules.INVALID_BASE_IMAGE_PLATFORM,
            ("x", "linux/amd64", "linux/arm64"),
            'Base image x was pulled with platform "linux/arm64", expected "linux/amd64" for current build',
        ),
        (
            rules.SECRETS_USED_IN_ARG_OR_ENV,
            ("ARG", "TOKEN"),
            'Do not use ARG or ENV instructions for sensitive data (ARG "TOKEN")',
        ),
        (
            rules.INVALID_DEFAULT_ARG_IN_FROM,
            ("$x",),
            "Default value for ARG $x results in empty or invalid base image name",
        ),
    ],
)
def test_messages_are_dockers(rule: Rule, args: tuple[str, ...], message: str) -> None:
    assert rule.text(*args) == message


def test_every_published_rule_is_there_once() -> None:
    names = [rule.name for rule in rules.RULES]
    assert len(names) == len(set(names)) == 22
    assert all(rule.url.startswith("https://docs.docker.com/") for rule in rules.RULES if rule.url)
