"""What is in a key, and what is not."""

from dataclasses import replace
from typing import Any

import pytest

from sampan.builder.plan.graph import Copy, Files, Operation, Run, RunMount, Step, WriteFile
from sampan.builder.solve.cache.keys import definition, key_of, snapshot_id

RUN = Run(args=("/bin/sh", "-c", "make"), env=("PATH=/bin", "V=1"), cwd="/src")
FILES = Files(actions=(Copy(input=1, sources=("/a",), dest="/b/"),))


def key(operation: Operation, hosts: tuple[str, ...] = (), **step: Any) -> str:
    made = Step(**{"id": 3, "operation": operation, "name": "a name", **step})
    return key_of(definition(made, hosts))


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, args=("/bin/sh", "-c", "make all")),
        replace(RUN, args=("/bin/sh -c make",)),
        replace(RUN, env=("PATH=/bin", "V=2")),
        replace(RUN, env=("PATH=/bin",)),
        replace(RUN, cwd="/"),
        replace(RUN, user="1000"),
        replace(RUN, network="none"),
        replace(RUN, insecure=True),
        replace(RUN, stdin=b""),
        replace(RUN, stdin=b"x"),
        replace(RUN, hostname="h"),
        replace(RUN, mounts=(RunMount(type="tmpfs", target="/t"),)),
        replace(RUN, mounts=(RunMount(type="secret", target="/run/secrets/x", id="x"),)),
    ],
)
def test_what_a_run_depends_on(other: Run) -> None:
    assert key(RUN) != key(other)


def test_what_no_run_depends_on() -> None:
    assert key(RUN) == key(replace(RUN, proxy=("http_proxy=http://p",)))
    assert key(RUN) == key(RUN, id=7, name="[2/9] other", stage="x", instruction="y")
    assert key(RUN, ("b", "a")) == key(RUN, ("a", "b")) != key(RUN, ("a",))
    bind = RunMount(type="bind", target="/x", input=1)
    # Which number its input has is the plan's affair: what is in it counts elsewhere.
    assert key(replace(RUN, mounts=(bind,))) == key(replace(RUN, mounts=(replace(bind, input=2),)))


@pytest.mark.parametrize(
    "other",
    [
        replace(FILES, actions=(Copy(input=1, sources=("/a",), dest="/c/"),)),
        replace(FILES, actions=(Copy(input=1, sources=("/a",), dest="/b/", chown="1:1"),)),
        replace(FILES, actions=(Copy(input=1, sources=("/a",), dest="/b/", chmod="755"),)),
        replace(FILES, actions=FILES.actions * 2),
        replace(FILES, actions=(WriteFile(dest="/b/", name="a", data=b""),)),
    ],
)
def test_what_files_depend_on(other: Files) -> None:
    assert key(FILES) != key(other)


def test_written_text_counts_by_its_bytes() -> None:
    one, two = (Files(actions=(WriteFile(dest="/a", name="a", data=data),)) for data in (b"1", b"2"))
    assert key(one) != key(two)


def test_times_that_files_are_clamped_to_count() -> None:
    assert key(RUN, epoch=1) != key(RUN, epoch=2)


def test_components_cannot_run_into_each_other() -> None:
    assert key_of({"a": "b", "c": "d"}) == key_of({"c": "d", "a": "b"})
    assert key_of({"a": 'b","c":"d'}) != key_of({"a": "b", "c": "d"})
    assert snapshot_id(["a", "b"]) != snapshot_id(["b", "a"]) != snapshot_id(["ab"])
