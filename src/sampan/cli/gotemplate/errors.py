"""How a template fails."""

from __future__ import annotations


class TemplateError(Exception):
    """Text as Go's text/template words it; `parsing` tells a bad template from a failed execution."""

    def __init__(self, text: str, parsing: bool = False) -> None:
        super().__init__(text)
        self.parsing = parsing
