"""Whatever a Dockerfile holds: a plan that holds together, or a DockerfileError."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.builder.errors import DockerfileError
from sampan.builder.plan.graph import SCRATCH, Files, LocalSource, Run
from tests.builder.plan.planning import image, planned

WORDS = st.sampled_from(
    ["a", "b", "$A", "${B:-x}", "/", ".", "../x", "'q q'", "s0", "s1", "1", "0", "scratch", "busybox", "http://h/f",
     "https://h/r.git#x", "*", "é", '"', "\\", "80/udp", "k=v", "k=$A", "", "[]", '["x"]', "<<E\nt\nE"]
)  # fmt: skip
COPY = ["--from=s0", "--from=1", "--from=busybox", "--chown=$A", "--chmod=755", "--link", "--exclude=*.o"]
FLAGS = {
    "COPY": [*COPY, "--parents"],
    "ADD": [*COPY[3:], "--checksum=sha256:x", "--keep-git-dir=true", "--unpack"],
    "RUN": [
        "--mount=target=/m",
        "--mount=type=cache,target=c",
        "--mount=from=s1,target=/m",
        "--mount=from=busybox,target=$A",
        "--mount=type=secret,id=x",
        "--mount=type=ssh",
        "--network=none",
    ],
}
KEYWORDS = [*["COPY", "RUN", "ADD"] * 4, "ENV", "ARG", "LABEL", "WORKDIR", "USER", "CMD", "ENTRYPOINT"]
KEYWORDS += ["EXPOSE", "VOLUME", "SHELL", "STOPSIGNAL", "HEALTHCHECK", "ONBUILD RUN", "MAINTAINER", "FROM"]


@st.composite
def lines(draw: st.DrawFn) -> str:
    keyword = draw(st.sampled_from(KEYWORDS))
    flags = draw(st.lists(st.sampled_from(FLAGS.get(keyword, [""])), max_size=2, unique=True))
    words = draw(st.lists(WORDS, min_size=2, max_size=3))
    return " ".join([keyword, *filter(None, flags), *words])


LINES = lines()


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=4), st.lists(LINES, max_size=3), st.lists(LINES, max_size=1))
def test_steps_fit_together(first: list[str], second: list[str], triggers: list[str]) -> None:
    text = "\n".join(["ARG A=1", "FROM base AS s0", *first, "FROM s0 AS s1", *second])
    try:
        made = planned(text, {"base": image({"OnBuild": triggers})})
    except DockerfileError:
        return
    for number, step in enumerate(made.steps):
        assert step.id == number
        assert all(input == SCRATCH or 0 <= input < number for input in step.inputs)
        if isinstance(step.operation, Run | Files):
            assert step.inputs
    [target] = made.targets
    layers = [entry.step for entry in target.history if entry.step is not None]
    assert layers == sorted(set(layers))
    assert all(isinstance(made.steps[step].operation, Run | Files) for step in layers)
    needed = {target.step}
    for step in reversed(made.steps):
        if step.id in needed:
            needed |= set(step.inputs)
    assert {step.id for step in made.steps} <= needed, "a step that nobody needs"
    for step in made.steps:
        if isinstance(step.operation, LocalSource):
            assert not any(path.startswith(("/", "..")) for path in step.operation.paths)
