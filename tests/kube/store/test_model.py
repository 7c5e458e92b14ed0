"""Both stores against a dictionary that remembers every revision."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sampan.kube.store.opening import open_store
from sampan.kube.store.ranges import end_of
from sampan.kube.store.store import Ahead, Batch, Change, Compacted, Entry, Mismatch, Store
from tests.kube.store.conftest import clear

T = TypeVar("T")
KEYS = st.sampled_from([f"/registry/core/{kind}/{name}" for kind in ("pods", "nodes") for name in "abc"])
PREFIXES = st.sampled_from(
    ["/registry/", "/registry/core/pods/", "/registry/core/nodes/", "/registry/core/pods/b"]
)
VALUES = st.one_of(st.none(), st.binary(max_size=3), st.binary(min_size=9000, max_size=9001))


class Model(RuleBasedStateMachine):
    """`states` and `changes` have everything that ever was; `oldest` is what compaction has left."""

    address: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.store: Store = self.run(open_store(self.address))
        self.run(clear(self.store))
        self.first = self.oldest = self.revision = self.run(self.store.revision())
        self.states: dict[int, dict[str, Entry]] = {self.revision: {}}
        self.changes: Batch = []

    @property
    def now(self) -> dict[str, Entry]:
        return self.states[self.revision]

    @rule(key=KEYS, value=VALUES, expected=st.one_of(st.none(), st.integers(-2, 0)), right=st.booleans())
    def write(self, key: str, value: bytes | None, expected: int | None, right: bool) -> None:
        found = self.now.get(key)
        if right:
            expected = found.revision if found else 0
        elif expected:
            expected += self.revision
        if expected is not None and expected != (found.revision if found else 0):
            with pytest.raises(Mismatch) as caught:
                self.run(self.store.write(key, value, expected=expected))
            assert caught.value.current == found
            return
        written = self.run(self.store.write(key, value, expected=expected))
        if found is None and value is None:
            assert written == self.revision
            return
        self.revision += 1
        assert written == self.revision
        state = {other: entry for other, entry in self.states[self.revision - 1].items() if other != key}
        if value is not None:
            state[key] = Entry(key, self.revision, value)
        self.states[self.revision] = state
        self.changes.append(Change(key, self.revision, value, found))

    @rule(
        prefix=PREFIXES, back=st.integers(-1, 12), limit=st.integers(0, 3), start=st.one_of(st.just(""), KEYS)
    )
    def list(self, prefix: str, back: int, limit: int, start: str) -> None:
        at = max(self.revision - back, self.first)
        question = self.store.list(prefix, revision=at, start=start, limit=limit)
        if at > self.revision or at < self.oldest:
            with pytest.raises(Ahead if at > self.revision else Compacted):
                self.run(question)
            return
        page = self.run(question)
        wanted = [
            entry
            for key, entry in sorted(self.states[at].items())
            if key >= start and prefix <= key < end_of(prefix)
        ]
        shown = wanted[:limit] if limit else wanted
        assert (page.entries, page.revision) == (shown, at)
        assert (page.more, page.remaining) == (len(shown) < len(wanted), len(wanted) - len(shown))

    @rule(prefix=PREFIXES, back=st.integers(0, 12))
    def watch(self, prefix: str, back: int) -> None:
        after = max(self.revision - back, self.first)
        wanted = [one for one in self.changes if one.revision > after and one.key.startswith(prefix)]
        if after < self.oldest:
            with pytest.raises(Compacted):
                self.run(self.taken(prefix, after, 1))
        elif wanted:
            assert self.run(self.taken(prefix, after, len(wanted))) == wanted

    async def taken(self, prefix: str, after: int, count: int) -> Batch:
        found: Batch = []
        async with aclosing(self.store.watch(prefix, after)) as batches, asyncio.timeout(10):
            while len(found) < count:
                found += await anext(batches)
        return found

    @rule(back=st.integers(0, 8))
    def compact(self, back: int) -> None:
        at = self.revision - back
        if at > self.oldest:
            self.run(self.store.compact(at))
            self.oldest = at

    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.store = self.run(open_store(self.address))

    @invariant()
    def the_state_is_the_models(self) -> None:
        if hasattr(self, "states"):
            assert self.run(self.store.revision()) == self.revision
            assert self.run(self.store.list("")).entries == [self.now[key] for key in sorted(self.now)]

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.run(self.store.close())
        self.runner.close()


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 40), ("etcd", 8)])
def test_a_store_behaves_as_a_dictionary_that_remembers(
    kind: str, examples: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    class Here(Model):
        address = request.getfixturevalue("etcd") if kind == "etcd" else str(tmp_path / "store")

    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=checks
        ),
    )
