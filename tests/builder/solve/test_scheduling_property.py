"""Whatever the graph, the failures and the moment of cancelling: each step once at most, and nothing left."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.builder.errors import StepFailed
from sampan.builder.plan.graph import Copy, Files, Plan
from tests.builder.solve.rig import IMAGE, Bench, Built, plan, run


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Steps that stand on, and copy from, any earlier ones."""
    steps = [(IMAGE, ())]
    for number in range(1, draw(st.integers(1, 9))):
        below = draw(st.integers(0, number - 1))
        others = draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True))
        if others:
            actions = tuple(
                Copy(input=position, sources=("/out",), dest=f"/d{number}")
                for position in range(1, len(others) + 1)
            )
            steps.append((Files(actions=actions), (below, *others)))  # type: ignore[arg-type]
        else:
            steps.append((run(f"c{number}"), (below,)))  # type: ignore[arg-type]
    last = len(steps) - 1
    targets = draw(st.lists(st.integers(0, last), min_size=1, max_size=3, unique=True))
    return plan(*steps, targets=targets)  # type: ignore[arg-type]


def needed(made: Plan) -> set[int]:
    found: set[int] = set()
    waiting = [target.step for target in made.targets]
    while waiting:
        id = waiting.pop()
        if id not in found:
            found.add(id)
            waiting += made.steps[id].inputs
    return found


@settings(max_examples=150, deadline=None)
@given(plans(), st.sets(st.integers(1, 9), max_size=2), st.integers(0, 30))
def test_any_graph_is_solved_once_or_ends_clean(made: Plan, failing: set[int], moment: int) -> None:
    async def check() -> None:
        bench = Bench()
        await _fails_clean(bench, made, failing)
        await _cancels_clean(bench, made, moment)
        built = await bench.build(made)
        again = await bench.build(made)
        assert again.ran == []
        assert len(set(built.ran)) == len(built.ran)
        runs = {step.id for step in made.steps if step.inputs} & needed(made)
        assert all(vertex.completed for vertex in built.vertices().values())
        assert {target.step for target in made.targets} <= set(built.snapshots)
        fresh = await Bench().build(made)
        assert len(fresh.ran) == len(runs)
        assert fresh.snapshots[made.targets[0].step] == again.snapshots[made.targets[0].step]

    asyncio.run(check())


async def _fails_clean(bench: Bench, made: Plan, failing: set[int]) -> None:
    built = Built(bench, made, fails={f"c{number}" for number in failing})
    try:
        await built.run()
    except StepFailed as error:
        assert error.snapshot in bench.cache.records
    assert built.execution is not None and not built.execution.running
    assert not bench.cache._in_use and not bench.cache._leases and not bench.lanes._lanes


async def _cancels_clean(bench: Bench, made: Plan, moment: int) -> None:
    built = Built(bench, made)
    task = asyncio.create_task(built.run())
    for _ in range(moment):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    assert built.execution is None or not built.execution.running
    assert not bench.cache._in_use and not bench.cache._leases and not bench.lanes._lanes
