"""Who asks for what, and what rules and tokens say to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampan.registry.auth.config import Rule
from sampan.registry.patterns import matches

ANONYMOUS = "anonymous"
CATALOG = "registry:catalog"  # what a token's access calls listings over repositories

Grants = Mapping[str, frozenset[str]]


class BadToken(Exception):
    """Why a token is not accepted; the client hears `invalid_token`."""


@dataclass(frozen=True)
class Need:
    """What a request wants to do. Without a repository: `catalog` (listings), or "" (just be let in).

    `source`: where it would like to mount a blob from. Refused, it can be done without, so it only tells
    clients what to ask a token for.
    """

    repository: str = ""
    action: str = ""
    source: str = ""

    @property
    def scope(self) -> str:
        """As token services understand it. A push asks for pull too, as Docker's clients do."""
        if self.action == "catalog":
            return f"{CATALOG}:*"
        if not self.repository:
            return ""
        actions = "pull,push" if self.action == "push" else self.action
        more = f" repository:{self.source}:pull" if self.source else ""
        return f"repository:{self.repository}:{actions}{more}"


class Rules:
    """The rules of the configuration; with none, everybody who is let in may do everything."""

    def __init__(self, rules: Sequence[Rule], *, otherwise: bool = True) -> None:
        self._rules = tuple(rules)
        self._otherwise = otherwise

    @property
    def open_something(self) -> bool:
        """Whether there is anything that needs no credentials."""
        return any(ANONYMOUS in rule.users for rule in self._rules)

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
    """Who is asking, with all that decides what they may do: every door asks here, and nowhere else.

    `rules`: None allows everything. `entered`: they have shown good credentials, or none are needed.
    `grants`: a token's access. One of our own narrows what rules allow its user; that of a service
    (`foreign`) stands beside them.
    """

    user: str | None
    rules: Rules | None
    entered: bool = True
    grants: Grants | None = field(default=None, repr=False)
    foreign: bool = False

    @property
    def name(self) -> str:
        return self.user or ""

    @property
    def sees_something(self) -> bool:
        """Whether it makes sense to show them the page."""
        return self.entered or (self.rules is not None and self.rules.open_something)

    def may(self, repository: str, action: str) -> bool:
        ruled = self.may_with_any_token(repository, action)
        if self.grants is None:
            return ruled
        granted = _holds(self.grants, repository, action)
        return (ruled or granted) if self.foreign else (ruled and granted)

    def may_with_any_token(self, repository: str, action: str) -> bool:
        """What rules alone say: whether another token could help."""
        return self.rules is None or self.rules.allow(self.user, repository, action)

    def may_list(self, repository: str) -> bool:
        """Whether listings show it: what one may pull, or with a token of ours for them, its user may."""
        if self.grants is not None and not self.foreign and _holds(self.grants, CATALOG, "catalog"):
            return self.may_with_any_token(repository, "pull")
        return self.may(repository, "pull")

    def fits(self, need: Need) -> bool:
        """Whether a request that needs this is let in."""
        if need.repository:
            return self.may(need.repository, need.action)
        if need.action and self.grants is not None:
            return _holds(self.grants, CATALOG, need.action)
        return self.entered


NOBODY = Actor(None, Rules((), otherwise=False), entered=False)


def _holds(grants: Grants, name: str, action: str) -> bool:
    granted = grants.get(name, frozenset())
    return action in granted or "*" in granted


def grants(claims: Mapping[str, Any]) -> Grants:
    """What a token's `access` claim allows: repository (or "registry:catalog") -> actions."""
    found: dict[str, frozenset[str]] = {}
    access = claims.get("access")
    for entry in access if isinstance(access, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("actions"), list):
            continue
        kind, name = entry.get("type"), entry.get("name")
        key = name if kind == "repository" else f"{kind}:{name}"
        if isinstance(key, str):
            actions = frozenset(item for item in entry["actions"] if isinstance(item, str))
            found[key] = found.get(key, frozenset()) | actions
    return found
