"""Who asks for what, and what rules say to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sampan.registry.auth.config import ACTIONS, Rule
from sampan.registry.patterns import matches

ANONYMOUS = "anonymous"
CATALOG = "registry:catalog:*"


@dataclass(frozen=True)
class Need:
    """What a request wants to do. Without a repository: `catalog` (listings), or "" (just be let in)."""

    repository: str = ""
    action: str = ""

    @property
    def scope(self) -> str:
        """As token services understand it. A push asks for pull too, as Docker's clients do."""
        if self.action == "catalog":
            return CATALOG
        if not self.repository:
            return ""
        actions = "pull,push" if self.action == "push" else self.action
        return f"repository:{self.repository}:{actions}"


class Rules:
    """The rules of the configuration; with none, everybody who is let in may do everything."""

    def __init__(self, rules: Sequence[Rule], *, otherwise: bool = True) -> None:
        self._rules = tuple(rules)
        self._otherwise = otherwise

    def for_anonymous(self) -> "Rules":
        """Only what everybody may do without credentials."""
        return Rules([rule for rule in self._rules if ANONYMOUS in rule.users], otherwise=False)

    def allow(self, user: str | None, repository: str, action: str) -> bool:
        """`user` is None for who has shown no credentials."""
        if not self._rules:
            return self._otherwise and user is not None
        return any(
            action in rule.actions and _applies(rule, user) and matches(_filled(rule, user), repository)
            for rule in self._rules
        )


def _applies(rule: Rule, user: str | None) -> bool:
    if ANONYMOUS in rule.users:
        return True
    return user is not None and ("*" in rule.users or user in rule.users)


def _filled(rule: Rule, user: str | None) -> str:
    # A user's name can hold what a pattern gives a meaning to: it then fits no repository.
    name = (
        user
        if user is not None and user.replace("-", "").replace("_", "").replace(".", "").isalnum()
        else "?!"
    )
    return rule.repository.replace("{user}", name) if "{user}" in rule.repository else rule.repository


@dataclass(frozen=True)
class Actor:
    """Who is asking; `may` answers for listings and the page what a request of theirs would get."""

    user: str | None = None
    rules: Rules | None = None
    grants: dict[str, frozenset[str]] | None = field(default=None, repr=False)  # an external token's access

    @property
    def name(self) -> str:
        return self.user or ""

    def may(self, repository: str, action: str) -> bool:
        if self.grants is not None:
            granted = self.grants.get(repository, frozenset())
            if action in granted or "*" in granted:
                return True
        return self.rules is None or self.rules.allow(self.user, repository, action)


def every_action(actor: Actor, repository: str) -> list[str]:
    return [action for action in ACTIONS if actor.may(repository, action)]
