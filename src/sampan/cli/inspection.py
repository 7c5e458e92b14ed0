"""What every inspect command shares: fetch each name, print JSON or a template, report what was not found."""

from __future__ import annotations

import sys

from sampan.cli import gojson
from sampan.cli.errors import CliError
from sampan.cli.flags import Flag
from sampan.cli.help import FORMAT_HELP_INSPECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sampan.cli.gotemplate import Template

FORMAT_FLAG = Flag("format", "string", FORMAT_HELP_INSPECT, short="f")


def show(names: list[str], source: str, fetch: Callable[[str], bytes]) -> int:
    """`fetch` gives the JSON text of an object or raises CliError; what was found is printed all the same."""
    printer = _Json(compact=source == "json") if source in ("", "json") else _Templated(source)
    failures: list[str] = []
    for name in names:
        try:
            printer.add(fetch(name))
        except CliError as error:
            failures.append(error.message)
    sys.stdout.write(printer.finish())
    if failures:
        raise CliError("\n".join(failures))
    return 0


class _Json:
    def __init__(self, compact: bool) -> None:
        self._compact = compact
        self._texts: list[str] = []

    def add(self, raw: bytes) -> None:
        self._texts.append(raw.decode("utf-8", "replace").strip())

    def finish(self) -> str:
        if self._compact:
            return "[" + ",".join(self._texts) + "]\n"
        if not self._texts:
            return "[]\n"
        return gojson.indent("[" + ",".join(self._texts) + "]") + "\n"


class _Templated:
    def __init__(self, source: str) -> None:
        from sampan.cli.gotemplate import Template, TemplateError

        try:
            self._template: Template = Template(source)
        except TemplateError as error:
            raise CliError(f"template parsing error: {error}", 64) from None
        self._out: list[str] = []

    def add(self, raw: bytes) -> None:
        """As a typed value first; where that fails as plain maps, whose error is the one to show."""
        from sampan.cli.gotemplate import TemplateError
        from sampan.cli.gotypes import typed

        value: Any = gojson.loads(raw)
        try:
            text = self._template.execute(typed(value))
        except TemplateError:
            try:
                text = self._template.execute(value, strict=True)
            except TemplateError as error:
                raise CliError(f"template parsing error: {error}") from None
        self._out.append(text + "\n")

    def finish(self) -> str:
        return "".join(self._out) or "\n"
