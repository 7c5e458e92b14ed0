"""Go's text/template with Docker's functions, for --format."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.gotemplate.execute import Executor
from sampan.cli.gotemplate.functions import FUNCTIONS, HEADER_FUNCTIONS, NAMES
from sampan.cli.gotemplate.lexer import TemplateError
from sampan.cli.gotemplate.parser import parse
from sampan.cli.gotemplate.values import Record, Struct, Texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Record", "Struct", "Template", "TemplateError", "Texts"]


class Template:
    """A parsed template; raises TemplateError when it cannot be parsed."""

    def __init__(self, source: str, name: str = "", *, header: bool = False) -> None:
        self.source = source
        self.name = name
        self._functions = HEADER_FUNCTIONS if header else FUNCTIONS
        self._body, self._defined = parse(source, name, NAMES)

    def execute(self, data: Any, strict: bool = False) -> str:
        """The text of `data`; raises TemplateError. `strict` makes a missing map key an error."""
        return Executor(self.name, self.source, self._defined, self._functions, strict).run(self._body, data)


def render_one(source: str, name: str, data: Any) -> str:
    """A template on one value, as `version` and `info` do it; raises CliError, code 64 for a bad template."""
    try:
        template = Template(source, name)
    except TemplateError as error:
        raise CliError(f"template parsing error: {error}", 64) from None
    try:
        return template.execute(data)
    except TemplateError as error:
        raise CliError(str(error)) from None
