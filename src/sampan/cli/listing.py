"""What every list command prints: a table, one field per line, a Go template, or JSON.

A listing is declared as a table of fields: name -> (column header, function of a row). A template that only
names fields, as the defaults do, needs no template engine.
"""

from __future__ import annotations

import sys

from sampan.cli import gojson
from sampan.cli.errors import CliError
from sampan.cli.tabwriter import align

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from sampan.cli.gotemplate import Template

    Field = tuple[str, Callable[[Any], Any]]

_JSON = "{{json .}}"


class Listing:
    """The fields a kind of object can be listed by. `type_name` is Docker's, for error messages.

    `failures` is how messages about templates that cannot be parsed, or not be executed, begin.
    """

    __slots__ = ("extra", "failures", "fields", "type_name")

    def __init__(
        self,
        fields: Mapping[str, Field],
        type_name: str,
        extra: Mapping[str, Callable[..., Any]] | None = None,
        failures: tuple[str, str] = ("template parsing error", "template parsing error"),
    ) -> None:
        self.fields = fields
        self.type_name = type_name
        self.extra = extra or {}
        self.failures = failures

    def show(self, rows: Iterable[Any], source: str, table: str = "", quiet: str = "") -> None:
        """Print `rows` by the --format value `source`; `table` is its meaning when empty or "table"."""
        sys.stdout.write(self.render(rows, source, table, quiet))

    def render(self, rows: Iterable[Any], source: str, table: str = "", quiet: str = "") -> str:
        template, is_table = self.resolve(source, table, quiet)
        body = self.compile(template)
        lines = [body(row) for row in rows]
        if not is_table:
            return "".join(line + "\n" for line in lines)
        return align("\n".join([self.header(template), *lines])) + "\n"

    @staticmethod
    def resolve(source: str, table: str, quiet: str) -> tuple[str, bool]:
        """(template, whether it is a table)."""
        if quiet and source in ("", "table"):
            return quiet, False
        if not source or source == "table":
            template, is_table = table, True
        elif source == "json":
            return _JSON, False
        elif source.startswith("table"):
            template, is_table = source[5:].strip(), True
        else:
            template, is_table = source, False
        return template.replace("\\t", "\t").replace("\\n", "\n"), is_table

    def header(self, template: str) -> str:
        plain = _plain_parts(template)
        if plain is not None and all(name in self.fields for name in plain[1::2]):
            return "".join(self.fields[p][0] if i % 2 else p for i, p in enumerate(plain))
        from sampan.cli.gotemplate import Template

        headers = {name: header for name, (header, _) in self.fields.items()}
        return self._execute(Template(template, header=True), headers)

    def _execute(self, template: Template, data: Any) -> str:
        from sampan.cli.gotemplate import TemplateError

        try:
            return template.execute(data)
        except TemplateError as error:
            raise CliError(f"{self.failures[1]}: {error}") from None

    def compile(self, template: str) -> Callable[[Any], str]:
        """A function from a row to its line; raises CliError for a bad template."""
        if template == _JSON:
            return self.json
        plain = _plain_parts(template)
        if plain is not None and all(name in self.fields for name in plain[1::2]):
            getters = [self.fields[part][1] if index % 2 else part for index, part in enumerate(plain)]
            return lambda row: "".join(g if isinstance(g, str) else _text(g(row)) for g in getters)
        from sampan.cli.gotemplate import Record, Template, TemplateError

        try:
            compiled = Template(template)
        except TemplateError as error:
            raise CliError(f"{self.failures[0]}: {error}") from None
        return lambda row: self._execute(compiled, Record(self, row))

    def json(self, row: Any) -> str:
        return gojson.dumps({name: self.fields[name][1](row) for name in sorted(self.fields)}, sort=True)

    # What a template sees of a row: gotemplate.Record asks these.
    def has(self, name: str) -> bool:
        return name in self.fields or name in self.extra

    def get(self, row: Any, name: str, args: tuple[Any, ...]) -> Any:
        if name in self.extra:
            return self.extra[name](row, *args)
        return self.fields[name][1](row)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _plain_parts(template: str) -> list[str] | None:
    """[text, name, text, name, ... text] of a template that only holds {{.Name}} actions, else None."""
    parts: list[str] = []
    rest = template
    while True:
        text, opened, rest = rest.partition("{{")
        parts.append(text)
        if not opened:
            return parts
        action, closed, rest = rest.partition("}}")
        name = action.strip()
        if not closed or not name.startswith(".") or not name[1:].isidentifier() or name[:2] == "- ":
            return None
        parts.append(name[1:])
