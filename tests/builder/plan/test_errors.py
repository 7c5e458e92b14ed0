"""What cannot be planned: BuildKit's sentences, and the line they are about."""

import pytest

from sampan.builder.dockerfile.lint.linter import Linter
from sampan.builder.errors import DockerfileError
from tests.builder.plan.planning import image, planned

ERRORS = [
    (
        "a name that no stage has",
        "FROM b AS stage",
        {"target": "stag"},
        None,
        'target stage "stag" could not be found (did you mean stage?)',
    ),
    (
        "two stages that need each other",
        "FROM b AS a\nCOPY --from=c /x /\nFROM b AS c\nCOPY --from=a /x /",
        {},
        4,
        "circular dependency detected on stage: a",
    ),
    (
        "a stage that needs itself",
        "FROM b AS a\nCOPY --from=a /x /",
        {},
        2,
        "circular dependency detected on stage: a",
    ),
    (
        "a later stage",
        "FROM b AS a\nCOPY --from=c /x /\nFROM b AS c\nRUN x\nFROM a",
        {},
        2,
        'cannot copy from stage "c", it needs to be defined before current stage "a"',
    ),
    (
        "a mount of a later stage",
        "FROM b AS a\nRUN --mount=from=c,target=/m x\nFROM b AS c\nFROM a",
        {},
        2,
        'cannot mount from stage "c" to "/m", stage needs to be defined before current command',
    ),
    ("a number that no stage has", "FROM b\nCOPY --from=7 /x /", {}, 2, "invalid stage index 7"),
    (
        "a variable in --from",
        "ARG V\nFROM b\nCOPY --from=$V /x /",
        {},
        3,
        "variable expansion is not supported for --from",
    ),
    ("an unset base", "FROM $NOPE", {}, 1, "base name ($NOPE) should not be blank"),
    (
        "an upper-case base",
        "FROM Busybox",
        {},
        1,
        'failed to parse stage name "Busybox": invalid reference format',
    ),
    (
        "a bad platform",
        "FROM --platform=a/b/c/d b",
        {},
        1,
        'failed to parse platform a/b/c/d: "a/b/c/d": cannot parse',
    ),
    (
        "an unset platform",
        "FROM --platform=$TARGETPLATFROM b",
        {},
        1,
        "empty platform value from expression $TARGETPLATFROM (did you mean TARGETPLATFORM?)",
    ),
    (
        "a bad platform to build for",
        "FROM b",
        {"platforms": ("a/b/c/d",)},
        None,
        "failed to parse target platform a/b/c/d",
    ),
    (
        "a bad epoch",
        "FROM b",
        {"build_args": {"SOURCE_DATE_EPOCH": "foo"}},
        None,
        'invalid SOURCE_DATE_EPOCH: foo: strconv.ParseInt: parsing "foo": invalid syntax',
    ),
    ("a bad mode", "FROM b\nCOPY --chmod=888 a /", {}, 2, "invalid chmod parameter: '888'"),
    (
        "a checksum of a file",
        "FROM b\nADD --checksum=sha256:x a /",
        {},
        2,
        "checksum requires HTTP(S) or Git sources",
    ),
    ("a download with COPY", "FROM b\nCOPY http://h/f /", {}, 2, "source can't be a URL for COPY"),
    ("a repository with COPY", "FROM b\nCOPY https://h/r.git /", {}, 2, "source can't be a git ref for COPY"),
    ("a mount over the root", "FROM b\nRUN --mount=target=/ x", {}, 2, 'invalid mount target "/"'),
    ("a bad signal", "FROM b\nSTOPSIGNAL NOPE", {}, 2, "invalid signal: NOPE"),
    ("a bad port", "FROM b\nEXPOSE x", {}, 2, "Invalid containerPort: x"),
    ("the host's network", "FROM b\nRUN --network=host x", {}, 2, "network.host is not allowed"),
    ("all rights", "FROM b\nRUN --security=insecure x", {}, 2, "security.insecure is not allowed"),
    (
        "a context of no kind",
        "FROM b",
        {"contexts": {"b": "nothing"}},
        1,
        "invalid context specifier nothing for b",
    ),
]


@pytest.mark.parametrize(
    ("text", "options", "line", "message"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS]
)
def test_errors_say_what_and_where(
    text: str, options: dict[str, object], line: int | None, message: str
) -> None:
    with pytest.raises(DockerfileError) as caught:
        planned(text, **options)
    assert message in caught.value.message
    assert (caught.value.place.lines.first if caught.value.place else None) == line


def test_thousands_of_stages_are_planned() -> None:
    text = "FROM b AS s0\n" + "".join(
        f"FROM s{number} AS s{number + 1}\nCOPY --from=s{number} /x /\n" for number in range(2000)
    )
    assert len(planned(text).steps) == 2001


@pytest.mark.parametrize("line", ["EXPOSE 1-65535", "ENV A=$A$A$A$A B=$A", "ARG X$A=$A"])
def test_a_few_lines_do_not_fill_the_memory(line: str) -> None:
    text = "FROM b\nENV A=" + "x" * 100_000 + "\n" + f"{line}\n" * 300
    with pytest.raises(DockerfileError) as caught:
        planned(text)
    assert caught.value.place is not None


def test_an_allowed_network_is_planned() -> None:
    made = planned("FROM b\nRUN --network=host x", entitlements=frozenset({"network.host"}))
    assert made.steps[-1].operation.network == "host"  # type: ignore[union-attr]
    assert planned("FROM b\nRUN x", network="host").steps[-1].operation.network == "host"  # type: ignore[union-attr]


RULES = [
    ("FROM ${X:-b}\nRUN x", "UndefinedArgInFrom"),
    ("ARG V\nFROM b:$V", "InvalidDefaultArgInFrom"),
    ("FROM --platform=$TARGETPLATFORM b", "RedundantTargetPlatform"),
    ("FROM --platform=linux/amd64 b", "FromPlatformFlagConstDisallowed"),
    ("FROM b\nWORKDIR x", "WorkdirRelativePath"),
    ("FROM b\nENV A=$B", "UndefinedVar"),
    ("FROM b\nCMD [\"a\"]\nCMD [\"b\"]", "MultipleInstructionsDisallowed"),
    ("FROM b\nENTRYPOINT x", "JSONArgsRecommended"),
    ("FROM b\nENV A x", "LegacyKeyValueFormat"),
    ("FROM b\nARG DB_PASSWORD=x", "SecretsUsedInArgOrEnv"),
    ("FROM b\nCOPY x.log /", "CopyIgnoredFile"),
    ("FROM b\nEXPOSE 80/TCP", "ExposeProtoCasing"),
    ("FROM b\nEXPOSE 8080:80", "ExposeInvalidFormat"),
    ("FROM arm", "InvalidBaseImagePlatform"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rule"), RULES)
def test_rules_that_need_variables(text: str, rule: str) -> None:
    linter = Linter()
    images = {"arm": image({}, architecture="arm64")}
    planned(text, images, linter, ignore=("*.log",), build_args={"V": "1"})
    assert rule in {finding.rule.name for finding in linter.findings}


@pytest.mark.parametrize(
    "text",
    [
        "FROM b\nARG A\nENV B=$A",
        "FROM b\nENV TOKEN_FILE=/x",
        "FROM b\nWORKDIR /a\nWORKDIR b",
        'FROM b AS amd64\nSHELL ["x"]\nCMD y',
        "FROM b\nCOPY x.txt /",
    ],
)
def test_rules_leave_alone_what_is_right(text: str) -> None:
    linter = Linter()
    planned(text, None, linter, ignore=("*.log",))
    assert linter.findings == []


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ("FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("garbage", "unknown instruction: garbage"),
        ("RUN a\nRUN b", "onbuild trigger should be a single expression"),
        ("", "onbuild trigger should be a single expression"),
        ("COPY --from=3 a b", "invalid stage index 3"),
        ("COPY a", "COPY requires at least two arguments"),
    ],
)
def test_a_bad_trigger_of_a_base_is_shown_at_its_from(trigger: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message) as caught:
        planned("FROM b\nRUN x", {"b": image({"OnBuild": [trigger]})})
    assert caught.value.place and caught.value.place.lines.first == 1
