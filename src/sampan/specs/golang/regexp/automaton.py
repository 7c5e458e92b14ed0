"""Matching by following all ways through a pattern at once. Pure; https://swtch.com/~rsc/regexp/regexp3.html

What is known of the text so far is a state: the places in the pattern where one may be. States, and what each
character makes of them, are found out as texts need them and kept.
"""

from sampan.errors import Invalid
from sampan.specs.golang.regexp.syntax import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.specs.golang.regexp.syntax import Tree

SIZE = 20_000  # instructions of a program
CACHED = 20_000  # transitions that are kept of one pattern
# Places looked at for one text, besides transitions that are known: about a second. Only patterns made for it
# get there (`a.{900}b` with a text of random letters).
WORK = 2_000_000
SET, SPLIT, ASSERT, MATCH = range(4)
# What stands before a place: nothing, a newline, a character of a word, another one.
_NOTHING, _LINE, _WORD, _OTHER = range(4)
_REVERSED = {"begin": "end", "end": "begin", "line begin": "line end", "line end": "line begin"}


class Program:
    """Instructions: (SET, CharSet, next), (SPLIT, next, next), (ASSERT, kind, next), (MATCH,)."""

    def __init__(self, tree: "Tree", *, backwards: bool = False) -> None:
        self.backwards = backwards
        self.code: list[Any] = [(MATCH,)]
        self.start = self._emit(tree, 0)

    def _add(self, instruction: "Any") -> int:
        if len(self.code) >= SIZE:
            raise Invalid("error parsing regexp: expression too large")
        self.code.append(instruction)
        return len(self.code) - 1

    def _emit(self, tree: "Tree", after: int) -> int:
        """Where `tree` begins if what comes after it begins at `after`."""
        kind = tree[0]
        if kind == "set":
            return self._add((SET, tree[1], after))
        if kind == "assert":
            name = _REVERSED.get(tree[1], tree[1]) if self.backwards else tree[1]
            return self._add((ASSERT, name, after))
        if kind == "cat":
            for item in tree[1] if self.backwards else reversed(tree[1]):
                after = self._emit(item, after)
            return after
        if kind == "alt":
            starts = [self._emit(item, after) for item in tree[1]]
            at = starts.pop()
            while starts:
                at = self._add((SPLIT, starts.pop(), at))
            return at
        return self._repeat(tree, after)

    def _repeat(self, tree: "Tree", after: int) -> int:
        _, inner, least, most, greedy = tree
        at = after
        if most is None:
            loop = self._add((SPLIT, 0, 0))
            body = self._emit(inner, loop)
            self.code[loop] = (SPLIT, body, after) if greedy else (SPLIT, after, body)
            at = loop
        else:
            for _ in range(most - least):
                body = self._emit(inner, at)
                at = self._add((SPLIT, body, after) if greedy else (SPLIT, after, body))
        for _ in range(least):
            at = self._emit(inner, at)
        return at


class _State:
    """`places` in order of preference; `open`: a match may also begin later."""

    __slots__ = ("before", "next", "open", "places")

    def __init__(self, places: tuple[int, ...], before: int, open: bool) -> None:
        self.places = places
        self.before = before
        self.open = open
        self.next: dict[str, tuple[_State, bool]] = {}


class _Automaton:
    """Where matches end. `longest`: the longest match counts, else the one that is preferred."""

    def __init__(self, program: Program, *, longest: bool = False, open: bool = True) -> None:
        self.program = program
        self.longest = longest
        self.open = open
        self.states: dict[tuple[tuple[int, ...], int, bool], _State] = {}
        self.kept = 0
        self.work = 0

    def begin(self, before: int) -> _State:
        self.work = 0
        return self._state((self.program.start,), before, self.open)

    def _state(self, places: tuple[int, ...], before: int, open: bool) -> _State:
        key = (places, before, open)
        found = self.states.get(key)
        if found is None:
            found = self.states[key] = _State(places, before, open)
        return found

    def step(self, state: _State, char: str) -> tuple[_State, bool]:
        """(what `char` leads to, whether something matched before it); "" is the end."""
        if self.kept >= CACHED:
            self.states.clear()
            self.kept = 0
        ways, matched = self._ways(state, char)
        code = self.program.code
        onward = dict.fromkeys(code[place][2] for place in ways if char and code[place][1].has(char))
        open = state.open and not (matched and not self.longest)
        if open:
            onward.setdefault(self.program.start)
        places = tuple(onward)
        found = self._state(tuple(sorted(places)) if self.longest else places, _kind(char), open), matched
        state.next[char] = found
        self.kept += 1 + len(places) // 16
        return found

    def _ways(self, state: _State, char: str) -> tuple[list[int], bool]:
        """The sets that may come next, in order of preference, and whether there is a match here."""
        code, ways, seen = self.program.code, [], set[int]()
        matched = False
        pending = list(reversed(state.places))
        while pending:
            place = pending.pop()
            if place in seen:
                continue
            seen.add(place)
            instruction = code[place]
            kind = instruction[0]
            if kind == SET:
                ways.append(place)
            elif kind == SPLIT:
                pending += (instruction[2], instruction[1])
            elif kind == ASSERT:
                if _holds(instruction[1], state.before, char):
                    pending.append(instruction[2])
            else:
                matched = True
                if not self.longest:
                    break
        self.work += len(seen)
        if self.work > WORK:
            raise Invalid("regular expression takes too long on this text")
        return ways, matched


def _kind(char: str) -> int:
    if not char:
        return _NOTHING
    if char == "\n":
        return _LINE
    return _WORD if char == "_" or (char.isascii() and char.isalnum()) else _OTHER


def _holds(kind: str, before: int, char: str) -> bool:
    if kind == "begin":
        return before == _NOTHING
    if kind == "end":
        return not char
    if kind == "line begin":
        return before in (_NOTHING, _LINE)
    if kind == "line end":
        return char in ("", "\n")
    return ((before == _WORD) is not (_kind(char) == _WORD)) is (kind == "word")


class Regexp:
    """A pattern; made by compile_regexp."""

    def __init__(self, pattern: str, tree: "Tree") -> None:
        self.pattern = pattern
        self._tree = tree
        self._any = _Automaton(Program(tree), longest=True)
        self._ends: _Automaton | None = None
        self._starts: _Automaton | None = None

    def search(self, text: str) -> bool:
        """Whether it matches anywhere. All three raise Invalid if that takes too long to find out."""
        automaton = self._any
        state = automaton.begin(_NOTHING)
        for char in text:
            state, matched = state.next.get(char) or automaton.step(state, char)
            if matched:
                return True
        return (state.next.get("") or automaton.step(state, ""))[1]

    def find(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """The first match from `start` on, as Go's FindStringIndex has it."""
        if self._ends is None or self._starts is None:
            self._ends = _Automaton(Program(self._tree))
            self._starts = _Automaton(Program(self._tree, backwards=True), longest=True, open=False)
        before = _kind(text[start - 1]) if start else _NOTHING
        end = _last(self._ends, text, start, 1, before)
        if end is None:
            return None
        begin = _last(self._starts, text, end, -1, _kind(text[end]) if end < len(text) else _NOTHING, start)
        return (end if begin is None else begin), end

    def find_all(self, text: str, count: int = -1) -> list[tuple[int, int]]:
        """All matches that do not overlap, `count` at most, as Go's FindAllStringIndex has them."""
        found: list[tuple[int, int]] = []
        at, last = 0, -1
        while at <= len(text) and (count < 0 or len(found) < count):
            span = self.find(text, at)
            if span is None:
                break
            if span[0] < span[1] or span[1] != last:
                found.append(span)
            at = span[1] if span[1] > span[0] and span[1] > at else span[1] + 1
            last = span[1]
        return found


def _last(
    automaton: _Automaton, text: str, at: int, direction: int, before: int, limit: int = 0
) -> int | None:
    """Where the best match that begins at `at` (or later, if the automaton is open) ends."""
    state = automaton.begin(before)
    found = None
    while True:
        if direction > 0:
            char = text[at] if at < len(text) else ""
        else:
            char = text[at - 1] if at > limit else ("" if limit == 0 else text[limit - 1])
        state, matched = state.next.get(char) or automaton.step(state, char)
        if matched:
            found = at
        if not char or not state.places or (direction < 0 and at <= limit):
            return found
        at += direction


def compile_regexp(pattern: str) -> Regexp:
    """Raises Invalid in Go's words."""
    return Regexp(pattern, Parser(pattern).parse())
