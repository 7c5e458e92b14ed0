"""Words with quotes, escapes and variables, as BuildKit's shell lexer reads them."""

from collections.abc import Mapping


class Expander:
    """Replaces variables by `variables`; remembers the names it met, for lint.

    All methods raise DockerfileError in BuildKit's words (without a place).
    """

    def __init__(self, variables: Mapping[str, str], escape: str = "\\") -> None:
        self.variables = variables
        self.escape = escape
        self.matched: set[str] = set()
        self.unmatched: set[str] = set()

    def word(self, text: str) -> str:
        """One value: variables replaced, quotes and escapes removed, blanks kept."""
        raise NotImplementedError

    def words(self, text: str) -> list[str]:
        """The words it splits into, after the variables were replaced, as EXPOSE has it."""
        raise NotImplementedError

    def raw(self, text: str) -> str:
        """As `word`, but quotes stay: what heredocs of COPY and ADD get."""
        raise NotImplementedError
