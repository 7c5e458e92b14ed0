"""Progress events as the classic builder's lines."""

from typing import Any

import pytest

from sampan.builder.dockerfile.instructions import Dockerfile
from sampan.builder.dockerfile.parse import parse
from sampan.builder.errors import StepFailed
from sampan.builder.frontends.classic.steps import classic_steps, needed_stages, unused_arguments
from sampan.builder.frontends.classic.transcript import Transcript
from sampan.builder.plan.graph import SCRATCH, Files, ImageSource, Lines, Plan, Run, Step
from sampan.builder.progress import Event, Log, Status, Vertex

IMAGE = "sha256:" + "ab" * 32
RESULT = "sha256:" + "cd" * 32


def dockerfile(text: str) -> Dockerfile:
    return parse(text.encode(), "Dockerfile")


def step(id: int, operation: Any, line: int, *inputs: int) -> Step:
    return Step(id=id, operation=operation, inputs=inputs, name=f"v{id}", lines=Lines(first=line, last=line))


def image(id: int, line: int) -> Step:
    return step(id, ImageSource(reference="docker.io/library/base", image_id=IMAGE, platform=""), line)


def run(id: int, line: int, below: int, command: str = "x") -> Step:
    return step(id, Run(args=("/bin/sh", "-c", command), env=(), cwd="/"), line, below)


def files(id: int, line: int, below: int) -> Step:
    return step(id, Files(actions=()), line, below)


def digest(id: int) -> str:
    return f"sha256:{id:064x}"


def begun(id: int) -> Vertex:
    return Vertex(digest=digest(id), name=f"v{id}", started=1)


def ended(id: int, *, cached: bool = False, error: str = "") -> Vertex:
    return Vertex(digest=digest(id), name=f"v{id}", started=1, completed=2, cached=cached, error=error)


def log(id: int, text: str, stream: int = 1) -> Log:
    return Log(vertex=digest(id), stream=stream, data=text.encode(), timestamp=1)


class Told:
    """A transcript of one Dockerfile, and its text so far."""

    def __init__(self, text: str, *steps: Step, target: str = "") -> None:
        self.transcript = Transcript()
        plan = Plan(steps=steps, targets=())
        told = classic_steps(dockerfile(text), target, plan, digest)
        self.transcript.begin(told, lambda id: f"snapshot{id}xyz")
        self.lines: list[dict[str, Any]] = []

    def tell(self, *events: Event) -> "Told":
        for event in events:
            self.lines += self.transcript.tell([event])
        return self

    def finish(self, *tags: str, known: bool = False) -> "Told":
        self.lines += self.transcript.finish(RESULT, tags, [], known=known)
        return self

    @property
    def text(self) -> str:
        return "".join(line.get("stream", "") for line in self.lines)


SIMPLE = "FROM base\nENV A=1\nRUN x\nCOPY f /\n"


def test_steps_are_told_with_output_and_ids() -> None:
    told = Told(SIMPLE, image(0, 1), run(1, 3, 0), files(2, 4, 1))
    told.tell(begun(1), log(1, "out\n"), log(1, "err\n", 2), ended(1), begun(2), ended(2)).finish("a:latest")
    lines = told.text.splitlines()
    container = lines[5].split()[-1]
    named = lines[3].split()[-1]
    assert len(container) == len(named) == 12
    assert lines == [
        "Step 1/4 : FROM base",
        " ---> abababababab",
        "Step 2/4 : ENV A=1",
        f" ---> {named}",
        "Step 3/4 : RUN x",
        f" ---> Running in {container}",
        "out",
        "\x1b[91merr",
        f"\x1b[0m ---> Removed intermediate container {container}",
        " ---> snapshot1xyz",
        "Step 4/4 : COPY f /",
        " ---> cdcdcdcdcdcd",
        "Successfully built cdcdcdcdcdcd",
        "Successfully tagged a:latest",
    ]
    assert {"aux": {"ID": RESULT}} in told.lines


def test_cached_steps_say_so() -> None:
    told = Told(SIMPLE, image(0, 1), run(1, 3, 0), files(2, 4, 1))
    told.tell(ended(1, cached=True), ended(2, cached=True)).finish()
    assert told.text.count(" ---> Using cache\n") == 3  # ENV as well: what follows it was found by it
    assert "Running in" not in told.text


def test_what_is_only_in_the_config_is_cached_when_the_layer_after_it_is() -> None:
    text = "FROM base\nENV A=1\nRUN x\nENV B=1\nRUN y\nENV C=1\n"
    told = Told(text, image(0, 1), run(1, 3, 0), run(2, 5, 1))
    told.tell(ended(1, cached=True), begun(2), ended(2)).finish()
    said = [line for line in told.text.splitlines() if line.startswith(("Step", " ---> Using"))]
    assert said == [
        "Step 1/6 : FROM base",
        "Step 2/6 : ENV A=1",
        " ---> Using cache",
        "Step 3/6 : RUN x",
        " ---> Using cache",
        "Step 4/6 : ENV B=1",
        " ---> Using cache",
        "Step 5/6 : RUN y",
        "Step 6/6 : ENV C=1",
    ]


@pytest.mark.parametrize("known", [False, True])
def test_where_there_is_no_layer_the_whole_image_tells(known: bool) -> None:
    told = Told("FROM base\nENV A=1\nCMD x\n", image(0, 1))
    told.tell(ended(0))
    assert "cache" not in told.text
    told.finish(known=known)
    assert told.text.count(" ---> Using cache\n") == (2 if known else 0)
    assert told.text.index("Step 3/3") < told.text.index("Successfully")


def test_steps_that_run_beside_each_other_are_told_one_after_the_other() -> None:
    text = "FROM base AS a\nRUN a\nFROM base\nRUN b\nCOPY --from=a /x /\n"
    told = Told(text, image(0, 1), run(1, 2, 0), run(2, 4, 0), files(3, 5, 2))
    told.tell(begun(2), log(2, "second\n"), ended(2))
    assert "second" not in told.text
    told.tell(begun(1), log(1, "first\n"))
    assert "first" in told.text and "second" not in told.text
    told.tell(ended(1))
    assert told.text.index("first") < told.text.index("Step 3/5 : FROM base") < told.text.index("second")


def test_a_failing_command_has_its_code() -> None:
    told = Told("FROM base\nRUN false\n", image(0, 1), run(1, 2, 0, "false"))
    told.tell(begun(1), log(1, "words\n"), ended(1, error="it failed"))
    lines = told.transcript.fail(StepFailed("it failed", exit_code=1, vertex=digest(1)))
    said = "The command '/bin/sh -c false' returned a non-zero code: 1"
    assert lines == [{"errorDetail": {"code": 1, "message": said}, "error": said}]


def test_a_step_that_failed_before_its_turn_is_named() -> None:
    told = Told("FROM base\nRUN slow\nCOPY missing /\n", image(0, 1), run(1, 2, 0), files(2, 3, 1))
    told.tell(begun(1))
    lines = told.transcript.fail(StepFailed("not found", vertex=digest(2)))
    assert lines[0] == {"stream": "Step 3/3 : COPY missing /"}
    assert lines[-1] == {"errorDetail": {"message": "not found"}, "error": "not found"}


def test_triggers_of_the_base_are_counted() -> None:
    trigger = run(1, 1, 0)
    told = Told("FROM base\nRUN x\n", image(0, 1), trigger, run(2, 2, 1))
    told.tell(begun(1), log(1, "triggered\n"), ended(1), begun(2), ended(2)).finish()
    assert "# Executing 1 build trigger\n" in told.text
    assert told.text.index("triggered") < told.text.index("Step 2/2")


def test_a_stage_on_a_stage_stands_on_its_last_id() -> None:
    text = "FROM base AS a\nRUN x\nFROM a\nRUN y\n"
    told = Told(text, image(0, 1), run(1, 2, 0), run(2, 4, 1))
    told.tell(begun(1), ended(1), begun(2), ended(2)).finish()
    assert "Step 3/4 : FROM a\n ---> snapshot1xyz\n" in told.text


def test_two_stages_on_one_image_both_name_it() -> None:
    text = "FROM base AS a\nRUN x\nFROM base\nCOPY --from=a /x /\n"
    told = Told(text, image(0, 1), run(1, 2, 0), files(2, 4, 0))
    told.tell(begun(1), ended(1), begun(2), ended(2)).finish()
    assert "Step 3/4 : FROM base\n ---> abababababab\n" in told.text


def test_scratch_has_no_id() -> None:
    told = Told("FROM scratch\nCOPY f /\n", files(0, 2, SCRATCH))
    told.tell(begun(0), ended(0)).finish()
    assert told.text.startswith("Step 1/2 : FROM scratch\n ---> \n")


def test_layers_of_a_pull_are_told() -> None:
    told = Told(SIMPLE, image(0, 1), run(1, 3, 0), files(2, 4, 1))
    told.tell(Vertex(digest="v", name="[internal] load metadata for base", started=1))
    told.tell(
        Status(id="sha256:" + "1" * 64, vertex="v", name="downloading", current=5, total=10),
        Status(id="sha256:" + "1" * 64, vertex="v", name="done", current=10, total=10, completed=3),
    )
    assert {
        "status": "downloading",
        "progressDetail": {"current": 5, "total": 10},
        "id": "1" * 12,
    } in told.lines
    assert {"status": "Pull complete", "progressDetail": {}, "id": "1" * 12} in told.lines


STAGES = """\
ARG V=1
FROM base AS unused
RUN u
FROM base AS a
ARG X
FROM base AS b
FROM a AS c
COPY --from=b /x /
RUN --mount=type=bind,from=2,target=/m x
FROM scratch
COPY --from=c / /
"""


def test_only_needed_stages_are_told() -> None:
    parsed = dockerfile(STAGES)
    assert [stage.name for stage in needed_stages(parsed, "", None)] == ["a", "b", "c", ""]
    assert [stage.name for stage in needed_stages(parsed, "a", None)] == ["a"]
    steps = classic_steps(parsed, "a", None, digest)
    assert [one.text for one in steps] == ["ARG V=1", "FROM base AS a", "ARG X"]


def test_arguments_nobody_asks_for_are_named() -> None:
    parsed = dockerfile(STAGES)
    given = ["V", "X", "Y", "http_proxy", "SOURCE_DATE_EPOCH"]
    assert unused_arguments(parsed, given, "", None) == ["Y"]
    assert unused_arguments(parsed, given, "b", None) == ["X", "Y"]
