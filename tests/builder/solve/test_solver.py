"""Which steps are executed, which are not, and what becomes of failures."""

import asyncio
from dataclasses import replace

import pytest

from sampan.builder.errors import StepFailed
from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import SCRATCH, Plan, RunMount
from tests.builder.solve.rig import CONTEXT, IMAGE, Bench, Built, copy, plan, run
from tests.support.poll import until_async

CHAIN = plan((IMAGE, ()), (run("a"), (0,)), (run("b"), (1,)))


async def test_what_was_done_is_not_done_again() -> None:
    bench = Bench()
    first = await bench.build(CHAIN)
    second = await bench.build(CHAIN)
    assert first.ran == ["a", "b"]
    assert second.ran == []
    assert second.snapshots[2] == first.snapshots[2]
    assert second.vertices()["RUN b"].cached and not first.vertices()["RUN b"].cached


async def test_the_cache_survives_a_restart() -> None:
    bench = Bench()
    await bench.build(CHAIN)
    bench.restart()
    assert (await bench.build(CHAIN)).ran == []


async def test_a_change_makes_all_above_it_anew() -> None:
    bench = Bench()
    await bench.build(plan((IMAGE, ()), (run("a"), (0,)), (run("b"), (1,)), (run("c"), (2,))))
    built = await bench.build(plan((IMAGE, ()), (run("a"), (0,)), (run("x"), (1,)), (run("c"), (2,))))
    assert built.ran == ["x", "c"]


async def test_equal_content_is_equal_no_matter_how_it_was_made() -> None:
    bench = Bench()
    await bench.build(plan((IMAGE, ()), (run("same 1"), (0,)), (run("b"), (1,))))
    built = await bench.build(plan((IMAGE, ()), (run("same 2"), (0,)), (run("b"), (1,))))
    assert built.ran == ["same 2"]
    # And now it is known beforehand.
    assert (await bench.build(plan((IMAGE, ()), (run("same 2"), (0,)), (run("b"), (1,))))).ran == []


async def test_only_the_files_that_are_copied_count() -> None:
    bench = Bench()
    copying = plan((IMAGE, ()), (CONTEXT, ()), (copy("a.txt"), (0, 1)))
    await bench.build(copying, files={"a.txt": "1", "b.txt": "1"})
    assert (await bench.build(copying, files={"a.txt": "1", "b.txt": "2"})).ran == []
    assert (await bench.build(copying, files={"a.txt": "2", "b.txt": "2"})).ran == ["copy /a.txt"]
    # Back again: the first record is still there.
    assert (await bench.build(copying, files={"a.txt": "1", "b.txt": "2"})).ran == []


async def test_without_cache_everything_is_made_anew_and_kept_for_later() -> None:
    bench = Bench()
    await bench.build(CHAIN)
    anew = plan((IMAGE, ()), (run("a"), (0,)), (run("b"), (1,)), no_cache=(1, 2))
    assert (await bench.build(anew)).ran == ["a", "b"]
    assert (await bench.build(CHAIN)).ran == []


async def test_a_step_made_anew_is_asked_what_it_has_made() -> None:
    bench = Bench()
    steps = ((IMAGE, ()), (run("same"), (0,)), (run("b"), (1,)))
    await bench.build(plan(*steps))
    built = await bench.build(plan(*steps, no_cache=(1,)))
    assert built.ran == ["same"]  # which gave the same, so b is known


async def test_intermediate_steps_are_not_needed_when_the_last_is_known() -> None:
    bench = Bench()
    first = await bench.build(CHAIN)
    bench.cache.remove([first.records[1]])
    built = await bench.build(CHAIN)
    assert built.ran == []
    assert built.vertices()["RUN a"].cached


async def test_a_record_without_its_layers_is_dropped() -> None:
    bench = Bench()
    first = await bench.build(CHAIN)
    del bench.images.layers[first.snapshots[2].layers[-1]]
    assert (await bench.build(CHAIN)).ran == ["b"]
    bench.images.layers.clear()
    bench.restart()
    assert bench.cache.records == {}


async def test_a_failed_step_keeps_what_it_left_and_what_was_done_before() -> None:
    bench = Bench()
    built = Built(bench, CHAIN, fails={"b"})
    with pytest.raises(StepFailed) as caught:
        await built.run()
    failed = caught.value
    assert failed.exit_code == 1 and failed.place is not None and failed.place.lines.first == 3
    record = bench.cache.by_prefix(failed.snapshot)
    assert record.failed and record.keys == () and len(record.layers) == 3
    assert built.vertices()["RUN b"].error == failed.message
    again = await bench.build(CHAIN)
    assert again.ran == ["b"]


async def test_the_first_failure_ends_the_others() -> None:
    bench = Bench()
    forked = plan((IMAGE, ()), (run("bad"), (0,)), (run("slow"), (0,)), targets=[1, 2])
    built = Built(bench, forked, fails={"bad"}, holds={"slow": asyncio.Event()})
    with pytest.raises(StepFailed):
        await asyncio.wait_for(built.run(), 5)
    assert built.execution is not None and not built.execution.running
    assert built.vertices()["RUN slow"].error == "context canceled"


async def test_cancelling_ends_every_step() -> None:
    bench = Bench()
    forked = plan((IMAGE, ()), (run("x"), (0,)), (run("y"), (0,)), targets=[1, 2])
    built = Built(bench, forked, holds={"x": asyncio.Event(), "y": asyncio.Event()})
    task = asyncio.create_task(built.run())
    await until_async(lambda: built.execution and len(built.execution.running) == 2, "both run")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not built.execution.running
    assert bench.cache.records == {}


async def test_independent_steps_run_at_once() -> None:
    bench = Bench()
    steps = [(run(str(number)), (0,)) for number in range(4)]
    built = await bench.build(plan((IMAGE, ()), *steps, targets=[1, 2, 3, 4]))
    assert built.execution is not None and built.execution.most == 4


async def test_two_builds_do_the_same_step_once() -> None:
    bench = Bench()
    gate = asyncio.Event()
    builds = [Built(bench, CHAIN, holds={"a": gate}) for _ in range(2)]
    tasks = [asyncio.create_task(built.run()) for built in builds]
    await until_async(lambda: any(b.execution and b.execution.running for b in builds), "one runs")
    gate.set()
    await asyncio.gather(*tasks)
    assert sorted(builds[0].ran + builds[1].ran) == ["a", "b"]
    assert builds[0].snapshots[2] == builds[1].snapshots[2]


async def test_a_step_somebody_else_failed_at_is_tried_again() -> None:
    bench = Bench()
    gate = asyncio.Event()
    bad, good = Built(bench, CHAIN, holds={"a": gate}, fails={"a"}), Built(bench, CHAIN)
    first = asyncio.create_task(bad.run())
    await until_async(lambda: bad.execution and bad.execution.running, "it runs")
    second = asyncio.create_task(good.run())
    await asyncio.sleep(0.01)
    assert good.ran == []
    gate.set()
    with pytest.raises(StepFailed):
        await first
    await second
    assert good.ran == ["a", "b"]


async def test_steps_that_need_no_context_do_not_wait_for_it() -> None:
    bench = Bench()
    ready = asyncio.Event()
    waiting = plan((IMAGE, ()), (CONTEXT, ()), (run("apt"), (0,)), (copy("a"), (2, 1)))
    built = Built(bench, waiting, files={"a": "1"}, context_ready=ready)
    task = asyncio.create_task(built.run())
    await until_async(lambda: built.ran == ["apt"], "apt runs")
    ready.set()
    await task
    assert built.ran == ["apt", "copy /a"]


async def test_a_missing_file_fails_at_its_line() -> None:
    bench = Bench()
    copying = plan((IMAGE, ()), (CONTEXT, ()), (copy("nope"), (0, 1)))
    with pytest.raises(StepFailed, match='"/nope": not found') as caught:
        await bench.build(copying, files={"a": "1"})
    assert caught.value.place is not None and caught.value.place.lines.first == 3
    assert caught.value.exit_code is None


async def test_stages_are_copied_from_by_content() -> None:
    bench = Bench()
    stages = plan((IMAGE, ()), (run("same 1"), (0,)), (copy("out"), (0, 1)))
    await bench.build(stages)
    built = await bench.build(plan((IMAGE, ()), (run("same 2"), (0,)), (copy("out"), (0, 1))))
    assert built.ran == ["same 2"]


async def test_scratch_is_an_empty_file_system() -> None:
    bench = Bench()
    built = await bench.build(plan((CONTEXT, ()), (copy("a"), (SCRATCH, 0))), files={"a": "1"})
    assert len(built.snapshots[1].layers) == 1


async def test_a_build_that_only_looks_writes_nothing_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    await bench.build(CHAIN)
    durable: list[bool] = []
    apply = bench.rows.apply

    def recorded(changes: object, *, durable_: bool = True, **how: bool) -> int:
        changes = list(changes)  # type: ignore[call-overload]
        if changes:
            durable.append(how.get("durable", durable_))
        return apply(changes, **how)

    monkeypatch.setattr(bench.rows, "apply", recorded)
    await bench.build(CHAIN)
    assert True not in durable
    assert {record.uses for record in bench.cache.records.values()} == {2}


@pytest.mark.parametrize(
    ("before", "after", "how", "reason"),
    [
        (run("x", "V=1"), run("x", "V=2"), {}, "argument V changed from 1 to 2"),
        (run("x"), run("x", "V=2"), {}, "argument V was not set, now is 2"),
        (run("x", "PATH=/bin"), run("x", "PATH=/sbin"), {}, "variable PATH changed from /bin to /sbin"),
        (run("x"), run("y"), {}, "instruction changed"),
        (run("x"), run("x", user="app"), {}, "the user was not set, now is app"),
        (run("x"), run("x"), {"base": ("sha256:other",)}, "base image busybox:latest changed"),
        (run("x"), run("x"), {"no_cache": True}, "--no-cache"),
    ],
)
async def test_why_a_run_is_made_anew(before: object, after: object, how: dict, reason: str) -> None:  # type: ignore[type-arg]
    bench = Bench()
    text = "FROM busybox\nARG V\n"
    first = await bench.build(plan((IMAGE, ()), (before, (0,))), dockerfile=text)  # type: ignore[arg-type]
    assert list(first.reasons.values()) == ["no earlier build of this step"]
    again = plan((IMAGE, ()), (after, (0,)), no_cache=(1,) if how.pop("no_cache", False) else ())  # type: ignore[arg-type]
    options = BuildOptions(explain=True, no_cache=reason == "--no-cache")
    second = await bench.build(again, dockerfile=text, options=options, **how)
    assert list(second.reasons.values()) == [reason]


async def test_why_a_copy_is_made_anew() -> None:
    bench = Bench()
    copying = plan((IMAGE, ()), (CONTEXT, ()), (copy("src"), (0, 1)), (run("make"), (2,)))
    await bench.build(copying, files={"src": "1"})
    built = await bench.build(copying, files={"src": "2"})
    assert built.reasons == {"COPY /src": "src changed", "RUN make": "an earlier step changed"}


async def test_a_mounted_file_system_is_known_by_its_layers() -> None:
    bench = Bench()
    mount = RunMount(type="bind", target="/x", input=1)

    def mounting(command: str, source: str) -> Plan:
        mounted = run("use", mounts=(replace(mount, source=source),))
        return plan((IMAGE, ()), (run(command), (0,)), (mounted, (0, 1)))

    await bench.build(mounting("same 1", "/"))
    assert (await bench.build(mounting("same 2", "/"))).ran == ["same 2"]
    assert (await bench.build(mounting("other", "/"))).ran == ["other", "use"]
    assert (await bench.build(mounting("other", "/out"))).ran == ["use"]
