"""What can be wrong with an expression, in cel-go's words; https://github.com/google/cel-go
common/error.go
"""


class Issue:
    """One error of an expression's source; `column` counts from 0, as cel-go does."""

    __slots__ = ("column", "line", "message")

    def __init__(self, line: int, column: int, message: str) -> None:
        self.line = line
        self.column = column
        self.message = message


# What cel-go puts in the snippet's place of a wide character.
_DOT, _CARET = ".", "^"


class CelError(Exception):
    """An expression that is not valid. `str()` is what cel-go prints, all issues one below the other."""

    def __init__(self, source: str, issues: list[Issue]) -> None:
        self.source = source
        self.issues = sorted(issues, key=lambda issue: (issue.line, issue.column))
        super().__init__("\n".join(_show(source, issue) for issue in self.issues))


class CelEvaluationError(Exception):
    """An evaluation that has no value: "no such key: x", "division by zero"."""


class BudgetExceeded(CelEvaluationError):
    """The evaluation costs more than it may."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


def _show(source: str, issue: Issue) -> str:
    text = f"ERROR: <input>:{issue.line}:{issue.column + 1}: {issue.message}"
    lines = source.split("\n")
    if not 0 < issue.line <= len(lines):
        return text
    snippet = lines[issue.line - 1].replace("\t", " ")
    marks = "".join(_wide(char, _DOT) for char in snippet[: issue.column])
    marks += _DOT * (issue.column - len(snippet[: issue.column]))
    caret = _wide(snippet[issue.column], _CARET) if issue.column < len(snippet) else _CARET
    return f"{text}\n | {snippet}\n | {marks}{caret}"


def _wide(char: str, mark: str) -> str:
    """A character of more than one byte gets the full-width mark."""
    return chr(ord(mark) - 0x20 + 0xFF00) if ord(char) > 0x7F else mark
