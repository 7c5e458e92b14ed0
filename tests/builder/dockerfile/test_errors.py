"""What is wrong with a Dockerfile, in BuildKit's words. All rows were asked from Docker 26, BuildKit 0.13."""

import pytest

from sampan.builder.dockerfile.parse import parse
from sampan.builder.errors import DockerfileError, Place, excerpt
from sampan.builder.plan.graph import Lines


def problem(text: str | bytes) -> DockerfileError:
    with pytest.raises(DockerfileError) as caught:
        parse(text if isinstance(text, bytes) else text.encode())
    return caught.value


NO_DESTINATION = (
    "requires at least two arguments, but only one was provided. Destination could not be determined"
)

# One instruction in line 2; what follows "dockerfile parse error on line 2: ".
INSTRUCTIONS = [
    ("RNU x", "unknown instruction: RNU (did you mean RUN?)"),
    (
        "COPY a",
        f"COPY {NO_DESTINATION}",
    ),
    (
        "COPY",
        f"COPY {NO_DESTINATION}",
    ),
    (
        "ADD a",
        f"ADD {NO_DESTINATION}",
    ),
    ("COPY --chwon=a b c", "unknown flag: chwon (did you mean chown?)"),
    ("COPY --linkk b c", "unknown flag: linkk (did you mean link?)"),
    ("COPY --link=maybe b c", "expecting boolean value for flag link, not: maybe"),
    ("COPY --link= b c", "missing a value on flag: link"),
    ("COPY --xyzzy b c", "unknown flag: xyzzy"),
    ("COPY --from=a --from=b b c", "duplicate flag specified: from"),
    ("COPY --from b c", "missing a value on flag: from"),
    ("ENV", "ENV requires at least one argument"),
    ("ENV =b", "ENV names can not be blank"),
    ("SHELL", "SHELL requires at least one argument"),
    ("SHELL a b", "SHELL requires the arguments to be in JSON form"),
    ("SHELL []", "SHELL requires at least one argument"),
    ("ONBUILD", "ONBUILD requires at least one argument"),
    ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
    ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
    ("ONBUILD maintainer x", "MAINTAINER isn't allowed as an ONBUILD trigger"),
    ("USER", "USER requires exactly one argument"),
    ("WORKDIR", "WORKDIR requires exactly one argument"),
    ("VOLUME", "VOLUME requires at least one argument"),
    ("VOLUME []", "VOLUME requires at least one argument"),
    ('VOLUME [""]', "VOLUME specified can not be an empty string"),
    ("EXPOSE", "EXPOSE requires at least one argument"),
    ("STOPSIGNAL", "STOPSIGNAL requires exactly one argument"),
    ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
    ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
    ("HEALTHCHECK foo", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'),
    ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
    ("HEALTHCHECK CMD []", "Missing command after HEALTHCHECK CMD"),
    ("HEALTHCHECK --interval=x CMD a", 'time: invalid duration "x"'),
    ("HEALTHCHECK --interval=1us CMD a", 'Interval "interval" cannot be less than 1ms'),
    ("HEALTHCHECK --interval=-1s CMD a", 'Interval "interval" cannot be less than 1ms'),
    ("HEALTHCHECK --retries=-1 CMD a", "--retries cannot be negative (-1)"),
    ("HEALTHCHECK --retries=x CMD a", 'strconv.ParseInt: parsing "x": invalid syntax'),
    (
        "HEALTHCHECK --retries=99999999999 CMD a",
        'strconv.ParseInt: parsing "99999999999": value out of range',
    ),
    ("HEALTHCHECK --intervall=1s CMD a", "unknown flag: intervall (did you mean interval?)"),
    ("ARG", "ARG requires at least one argument"),
    ("ARG =x", "ARG names can not be blank"),
    ("MAINTAINER", "MAINTAINER requires exactly one argument"),
    ("COPY x <<EOF\nEOF", "COPY cannot accept a heredoc as a destination"),
    ("RUN --mount x", "missing a value on flag: mount"),
    (
        "RUN --mount=type=bind,from=$x,target=/a x",
        "'from' doesn't support variable expansion, define alias stage instead",
    ),
    ("RUN --network=foo x", 'invalid network mode "foo"'),
    ("COPY --checksum=a a b", "unknown flag: checksum"),
    ("INCLUDE foo", "unknown instruction: INCLUDE"),
    (
        'COPY ["a"] ',
        f"COPY {NO_DESTINATION}",
    ),
    # Docker 26 does not know these yet: the newest frontend's sentences.
    ("RUN --security=foo x", 'security "foo" is not valid'),
    ("RUN --device=a,b=c x", "unexpected key 'b' in 'b=c'"),
    ("RUN --device=name=a,name=b x", "device name already set to a"),
    ("RUN --device=name=a,required=maybe x", "invalid value for required: maybe"),
    ("COPY --unpack a b", "unknown flag: unpack"),
    ("ADD --from=x a b", "unknown flag: from"),
    ("ADD --unpak a b", "unknown flag: unpak (did you mean unpack?)"),
    ("RUN --mount= x", "failed to parse csv mounts: EOF"),
    ("run x\0y", "unexpected NUL"),
]


@pytest.mark.parametrize(("line", "message"), INSTRUCTIONS)
def test_a_wrong_instruction_is_told_with_its_line(line: str, message: str) -> None:
    error = problem(f"FROM busybox\n{line}\n")
    assert error.message == f"dockerfile parse error on line 2: {message}"
    assert error.place is not None and error.place.lines.first == 2


# The whole file, the message, the lines that are shown.
FILES = [
    ("# only a comment\n", "file with no instructions", 1, 1),
    ("FROM\n", "dockerfile parse error on line 1: FROM requires either one or three arguments", 1, 1),
    ("FROM a b\n", "dockerfile parse error on line 1: FROM requires either one or three arguments", 1, 1),
    (
        "FROM busybox as 1x\n",
        'dockerfile parse error on line 1: invalid name for build stage: "1x", '
        "name can't start with a number or contain symbols",
        1,
        1,
    ),
    (
        "FROM busybox as a b\n",
        "dockerfile parse error on line 1: FROM requires either one or three arguments",
        1,
        1,
    ),
    (
        "FROM busybox xx y\n",
        "dockerfile parse error on line 1: FROM requires either one or three arguments",
        1,
        1,
    ),
    (
        "FROM --platfrom=x busybox\n",
        "dockerfile parse error on line 1: unknown flag: platfrom (did you mean platform?)",
        1,
        1,
    ),
    (
        "FROM --platform busybox\n",
        "dockerfile parse error on line 1: missing a value on flag: platform",
        1,
        1,
    ),
    (
        "FROM --platform=a --platform=b busybox\n",
        "dockerfile parse error on line 1: duplicate flag specified: platform",
        1,
        1,
    ),
    ("FROM busybox\nENV a\n", "ENV must have two arguments", 2, 2),
    (
        "FROM busybox\nENV a=b c\n",
        'Syntax error - can\'t find = in "c". Must be of the form: name=value',
        2,
        2,
    ),
    ("FROM busybox\nLABEL a\n", "LABEL must have two arguments", 2, 2),
    (
        "FROM busybox\nLABEL a b c\nLABEL =x\n",
        "dockerfile parse error on line 3: LABEL names can not be blank",
        3,
        3,
    ),
    (
        "FROM busybox\nCMD [1,2]\n",
        "when using JSON array syntax, arrays must be comprised of strings only",
        2,
        2,
    ),
    (
        'FROM busybox\nCMD ["a", 2]\n',
        "when using JSON array syntax, arrays must be comprised of strings only",
        2,
        2,
    ),
    (
        'FROM busybox\nRUN ["a", 2]\n',
        "when using JSON array syntax, arrays must be comprised of strings only",
        2,
        2,
    ),
    (
        'FROM busybox\nVOLUME ["a", 1]\n',
        "when using JSON array syntax, arrays must be comprised of strings only",
        2,
        2,
    ),
    ("FROM busybox\nCOPY <<EOF /x\nabc\n", "unterminated heredoc", 2, 3),
    ("FROM busybox\nRUN <<EOF\n", "unterminated heredoc", 2, 2),
    ("FROM busybox\nRUN <<EOF <<EOF2\necho a\nEOF\necho b\n", "unterminated heredoc", 2, 5),
    ("# escape=x\nFROM busybox\n", "invalid escape token 'x' does not match ` or \\", 1, 1),
    ("# escape=\\\n# escape=\\\nFROM busybox\n", "only one escape parser directive can be used", 2, 2),
    (
        'FROM busybox\nCOPY ["a", "b", 1]\n',
        "when using JSON array syntax, arrays must be comprised of strings only",
        2,
        2,
    ),
    ("RUN x\n", "no build stage in current context", 1, 1),
    ("ARG a\n", "dockerfile contains no stages to build", 1, 1),
    ("\n\n\n", "file with no instructions", 3, 3),
    ("# syntax=a\n# syntax=b\nFROM busybox\n", "only one syntax parser directive can be used", 2, 2),
    (
        "FROM busybox\nRUN " + "a" * 65532 + "\n",
        "dockerfile line greater than max allowed size of 65535",
        2,
        2,
    ),
]


@pytest.mark.parametrize(("text", "message", "first", "last"), FILES)
def test_a_wrong_file_is_told_with_its_lines(text: str, message: str, first: int, last: int) -> None:
    error = problem(text)
    assert error.message == message
    assert error.place is not None and error.place.lines == Lines(first=first, last=last)


def test_an_empty_file_has_no_lines_to_show() -> None:
    error = problem("")
    assert (error.message, error.place) == ("the Dockerfile cannot be empty", None)


def test_what_is_wrong_with_lines_comes_before_what_is_wrong_with_instructions() -> None:
    assert problem("FROM busybox\nRNU x\nENV a\n").message == "ENV must have two arguments"


def test_all_lines_of_a_continued_instruction_are_shown() -> None:
    error = problem("FROM busybox\n\nRNU a \\\n  # why\n  b\nRUN c\n")
    assert error.place is not None and error.place.lines == Lines(first=3, last=5)


def test_the_source_is_kept_readable_whatever_its_bytes() -> None:
    error = problem(b"FROM busybox\nRNU caf\xe9\n")
    assert error.place is not None and error.place.text == "FROM busybox\nRNU caf\ufffd\n"


@pytest.mark.parametrize(
    "line", ["ONBUILD RNU x", "ONBUILD COPY x", "USER a b", "RUN", 'CMD ["a" "b"]', "CMD ['a']"]
)
def test_what_docker_takes_is_taken(line: str) -> None:
    parse(f"FROM busybox\n{line}\n".encode())


TEN = "".join(f"{number}\n" for number in range(1, 11))


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [(5, 5, "3 4 >5 6 7"), (1, 1, ">1 2 3"), (10, 10, "8 9 >10"), (5, 7, "4 >5 >6 >7 8"), (1, 2, ">1 >2 3")],
)
def test_the_source_is_shown_with_as_many_lines_as_buildx_shows(first: int, last: int, shown: str) -> None:
    text = excerpt(Place(filename="f", text=TEN, lines=Lines(first=first, last=last)))
    head, rule, *lines, end = text.split("\n")
    assert (head, rule, end) == (f"f:{first}", "-" * 20, "-" * 20)
    marked = [(">" if ">>>" in line else "") + line.split()[-1] for line in lines]
    assert " ".join(marked) == shown
