"""Repositories as rows: found, made at their first content, listed, searched; and what they may hold."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sampan.registry.errors import Denied, NameUnknown
from sampan.registry.patterns import matches, pattern
from sampan.registry.settings import required, size

Allowed = Callable[[str], bool]
BATCH = 1000
MOST_TERMS = 10  # of a search; SQLite nests a thousand, no name fits so many


@dataclass(frozen=True)
class QuotaRule:
    """`[[quota]]`: the first whose pattern matches a repository counts."""

    repository: str = required(pattern, "repositories it is for")
    limit: int = required(size, "bytes of blobs and manifests each of them may hold")


@dataclass(frozen=True)
class Page:
    """One page of a listing; `last` is where the next one goes on, None when there is none."""

    items: list[str]
    last: str | None


def find_id(db: sqlite3.Connection, name: str) -> int | None:
    row = db.execute("SELECT id FROM repositories WHERE name=?", (name,)).fetchone()
    return None if row is None else int(row[0])


def need_id(db: sqlite3.Connection, name: str) -> int:
    """Raises NameUnknown."""
    found = find_id(db, name)
    if found is None:
        raise NameUnknown("repository name not known to registry", {"name": name})
    return found


def make_id(db: sqlite3.Connection, name: str, now: float) -> int:
    """The repository's row, made if there is none."""
    row = db.execute(
        "INSERT INTO repositories (name, created) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET name=name"
        " RETURNING id",
        (name, now),
    ).fetchone()
    return int(row[0])


class Quotas:
    def __init__(self, rules: Sequence[QuotaRule]) -> None:
        self._rules = tuple(rules)

    def limit(self, name: str) -> int | None:
        for rule in self._rules:
            if matches(rule.repository, name):
                return rule.limit
        return None

    def check(self, db: sqlite3.Connection, name: str, adding: int) -> None:
        """Raises Denied, with used and allowed bytes, when `adding` more would not fit."""
        limit = self.limit(name)
        if limit is None:
            return
        row = db.execute("SELECT bytes FROM repositories WHERE name=?", (name,)).fetchone()
        used = 0 if row is None else int(row[0])
        if used + adding > limit:
            raise Denied(
                f"quota of repository {name} exceeded: {used} of {limit} bytes are used,"
                f" {adding} more do not fit",
                {"name": name, "used": used, "allowed": limit, "requested": adding},
            )


def catalog(db: sqlite3.Connection, n: int, last: str, allowed: Allowed | None = None) -> Page:
    """Repository names after `last` in lexical order; with `allowed`, only those it lets through."""
    found: list[str] = []
    # Who asks for few and may see none must not cost a query for each.
    batch = max(n + 1, BATCH)
    while True:
        rows = db.execute(
            "SELECT name FROM repositories WHERE name > ? ORDER BY name LIMIT ?", (last, batch)
        ).fetchall()
        for (name,) in rows:
            if allowed is None or allowed(name):
                if len(found) == n:
                    return Page(found, found[-1] if found else last)
                found.append(name)
        if len(rows) < batch:
            return Page(found, None)
        last = rows[-1][0]


def tags(db: sqlite3.Connection, name: str, n: int | None, last: str) -> Page:
    """A repository's tags after `last` in lexical order. Raises NameUnknown."""
    id = need_id(db, name)
    rows = db.execute(
        "SELECT name FROM tags WHERE repository=? AND name > ? ORDER BY name LIMIT ?",
        (id, last, -1 if n is None else n + 1),
    ).fetchall()
    found = [row[0] for row in rows]
    if n is None or len(found) <= n:
        return Page(found, None)
    return Page(found[:n], found[n - 1] if n else last)


@dataclass(frozen=True)
class Found:
    """A search result: a repository that has tags, and when it was pushed to and pulled from last."""

    name: str
    tags: int
    updated: float
    pulled: float | None


def search(
    db: sqlite3.Connection, words: str, limit: int, offset: int, allowed: Allowed
) -> tuple[int, list[Found]]:
    """How many repositories have all the words in their names, and one page of them, best first."""
    terms = words.lower().split()[:MOST_TERMS]
    where = " AND ".join(["instr(r.name, ?) > 0"] * len(terms)) or "1"
    rows = db.execute(
        "SELECT r.name, count(*), max(t.updated), max(t.pulled) FROM repositories AS r"
        f" JOIN tags AS t ON t.repository = r.id WHERE {where} GROUP BY r.id ORDER BY r.name",
        terms,
    ).fetchall()
    found = [Found(*row) for row in rows if allowed(row[0])]
    # A name's last component, or its beginning, is what people look for.
    found.sort(key=lambda item: (not _ends_with(item.name, terms), len(item.name), item.name))
    return len(found), found[offset : offset + limit]


def _ends_with(name: str, terms: list[str]) -> bool:
    return bool(terms) and name.rpartition("/")[2] == terms[-1].rpartition("/")[2]
