"""Documents that follow RUN, COPY and ADD."""

from typing import Any

import pytest

from sampan.builder.dockerfile import instructions as df
from sampan.builder.dockerfile.heredocs import Mark, mark_of
from sampan.builder.dockerfile.parse import parse


def first(text: str | bytes) -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    return parse(b"FROM x\n" + data).stages[0].instructions[0]


@pytest.mark.parametrize(
    ("word", "mark"),
    [
        ("<<EOF", ("EOF", True, False, 0)),
        ("<<-EOF", ("EOF", True, True, 0)),
        ("3<<EOF", ("EOF", True, False, 3)),
        ("<<'EOF'", ("EOF", False, False, 0)),
        ('<<"EOF"', ("EOF", False, False, 0)),
        ("<<E'O'F", ("EOF", False, False, 0)),
        ("<<\\EOF", ("EOF", True, False, 0)),
        ("<<$EOF", ("$EOF", True, False, 0)),
        ("<<", None),
        ("<<-", None),
        ("<<<EOF", None),
        ("<<a<<b", None),
        ("x<<EOF", None),
        ("<EOF", None),
        ("<<'EOF", None),
        ("<<''", None),
    ],
)
def test_marks(word: str, mark: tuple[str, bool, bool, int] | None) -> None:
    expected = mark and Mark(name=mark[0], expand=mark[1], chomp=mark[2], descriptor=mark[3])
    assert mark_of(word) == expected


def test_run_takes_what_follows() -> None:
    run = first("RUN <<EOF\na\n\n# kept\n b \\\nEOF\nRUN next\n")
    assert run.args == ("<<EOF",) and run.text == "RUN <<EOF"
    assert [(one.name, one.content) for one in run.heredocs] == [("EOF", "a\n\n# kept\n b \\\n")]
    assert (run.lines.first, run.lines.last) == (2, 7)


def test_several_follow_each_other() -> None:
    run = first("RUN cat <<A 3<<-'B' > x\n1\nA\n\t2\n\tB\n")
    assert [(one.name, one.content, one.expand, one.chomp, one.descriptor) for one in run.heredocs] == [
        ("A", "1\n", True, False, 0),
        ("B", "\t2\n", False, True, 3),
    ]
    assert run.heredocs[1].text() == "2\n"


def test_only_tabs_are_taken_away_and_only_at_the_beginning() -> None:
    assert df.Heredoc(name="E", content="\t\ta\tb\n \tc\n", chomp=True).text() == "a\tb\n \tc\n"


def test_copy_names_files_after_its_documents() -> None:
    copy = first("COPY <<a.txt other <<'b.txt' /dest/\n$x\na.txt\n$y\nb.txt\n")
    assert copy.sources == ("other",) and copy.dest == "/dest/"
    assert [(one.name, one.data, one.expand) for one in copy.inline] == [
        ("a.txt", "$x\n", True),
        ("b.txt", "$y\n", False),
    ]
    expanded = copy.expanded_inline(lambda text: text.replace("$x", "1").replace("$y", "2"))
    assert [one.data for one in expanded.inline] == ["1\n", "$y\n"]


@pytest.mark.parametrize(
    "line", ['RUN ["a", "<<EOF"]', "CMD <<EOF", "RUN echo '<<EOF'", "RUN a <<<EOF", "RUN $((1<<2))"]
)
def test_some_are_none(line: str) -> None:
    assert first(f"{line}\nRUN b\n").heredocs == ()


def test_the_end_may_be_the_last_line_without_a_newline() -> None:
    assert first("RUN <<EOF\na\nEOF").heredocs[0].content == "a\n"


def test_carriage_returns_stay_in_the_content_but_end_it_too() -> None:
    assert first("RUN <<EOF\r\na\r\nEOF\r\n").heredocs[0].content == "a\r\n"


def test_a_trigger_keeps_its_document() -> None:
    onbuild = first("ONBUILD RUN <<EOF\nmake\nEOF\n")
    assert onbuild.expression == "RUN <<EOF\nmake\nEOF"
    assert isinstance(onbuild.trigger, df.Run) and onbuild.trigger.heredocs[0].content == "make\n"


def test_bytes_that_are_no_utf8_stay_in_documents_and_are_replaced_elsewhere() -> None:
    copy = first(b"COPY <<a /caf\xe9\n\xff\xfe\na\n")
    assert copy.inline[0].data.encode("utf-8", "surrogateescape") == b"\xff\xfe\n"
    assert copy.dest == "/caf\ufffd"
