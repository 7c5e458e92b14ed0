"""Which of an image's layers a step is, by history alone."""

from typing import Any

import pytest

from sampan.builder.plan.graph import Plan, Run, Step
from sampan.builder.solve.cache.ancestors import EMPTY_LAYER, Histories, ancestor, plain
from tests.builder.plan.planning import HISTORY, LAYER, planned

SAME = [
    ("RUN /bin/sh -c make # buildkit", "/bin/sh -c make"),
    ("RUN |1 A=1 /bin/sh -c make # buildkit", "|1 A=1 /bin/sh -c make"),
    ("ENV A=1", "/bin/sh -c #(nop)  ENV A=1"),
    ("ENV A=1", "/bin/bash -e -c #(nop)  ENV A=1"),
    ("WORKDIR /x", "/bin/sh -c #(nop) WORKDIR /x"),
    ("COPY a /b # buildkit", "/bin/sh -c #(nop) COPY file:0123 in /b "),
    ("EXPOSE map[80/tcp:{}]", "/bin/sh -c #(nop)  EXPOSE 80"),
]


@pytest.mark.parametrize(("buildkit", "classic"), SAME)
def test_both_builders_say_the_same(buildkit: str, classic: str) -> None:
    assert plain(buildkit) == plain(classic)


OTHER = [
    ("RUN /bin/sh -c make # buildkit", "/bin/sh -c make all"),
    ("ENV A=1", "/bin/sh -c echo x #(nop)  ENV A=1"),
    ("ENV A=1", "/bin/sh -c #(nop)  ENV A=2"),
    ("RUN /bin/sh -c echo # buildkit # buildkit", "/bin/sh -c echo"),
]


@pytest.mark.parametrize(("buildkit", "classic"), OTHER)
def test_what_is_not_the_same_is_not_taken_for_it(buildkit: str, classic: str) -> None:
    assert plain(buildkit) != plain(classic)


A, B = (f"sha256:{letter * 64}" for letter in "ab")


def image(*entries: tuple[str, str]) -> Any:
    """On the base that plans stand on."""
    history = [
        *HISTORY,
        *({"created_by": said, **({} if layer else {"empty_layer": True})} for said, layer in entries),
    ]
    layers = [LAYER, *(layer for _, layer in entries if layer)]
    return {"history": history, "rootfs": {"type": "layers", "diff_ids": layers}}


def layers(plan: Plan, document: Any, below: dict[int, list[str]]) -> list[str]:
    """What the image has for each RUN, by number, when it stands on `below`."""
    found, histories = ancestor(document), Histories(plan)
    assert found
    runs = [step for step in plan.steps if isinstance(step.operation, Run)]
    return [histories.layer(step, below[number], found) for number, step in enumerate(runs)]


TEXT = "FROM base\nENV A=1\nRUN one\nRUN two\n"
ENTRIES = (("ENV A=1", ""), ("/bin/sh -c one", A), ("RUN /bin/sh -c two # buildkit", B))


def test_every_step_has_its_layer() -> None:
    found = layers(planned(TEXT), image(*ENTRIES), {0: [LAYER], 1: [LAYER, A]})
    assert found == [A, B]


def test_other_layers_below_are_another_image() -> None:
    assert layers(planned(TEXT), image(*ENTRIES), {0: [B], 1: [LAYER, B]}) == ["", ""]


def test_what_differs_before_a_step_differs_for_all_after_it() -> None:
    text = TEXT.replace("one", "other")
    assert layers(planned(text), image(*ENTRIES), {0: [LAYER], 1: [LAYER, A]}) == ["", ""]


def test_a_layer_of_nothing_counts_for_none() -> None:
    text = "FROM base\nWORKDIR /srv\nRUN one\n"
    for layer in ("", EMPTY_LAYER):
        document = image(("/bin/sh -c #(nop) WORKDIR /srv", layer), ("/bin/sh -c one", A))
        assert layers(planned(text), document, {0: [LAYER, EMPTY_LAYER]}) == [A]


def test_a_mount_is_in_no_history() -> None:
    text = "FROM base\nRUN --mount=type=bind,target=/x one\n"
    assert layers(planned(text), image(("RUN /bin/sh -c one # buildkit", A)), {0: [LAYER]}) == [""]


def test_stages_that_are_built_upon_count_too() -> None:
    text = "FROM base AS a\nENV A=1\nRUN one\nFROM a\nRUN two\n"
    assert layers(planned(text), image(*ENTRIES), {0: [LAYER], 1: [LAYER, A]}) == [A, B]


def test_a_history_that_does_not_tell_of_each_layer_is_none() -> None:
    document = image(*ENTRIES)
    document["rootfs"]["diff_ids"].append(A)
    assert ancestor(document) is None
    assert ancestor({"architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [A]}}) is None  # type: ignore[typeddict-item]


def test_a_step_of_no_stage_is_nobodys() -> None:
    step = Step(id=7, operation=Run(args=(), env=(), cwd="/"), name="")
    found = ancestor(image(*ENTRIES))
    assert found and Histories(Plan(steps=(), targets=())).layer(step, [LAYER], found) == ""
