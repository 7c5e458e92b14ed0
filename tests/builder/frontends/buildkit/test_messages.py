"""Progress, failures, records and results in BuildKit's messages."""

import json
from base64 import b64decode
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.builder.errors import DockerfileError, Place, StepFailed
from sampan.builder.frontends.buildkit import (
    definitions,
    failures,
    history,
    status,
    storage,
    subrequests,
    usage,
)
from sampan.builder.frontends.buildkit.frontend import UnsupportedRequest
from sampan.builder.history import BuildRecord
from sampan.builder.plan.graph import Lines
from sampan.builder.progress import Explanation, Log, Status, Vertex, Warning
from sampan.engine.buildcache.usage import Usage
from sampan.errors import Invalid, NotFound, Unsupported
from sampan.http.grpc.status import Code, GrpcError
from sampan.specs.buildkit.schema import schema


def test_events_keep_their_order_and_everything_they_say() -> None:
    (message,) = status.responses(
        [
            Vertex(digest="sha256:a", name="[1/2] FROM x", inputs=("sha256:b",), started=1_000_000_002),
            Vertex(digest="sha256:a", name="[1/2] FROM x", started=1, completed=2, cached=True, error="no"),
            Status(
                id="transferring context:", vertex="sha256:a", name="transferring", current=3, timestamp=9
            ),
            Log(vertex="sha256:a", stream=2, data=b"\xff\n", timestamp=5),
            Explanation(vertex="sha256:a", cached=False, reason="file changed"),
            Warning(
                vertex="sha256:a",
                short="S",
                detail=("d",),
                url="u",
                filename="D",
                source=b"FROM x",
                ranges=((1, 2),),
            ),
        ]
    )
    first, second = message.vertexes
    assert (first.started.seconds, first.started.nanos) == (1, 2)
    assert not first.HasField("completed")
    assert list(first.inputs) == ["sha256:b"]
    assert (second.cached, second.error, second.completed.nanos) == (True, "no", 2)
    assert (message.statuses[0].ID, message.statuses[0].current) == ("transferring context:", 3)
    assert (message.logs[0].stream, message.logs[0].msg) == (2, b"\xff\n")
    (warning,) = message.warnings
    assert (warning.short, list(warning.detail), warning.info.filename) == (b"S", [b"d"], "D")
    assert (warning.ranges[0].start.line, warning.ranges[0].end.line) == (1, 2)


def test_much_output_is_split_into_messages_that_clients_take() -> None:
    chunk = b"x" * 100_000
    messages = list(status.responses([Log(vertex="v", stream=1, data=chunk) for _ in range(100)]))
    assert sum(len(message.logs) for message in messages) == 100
    assert max(len(message.SerializeToString()) for message in messages) < 2 << 20


def test_names_that_are_no_text_are_sent_all_the_same() -> None:
    (message,) = status.responses([Vertex(digest="d", name="COPY \udcff /")])
    assert message.vertexes[0].name == "COPY � /"


def test_no_events_make_no_message() -> None:
    assert list(status.responses([Explanation(vertex="v", cached=True, reason="")])) == []


PLACE = Place(filename="Dockerfile", text="FROM x\nRUN false\n", lines=Lines(first=2, last=2))


def test_a_failed_step_says_where_and_with_which_code() -> None:
    error = failures.as_grpc(
        StepFailed('process "false" did not complete', place=PLACE, exit_code=3, vertex="sha256:v")
    )
    assert (error.code, error.message) == (Code.UNKNOWN, 'process "false" did not complete')
    found = {detail.type_url: json.loads(detail.value) for detail in error.details}
    assert set(found) == {
        f"github.com/moby/buildkit/{name}+json"
        for name in ("errdefs.Source", "errdefs.Vertex", "gatewayapi.ExitMessage")
    }
    source = found["github.com/moby/buildkit/errdefs.Source+json"]
    assert b64decode(source["info"]["data"]) == b"FROM x\nRUN false\n"
    assert source["ranges"] == [{"start": {"line": 2}, "end": {"line": 2}}]
    assert found["github.com/moby/buildkit/gatewayapi.ExitMessage+json"] == {"Code": 3}


def test_a_wrong_dockerfile_shows_its_lines() -> None:
    error = failures.as_grpc(DockerfileError("dockerfile parse error on line 2", place=PLACE))
    assert [detail.type_url for detail in error.details] == ["github.com/moby/buildkit/errdefs.Source+json"]


def test_clients_can_tell_what_is_not_supported() -> None:
    error = failures.as_grpc(
        UnsupportedRequest("unsupported request x", type_url="errdefs.Subrequest", name="x")
    )
    assert error.details[0].type_url == "github.com/moby/buildkit/errdefs.Subrequest+json"
    assert json.loads(error.details[0].value) == {"name": "x"}


def test_other_failures_have_no_code_that_clients_would_print() -> None:
    assert failures.as_grpc(NotFound("x: not found")).code == Code.UNKNOWN
    kept = GrpcError(Code.ABORTED, "x")
    assert failures.as_grpc(kept) is kept


def test_a_result_comes_back_as_it_went_out() -> None:
    assert definitions.context_of(definitions.of_result("abc")) == "input:abc"


def definition(*ops: Any) -> Any:
    made = schema().message("pb.Definition")()
    getattr(made, "def").extend(op.SerializeToString(deterministic=True) for op in ops)
    return made


def source(identifier: str, **attrs: str) -> Any:
    from hashlib import sha256

    op = schema().message("pb.Op")()
    op.source.identifier = identifier
    for name, value in attrs.items():
        op.source.attrs[name] = value
    end = schema().message("pb.Op")()
    end.inputs.add(digest="sha256:" + sha256(op.SerializeToString(deterministic=True)).hexdigest())
    return definition(op, end)


SOURCES = [
    (
        "docker-image://docker.io/library/busybox:latest",
        {},
        "docker-image://docker.io/library/busybox:latest",
    ),
    ("local://context", {}, "local:context"),
    ("https://h/f.tar", {}, "https://h/f.tar"),
    ("git://h/r.git#main", {"git.fullurl": "https://h/r.git"}, "https://h/r.git#main"),
    ("git://h/r.git", {}, "git://h/r.git"),
]


@pytest.mark.parametrize(("identifier", "attrs", "wanted"), SOURCES, ids=[row[0] for row in SOURCES])
def test_a_single_source_is_a_context(identifier: str, attrs: dict[str, str], wanted: str) -> None:
    assert definitions.context_of(source(identifier, **attrs)) == wanted


def test_other_definitions_are_refused() -> None:
    run = schema().message("pb.Op")()
    run.exec.SetInParent()
    end = schema().message("pb.Op")()
    end.inputs.add(digest="sha256:0")
    for made in (definition(run, end), definition(end, end), source("blob://x")):
        with pytest.raises(Unsupported):
            definitions.context_of(made)
    for made in (definition(), definition(end)):
        with pytest.raises(Invalid):
            definitions.context_of(made)


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_definitions_of_noise_are_refused(rows: list[bytes]) -> None:
    made = schema().message("pb.Definition")()
    getattr(made, "def").extend(rows)
    with pytest.raises((Invalid, Unsupported)):
        definitions.context_of(made)


def test_a_record_of_the_cache_keeps_its_numbers() -> None:
    row = usage.record(
        Usage(
            id="a",
            type="regular",
            description="d",
            size=7,
            created=1_000_000_000,
            uses=2,
            parents=("p",),
            shared=True,
        )
    )
    assert (row.ID, row.Size, row.CreatedAt.seconds, row.UsageCount, row.Parent) == ("a", 7, 1, 2, "p")
    assert row.Shared and not row.HasField("LastUsedAt")


def test_a_build_of_the_history_says_how_it_ended() -> None:
    failed = history.event(1, BuildRecord(ref="r", created=1, completed=2, error="boom", steps=4, cached=1))
    assert (failed.record.error.code, failed.record.error.message) == (Code.UNKNOWN, "boom")
    assert (failed.record.numTotalSteps, failed.record.numCachedSteps) == (4, 1)
    canceled = history.event(1, BuildRecord(ref="r", created=1, completed=2, error="x", canceled=True))
    assert canceled.record.error.code == Code.CANCELLED
    running = history.event(0, BuildRecord(ref="r", created=1))
    assert not running.record.HasField("error") and not running.record.HasField("CompletedAt")


def test_the_history_is_asked_for_one_build_or_running_ones() -> None:
    request = schema().message("moby.buildkit.v1.BuildHistoryRequest")
    records = [BuildRecord(ref="a", created=3), BuildRecord(ref="b", created=2, completed=3)]
    assert history.select(records, request()) == records
    assert history.select(records, request(Ref="b")) == records[1:]
    assert history.select(records, request(ActiveOnly=True)) == records[:1]
    assert history.select(records, request(Limit=1)) == records[:1]


KEPT = [
    # reserved, maximum, wanted free, free, kept of 100 used
    (0, 0, 0, 0, 0),
    (30, 0, 0, 0, 30),
    (0, 40, 0, 0, 40),
    (30, 40, 0, 0, 40),
    (0, 0, 60, 50, 90),
    (95, 0, 60, 50, 95),
    (0, 50, 60, 50, 50),
    (0, 0, 500, 50, 1),
]


@pytest.mark.parametrize(("reserved", "most", "wanted", "free", "kept"), KEPT)
def test_sizes_of_a_prune_become_one(reserved: int, most: int, wanted: int, free: int, kept: int) -> None:
    request = SimpleNamespace(reservedSpace=reserved, maxUsedSpace=most, minFreeSpace=wanted)
    records = [
        Usage(id="a", type="regular", description="", size=100, created=1),
        Usage(id="b", type="regular", description="", size=50, created=1, shared=True),
    ]
    assert storage.keep_bytes(request, records, free) == kept


def test_the_frontend_describes_its_requests() -> None:
    answer = subrequests.describe()
    names = [row["name"] for row in json.loads(answer["result.json"])]
    assert names == ["frontend.lint", "frontend.outline", "frontend.targets", "frontend.subrequests.describe"]
    assert answer["result.txt"].startswith(b"NAME")
