"""Which instructions a Dockerfile has."""

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sampan.builder.dockerfile import instructions as df
from sampan.builder.dockerfile.parse import parse, parse_trigger
from sampan.builder.errors import DockerfileError
from sampan.builder.plan.graph import Lines


def one(line: str, head: str = "") -> Any:
    """The instruction of a file of one stage."""
    return parse(f"{head}FROM busybox\n{line}\n".encode()).stages[0].instructions[0]


def pairs(instruction: Any) -> list[tuple[str, str]]:
    return [(pair.key, pair.value) for pair in instruction.pairs]


COMMANDS = [
    ("RUN make all", df.Run, ("make all",), True),
    ("RUN   make  all  ", df.Run, ("make  all",), True),
    ('RUN ["a", "b c"]', df.Run, ("a", "b c"), False),
    ('RUN   [ "a" ]  ', df.Run, ("a",), False),
    ('RUN ["a", "b"', df.Run, ('["a", "b"',), True),
    ("RUN [ -f x ]", df.Run, ("[ -f x ]",), True),
    ("RUN []", df.Run, (), False),
    ("RUN", df.Run, (), True),
    ('RUN ["\\u00e9\\n\\ud800"]', df.Run, ("é\n\ufffd",), False),
    ('CMD ["a", NaN]', df.Cmd, ('["a", NaN]',), True),
    ("CMD echo hi", df.Cmd, ("echo hi",), True),
    ("ENTRYPOINT []", df.Entrypoint, (), False),
    ("cmd", df.Cmd, (), True),
]


@pytest.mark.parametrize(("line", "kind", "args", "shell"), COMMANDS)
def test_commands_have_a_shell_and_an_exec_form(
    line: str, kind: type, args: tuple[str, ...], shell: bool
) -> None:
    command = one(line)
    assert (type(command), command.args, command.shell) == (kind, args, shell)


PAIRS = [
    ("ENV a=b c=d", [("a", "b"), ("c", "d")]),
    ("ENV a b c", [("a", "b c")]),
    ("ENV a  b  c ", [("a", "b  c")]),
    ('ENV a="b c" d', None),
    ('ENV a="b c" d=e\\ f', [("a", '"b c"'), ("d", "e\\ f")]),
    ("ENV a=b=c", [("a", "b=c")]),
    ("ENV a=", [("a", "")]),
    ('ENV a="b', [("a", '"b')]),
    ("ENV 'a b'=c", [("'a b'", "c")]),
    ("ENV a='b\\' c='d'", [("a", "'b\\'"), ("c", "'d'")]),
    ("ENV a=b\\", [("a", "b")]),
    ('LABEL "com.x"="y" z=\'"\'', [('"com.x"', '"y"'), ("z", "'\"'")]),
    ("LABEL a\tb", [("a", "b")]),
]


@pytest.mark.parametrize(("line", "found"), PAIRS)
def test_pairs_have_a_new_and_an_old_form(line: str, found: list[tuple[str, str]] | None) -> None:
    if found is None:
        with pytest.raises(DockerfileError):
            one(line)
    else:
        assert pairs(one(line)) == found


def test_the_old_form_is_marked() -> None:
    assert [pair.legacy for pair in one("ENV a b").pairs] == [True]
    assert [pair.legacy for pair in one("ENV a=b").pairs] == [False]


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("COPY a b c", {"sources": ("a", "b"), "dest": "c", "from_": "", "link": False}),
        ('COPY ["a b", "c"]', {"sources": ("a b",), "dest": "c"}),
        ('COPY "a b" c', {"sources": ('"a', 'b"'), "dest": "c"}),
        (
            "COPY --from=x --chown=1:2 --chmod=u+x --link --parents --exclude=*.o --exclude=b a /c/",
            {
                "from_": "x",
                "chown": "1:2",
                "chmod": "u+x",
                "link": True,
                "parents": True,
                "exclude": ("*.o", "b"),
                "dest": "/c/",
            },
        ),
        ("COPY --link=false a b", {"link": False}),
        ("COPY --chown='a b' x y", {"chown": "a b", "sources": ("x",)}),
        ("COPY --chown=a\\ b x y", {"chown": "a b"}),
        ("COPY -- --x y", {"sources": ("--x",), "dest": "y"}),
        ("COPY --chown=é x y", {"chown": "é"}),
        ("ADD --checksum=sha256:1 http://x/y z", {"checksum": "sha256:1", "keep_git_dir": None}),
        ("ADD --keep-git-dir --unpack=false a b", {"keep_git_dir": True, "unpack": False}),
        ("EXPOSE 90 80/udp", {"ports": ("80/udp", "90")}),
        ("VOLUME /a  /b", {"paths": ("/a", "/b")}),
        ('VOLUME ["/a b", " /c "]', {"paths": ("/a b", "/c")}),
        ("USER a b", {"user": "a b"}),
        ("WORKDIR  /a b ", {"path": "/a b"}),
        ("MAINTAINER A <a@b>", {"name": "A <a@b>"}),
        ("STOPSIGNAL SIGINT", {"signal": "SIGINT"}),
        ('SHELL ["a", "-c"]', {"args": ("a", "-c")}),
        ("HEALTHCHECK NONE", {"test": ("NONE",)}),
        ("HEALTHCHECK none", {"test": ("NONE",)}),
        ("HEALTHCHECK CMD a  b", {"test": ("CMD-SHELL", "a  b")}),
        (
            "HEALTHCHECK --interval=1.5s --timeout=2m --start-period=3h --start-interval=5ms --retries=4 "
            'CMD ["a"]',
            {
                "test": ("CMD", "a"),
                "interval": 1_500_000_000,
                "timeout": 120 * 10**9,
                "start_period": 3 * 3600 * 10**9,
                "start_interval": 5_000_000,
                "retries": 4,
            },
        ),
        ("HEALTHCHECK --interval=0 --retries= CMD a", {"interval": 0, "retries": 0}),
        ("RUN --network=none --security=insecure --device=a=b,required x", {"network": "none"}),
        ("RUN --device=v/c=n,required --device=x y", {"devices": (("v/c=n", True), ("x", False))}),
        ("RUN --mount=type=cache,target=/a b", {"mount_flags": ("type=cache,target=/a",), "mounts": ()}),
        ("ONBUILD RUN x  y", {"expression": "RUN x  y"}),
        ("onbuild  copy a b", {"expression": "copy a b"}),
        ("ONBUILD RNU x", {"expression": "RNU x", "trigger": None}),
    ],
)
def test_instructions_have_their_arguments_and_flags(line: str, fields: dict[str, Any]) -> None:
    instruction = one(line)
    assert {name: getattr(instruction, name) for name in fields} == fields


def test_arguments_may_have_values_and_descriptions() -> None:
    file = parse(b'# a the first\n# b the second\nARG a b=1 c="x y"\nFROM x\nARG d=\n')
    first = [(arg.key, arg.value, arg.comment) for arg in file.global_args[0].args]
    assert first == [("a", None, "the first"), ("b", "1", "the second"), ("c", '"x y"', "")]
    inner = file.stages[0].instructions[0]
    assert isinstance(inner, df.Arg) and inner.args[0].value == ""


def test_stages_are_found_by_name_in_any_case_or_number() -> None:
    file = parse(b"FROM a AS Build\nRUN x\nFROM --platform=$P b as build\nFROM build\n")
    assert [stage.name for stage in file.stages] == ["build", "build", ""]
    assert file.stages[0].start.written_name == "Build" and file.stages[0].start.as_keyword == "AS"
    assert file.stages[1].start.platform == "$P"
    assert file.stage("BUILD") is file.stages[1]  # the later one
    assert file.stage("0") is file.stages[0]
    assert file.stage("3") is None and file.stage("nope") is None and file.stage("-1") is None


LINES = [
    ("RUN a \\\n  b", "RUN a   b", 2, 3),
    ("RUN a\\\nb", "RUN ab", 2, 3),
    ("RUN a \\  \n b", "RUN a  b", 2, 3),
    ("RUN a \\\n# why\n  # and\n b", "RUN a  b", 2, 5),
    ("RUN a \\\n\n\n b", "RUN a  b", 2, 5),
    ("RUN a \\\n b \\", "RUN a  b", 2, 3),
    ("RUN a\\\\", "RUN a\\\\", 2, 2),
    ("  RUN a", "RUN a", 2, 2),
    ("\\\nRUN a", "RUN a", 2, 3),
    ("RUN echo # no comment", "RUN echo # no comment", 2, 2),
    ("RUN a \\\r\n b\r", "RUN a  b", 2, 3),
]


@pytest.mark.parametrize(("text", "line", "first", "last"), LINES)
def test_lines_are_joined(text: str, line: str, first: int, last: int) -> None:
    instruction = one(text)
    assert (instruction.text, instruction.lines) == (line, Lines(first=first, last=last))


def test_the_backtick_can_continue_lines() -> None:
    file = parse(b"# escape=`\nFROM x\nRUN a `\n b\\\nRUN c\\\n")
    assert file.escape == "`"
    assert [one.text for one in file.stages[0].instructions] == ["RUN a  b\\", "RUN c\\"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# syntax=docker/dockerfile:1\n#Escape = `\n#CHECK=skip=all  \nFROM x", 3),
        ("\n# syntax=a\nFROM x", 0),
        ("# comment\n# syntax=a\nFROM x", 0),
        ("# unknown=a\n# syntax=a\nFROM x", 0),
        ("#!/usr/bin/env docker\n# syntax=a\nFROM x", 1),
        ("\ufeff# syntax=a\nFROM x", 1),
        ("FROM x\n# syntax=a\n", 0),
        ("# syntax=\nFROM x", 0),
        ("  # syntax=a\nFROM x", 1),
    ],
)
def test_only_the_first_lines_are_directives(text: str, found: int) -> None:
    assert len(parse(text.encode()).directives) == found


def test_a_directive_is_read_by_its_name() -> None:
    file = parse(b"# syntax = docker/dockerfile:1 x \nFROM x\n")
    assert (file.directive("syntax"), file.directive("check")) == ("docker/dockerfile:1 x", "")


def test_empty_continuations_are_remembered() -> None:
    file = parse(b"FROM x\nRUN a \\\n\n b\nRUN c\n")
    assert file.empty_continuations == (Lines(first=4, last=4),)


def test_comments_belong_to_the_instruction_right_below() -> None:
    file = parse(b"# x\n#\n# base it\n# more\nFROM a AS base\n# gone\n\nRUN x\n")
    assert file.stages[0].start.comments == ("base it", "more")
    assert file.stages[0].start.comment == "it"
    assert file.stages[0].instructions[0].comments == ()


def test_an_error_gets_the_place_of_the_instruction_it_is_raised_at() -> None:
    file = parse(b"FROM x\nRUN a\n")
    with pytest.raises(DockerfileError) as caught, file.at(file.stages[0].instructions[0]):
        raise DockerfileError("no")
    assert caught.value.place is not None and caught.value.place.lines.first == 2


def test_expansion_reaches_what_the_language_expands() -> None:
    def shout(word: str) -> str:
        return word.upper()

    copied = one("COPY --from=a --chown=b --chmod=c --exclude=d e f").expanded(shout)
    assert (copied.from_, copied.chown, copied.chmod, copied.exclude) == ("a", "B", "C", ("D",))
    assert (copied.sources, copied.dest) == (("E",), "F")
    assert one("ADD --checksum=a b c").expanded(shout).checksum == "A"
    assert pairs(one("ENV a=b").expanded(shout)) == [("A", "B")]
    assert pairs(one("LABEL a b").expanded(shout)) == [("A", "B")]
    assert one("VOLUME a b").expanded(shout).paths == ("A", "B")
    assert one("USER a").expanded(shout).user == "A"
    assert one("WORKDIR a").expanded(shout).path == "A"
    assert one("STOPSIGNAL a").expanded(shout).signal == "A"
    assert [(arg.key, arg.value) for arg in one("ARG a b=c").expanded(shout).args] == [
        ("A", None),
        ("B", "C"),
    ]
    assert one("RUN --mount=target=/a,source=b c").expanded(shout).mounts[0].target == "/A"
    for line in (
        "CMD a",
        "ENTRYPOINT a",
        'SHELL ["a"]',
        "HEALTHCHECK CMD a",
        "ONBUILD RUN a",
        "MAINTAINER a",
    ):
        instruction = one(line)
        assert instruction.expanded(shout) is instruction


def test_a_trigger_is_one_instruction() -> None:
    trigger = parse_trigger("RUN <<EOF\nmake\nEOF")
    assert isinstance(trigger, df.Run) and trigger.heredocs[0].content == "make\n"
    with pytest.raises(DockerfileError, match="should be a single expression"):
        parse_trigger("RUN a\nRUN b")
    with pytest.raises(DockerfileError, match="unknown instruction: RNU"):
        parse_trigger("RNU a")
    with pytest.raises(DockerfileError):
        parse_trigger("FROM a")


@given(st.binary(max_size=300))
@example(b"\xff\xfe")
@example(b"FROM x\nRUN a\x00b")
@example(b"FROM x\nCMD " + b"[" * 5000)
@example(b"FROM x\nCMD [" + b"1" * 5000 + b"]")
@example(b"# escape=`\nFROM x\nRUN `")
@example(b"FROM x\nRUN <<a <<b\na\nb")
def test_any_bytes_are_a_dockerfile_or_an_error(data: bytes) -> None:
    try:
        parse(data)
    except DockerfileError as error:
        assert error.message


PIECES = st.sampled_from(
    [
        *(
            "FROM a",
            "FROM a AS b",
            "RUN x",
            "RUN x \\",
            "  y",
            "# c",
            "",
            "COPY <<E /x",
            "E",
            "ENV a=b",
            "ARG q",
        ),
        *(
            "RUN <<-'E' cat",
            "\tE",
            "ONBUILD RUN <<E",
            "CMD [",
            'CMD ["a"]',
            "LABEL a b",
            "\\",
            "RNU",
            "\ttext",
        ),
    ]
)


@given(st.lists(PIECES, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_positions_are_in_order_and_inside_the_file(pieces: list[str], newline: str) -> None:
    text = newline.join(["FROM base", *pieces])
    try:
        file = parse(text.encode())
    except DockerfileError as error:
        assert error.place is not None
        assert 1 <= error.place.lines.first <= error.place.lines.last <= len(pieces) + 1
        return
    everything = [one for stage in file.stages for one in (stage.start, *stage.instructions)]
    last = 0
    lines = text.split(newline)
    for instruction in everything:
        assert last < instruction.lines.first <= instruction.lines.last <= file.end_line
        last = instruction.lines.last
        assert lines[instruction.lines.first - 1].strip(" \t\\") in instruction.text or not instruction.text


@pytest.mark.parametrize(
    "data",
    [
        b"# c\n" * 100_000 + b"FROM x\n",
        b"FROM x\nRUN " + b"y\\\n" * 100_000 + b"\n",
        b"FROM x\n" + b"RUN y\n" * 10_000,
        b"FROM x\nRUN " + b"<<E " * 10_000 + b"\n" + b"E\n" * 10_000,
        b"FROM x\nCOPY <<E /y\n" + b"z\n" * 200_000 + b"E\n",
    ],
    ids=["comments", "continuations", "instructions", "heredocs", "content"],
)
def test_long_files_take_linear_time(data: bytes) -> None:
    started = time.process_time()
    assert len(parse(data).stages) == 1
    assert time.process_time() - started < 10  # a second at most; quadratic ones took more than a minute
