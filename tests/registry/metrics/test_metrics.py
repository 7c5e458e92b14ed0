"""Counting in several processes, and Prometheus's text."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.registry.metrics import families
from sampan.registry.metrics.families import BUCKETS, expose, sample
from sampan.registry.metrics.measure import Metrics
from sampan.registry.metrics.shared import Arena
from tests.registry.support import serving


def test_numbers_of_all_slots_are_added_up() -> None:
    arena = Arena(3, 4096)
    for number in range(3):
        arena.slot(number).cell("a").add(number + 1)
    arena.slot(2).cell("b").add(0.5)
    assert arena.totals() == {"a": 6.0, "b": 0.5}


def test_what_another_process_counts_is_seen() -> None:
    arena = Arena(2, 4096)
    pid = os.fork()
    if pid == 0:
        arena.slot(1).cell("child").add(7)
        os._exit(0)
    os.waitpid(pid, 0)
    assert arena.totals() == {"child": 7.0}


def test_who_comes_after_a_dead_worker_goes_on_with_its_counters_but_not_its_gauges() -> None:
    arena = Arena(1)
    first = Metrics(arena, 0)
    first.request("GET", "blob", 200, 0.1)
    first.in_flight.add(3)
    second = Metrics(arena, 0)
    second.request("GET", "blob", 200, 0.1)
    totals = arena.totals()
    assert totals[sample(families.REQUESTS, ["GET", "blob", "200"])] == 2
    assert totals[sample(families.IN_FLIGHT)] == 0


def test_a_full_slot_counts_no_new_names_and_fails_nobody() -> None:
    arena = Arena(1, 256)
    slot = arena.slot(0)
    for number in range(100):
        slot.cell(f"name {number}").add()
    assert 1 < len(arena.totals()) < 100


@given(st.dictionaries(st.text(max_size=40), st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_names_and_numbers_come_back_as_they_were(wanted: dict[str, float]) -> None:
    arena = Arena(1, 64 << 10)
    slot = arena.slot(0)
    for key, value in wanted.items():
        slot.cell(key).set(value)
    assert arena.totals() == wanted
    assert {key: arena.slot(0).cell(key).value for key in wanted} == wanted


def test_text_is_what_prometheus_reads() -> None:
    arena = Arena(2)
    for number, seconds in enumerate((0.0005, 0.3)):
        Metrics(arena, number).request("GET", "manifest", 200, seconds)
    text = expose(arena.totals())
    name = "sampan_registry_http_request_duration_seconds"
    assert f"# TYPE {name} histogram" in text
    labels = 'method="GET",route="manifest"'
    found = [line for line in text.splitlines() if line.startswith(f"{name}_bucket")]
    assert [line.rpartition('le="')[2] for line in found] == [
        *(f'{bound:g}"}} {1 if bound < 0.5 else 2}' for bound in BUCKETS),
        '+Inf"} 2',
    ]
    assert f"{name}_count{{{labels}}} 2" in text
    assert f"{name}_sum{{{labels}}} 0.3005" in text
    assert 'sampan_registry_http_requests_total{method="GET",route="manifest",status="200"} 2' in text


@pytest.mark.parametrize(
    ("value", "wanted"), [('a"b', 'x="a\\"b"'), ("a\\b", 'x="a\\\\b"'), ("a\nb", 'x="a\\nb"')]
)
def test_labels_are_escaped(value: str, wanted: str) -> None:
    family = families.Family("f", "counter", "", ("x",))
    assert sample(family, [value]) == f"f{{{wanted}}}"


async def test_requests_bytes_and_storage_are_counted(tmp_path: Path) -> None:
    async with serving(tmp_path / "root") as client:
        digest = await client.push_blob("a", b"x" * 70_000)
        assert (await client("GET", f"/v2/a/blobs/{digest}")).status == 200
        await client("HEAD", f"/v2/a/blobs/{digest}")
        await client("PROPFIND", "/v2/")
        answer = await client("GET", "/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = dict(line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if line[0] != "#")
        prefix = "sampan_registry_"
        assert lines[f'{prefix}http_requests_total{{method="GET",route="blob",status="200"}}'] == "1"
        assert lines[f'{prefix}http_requests_total{{method="other",route="none",status="405"}}'] == "1"
        assert lines[f'{prefix}events_total{{action="push",kind="blob"}}'] == "1"
        assert int(lines[f"{prefix}received_bytes_total"]) == 70_000
        assert 70_000 <= int(lines[f"{prefix}sent_bytes_total"]) < 71_000
        assert lines[f"{prefix}storage_bytes"] == "70000"
        assert lines[f'{prefix}stored{{what="blobs"}}'] == "1"
        assert lines[f"{prefix}http_requests_in_flight"] == "1"


async def test_metrics_can_be_left_out(tmp_path: Path) -> None:
    async with serving(tmp_path / "root", metrics=False) as client:
        assert (await client("GET", "/metrics")).status == 404
