"""What a Dockerfile offers. The tables were printed by `docker buildx build --print` on Docker 26."""

import base64
import json

import pytest

from sampan.builder.dockerfile.instructions import Dockerfile
from sampan.builder.dockerfile.lint.checks import check_file
from sampan.builder.dockerfile.lint.linter import Linter
from sampan.builder.dockerfile.parse import parse
from sampan.builder.errors import DockerfileError
from sampan.builder.options import BuildOptions
from sampan.builder.solve import subrequests

SEVERAL = """\
# V the version
ARG V=1
ARG W
FROM busybox AS one
# X an argument
ARG X=$V
ARG V
RUN --mount=type=secret,id=s1,required --mount=type=ssh --mount=type=secret,target=/run/secrets/s2 echo
# two is second
FROM --platform=$BUILDPLATFORM one AS two
ARG Y=${W:-dflt} Z
RUN --mount=type=ssh,id=agent,required echo

FROM scratch
COPY --from=two /a /b
ARG NOTHING
"""


def answer(text: str, **options: object) -> tuple[str, dict[str, object]]:
    file = parse(text.encode())
    found = subrequests.describe(file, BuildOptions(**options))  # type: ignore[arg-type]
    return found["result.txt"].decode(), json.loads(found["result.json"])


def test_the_outline_of_the_last_stage() -> None:
    text, document = answer(SEVERAL, call="outline")
    assert text == (
        "BUILD ARG   VALUE   DESCRIPTION\n"
        "V           1       the version\n"
        "X                   an argument\n"
        "Y           dflt    \n"
        "Z                   \n"
        "NOTHING             \n"
        "\n"
        "SECRET   REQUIRED\n"
        "s1       true\n"
        "s2       \n"
        "\n"
        "SSH       REQUIRED\n"
        "default   \n"
        "agent     true\n"
        "\n"
    )
    assert document["sources"] == [base64.b64encode(SEVERAL.encode()).decode()]
    assert document["args"][0] == {  # type: ignore[index]
        "name": "V",
        "description": "the version",
        "value": "1",
        "location": {"ranges": [{"start": {"line": 2}, "end": {"line": 2}}]},
    }


def test_the_outline_of_a_target_with_arguments_given() -> None:
    text, _ = answer(SEVERAL, call="outline", target="one", build_args={"V": "5"})
    assert text.startswith(
        "TARGET: one\n\n"
        "BUILD ARG   VALUE   DESCRIPTION\nX                   an argument\nV           5       \n"
    )


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (
            '# fin it ends\nFROM busybox AS fin\nARG B=${Q:-"x y"}\n',
            "TARGET:      fin\nDESCRIPTION: it ends\n\n"
            "BUILD ARG   VALUE   DESCRIPTION\nB           x y     \n\n",
        ),
        ("FROM busybox\nFROM busybox AS b\nFROM b AS fin\n", "TARGET: fin\n\n"),
        (
            "# I image\nARG I=busy\nARG T=box\nARG N=$I$T\nFROM $N AS fin\n# A argh\nARG A=1\nARG A=2\n",
            "TARGET: fin\n\n"
            "BUILD ARG   VALUE     DESCRIPTION\n"
            "I           busy      image\n"
            "T           box       \n"
            "N           busybox   \n"
            "A           2         \n\n",
        ),
        (
            "FROM busybox\nARG TARGETPLATFORM\nARG HTTP_PROXY\nARG S=secret\nENV Z=1\nARG Z=2\nARG Y=$Z\n",
            "BUILD ARG    VALUE    DESCRIPTION\n"
            "HTTP_PROXY            \n"
            "S            secret   \n"
            "Z            2        \n"
            "Y            2        \n\n",
        ),
        (
            "FROM busybox AS b\nARG Q=2\nRUN --mount=type=secret,id=u,required --mount=type=secret,id=u x\n"
            "FROM busybox AS a\nARG P=1\nRUN --mount=from=b,target=/x --mount=type=secret,id=t,target=/q x\n"
            "FROM a\nARG R=3\nCOPY --from=b /x /y\n",
            "BUILD ARG   VALUE   DESCRIPTION\n"
            "Q           2       \nP           1       \nR           3       \n\n"
            "SECRET   REQUIRED\nu        true\nt        \n\n",
        ),
        ("FROM a AS b\nFROM b AS b\n", "TARGET: b\n\n"),
    ],
)
def test_outlines(text: str, printed: str) -> None:
    assert answer(text, call="outline")[0] == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("# fin it ends\nFROM busybox AS fin\n", "TARGET        DESCRIPTION\nfin (default) it ends\n"),
        (
            "FROM busybox\nFROM busybox AS b\nFROM b AS fin\n",
            "TARGET        DESCRIPTION\n              \nb             \nfin (default) \n",
        ),
        (SEVERAL, "TARGET    DESCRIPTION\none       \ntwo       is second\n(default) \n"),
    ],
)
def test_targets(text: str, printed: str) -> None:
    assert answer(text, call="targets")[0] == printed


def test_targets_say_what_they_stand_on() -> None:
    _, document = answer(SEVERAL, call="targets")
    assert document["targets"][1] == {  # type: ignore[index]
        "name": "two",
        "description": "is second",
        "base": "one",
        "platform": "$BUILDPLATFORM",
        "location": {"ranges": [{"start": {"line": 10}, "end": {"line": 10}}]},
    }


@pytest.mark.parametrize("target", ["nope", "2"])
def test_a_target_that_is_not_there_has_no_outline(target: str) -> None:
    with pytest.raises(DockerfileError, match=f'target stage "{target}" could not be found'):
        answer(SEVERAL, call="outline", target=target)


def checked(text: str) -> tuple[Dockerfile, Linter]:
    file, linter = parse(text.encode()), Linter()
    check_file(file, linter)
    return file, linter


def test_findings_are_printed_by_line() -> None:
    found = subrequests.lint(*checked("FROM x AS Base\nRUN a \\\n b\nMAINTAINER y\n"))
    assert found["result.statuscode"] == b"1"
    assert found["result.txt"].decode() == (
        "\n"
        "WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/\n"
        "Stage name 'Base' should be lowercase\n"
        "Dockerfile:1\n"
        "--------------------\n"
        "   1 | >>> FROM x AS Base\n"
        "   2 |     RUN a \\\n"
        "   3 |      b\n"
        "--------------------\n"
        "\n"
        "WARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/\n"
        "Maintainer instruction is deprecated in favor of using label\n"
        "Dockerfile:4\n"
        "--------------------\n"
        "   2 |     RUN a \\\n"
        "   3 |      b\n"
        "   4 | >>> MAINTAINER y\n"
        "--------------------\n"
    )
    document = json.loads(found["result.json"])
    assert document["sources"][0]["filename"] == "Dockerfile"
    assert document["warnings"][0] == {
        "ruleName": "StageNameCasing",
        "description": "Stage names should be lowercase",
        "url": "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/",
        "detail": "Stage name 'Base' should be lowercase",
        "location": {"ranges": [{"start": {"line": 1}, "end": {"line": 1}}]},
    }


def test_a_file_without_findings_is_fine() -> None:
    found = subrequests.lint(*checked("FROM x\n"))
    assert (found["result.txt"], found["result.statuscode"]) == (b"", b"0")
    assert json.loads(found["result.json"])["warnings"] is None


def test_a_file_that_cannot_be_read_is_told_beside_the_findings() -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(b"FROM x\nRNU a \\\n b\n")
    found = subrequests.unreadable(caught.value)
    error = json.loads(found["result.json"])["buildError"]
    assert (
        error["message"] == "dockerfile parse error on line 2: unknown instruction: RNU (did you mean RUN?)"
    )
    assert [one["start"]["line"] for one in error["location"]["ranges"]] == [2, 3]
    assert found["result.statuscode"] == b"1"
    assert found["result.error.txt"].decode() == (
        f"ERROR: {error['message']}\n"
        "Dockerfile:2\n"
        "--------------------\n"
        "   1 |     FROM x\n"
        "   2 | >>> RNU a \\\n"
        "   3 | >>>  b\n"
        "--------------------\n"
    )
