"""POST /build?version=2, as docker 18.09 to 22 asks."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.builder.frontends.buildkit import version2
from sampan.builder.options import BuildOptions, Output
from sampan.errors import Invalid, NotFound
from sampan.specs.buildkit.schema import schema
from tests.builder.frontends.buildkit.test_services import FakeBuilder, FakeSessions, bad, good

CLASSIC = BuildOptions(tags=("x:latest",), target="t")


async def body(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


CONTEXTS = [
    # remote, where the files are, where the Dockerfile is
    ("client-session", "local:context", "local:dockerfile"),
    ("upload-request", "upload:b", "upload:b"),
    ("https://h/r.git#main", "https://h/r.git#main", "https://h/r.git#main"),
]


@pytest.mark.parametrize(("remote", "context", "dockerfile"), CONTEXTS, ids=[row[0] for row in CONTEXTS])
def test_where_the_files_are(remote: str, context: str, dockerfile: str) -> None:
    made = version2.options(CLASSIC, {"remote": remote, "buildid": "b"})
    assert (made.context, made.dockerfile_source) == (context, dockerfile)
    assert (made.tags, made.target) == (CLASSIC.tags, CLASSIC.target)


def test_where_the_results_go() -> None:
    assert version2.outputs("") == (Output(type="image"),)
    assert version2.outputs('[{"Type":"local","Attrs":{}}]') == (Output(type="local"),)
    for text in ("{", "[1]", '[{"Attrs":{}}]', '[{"Type":"local"},{"Type":"tar"}]'):
        with pytest.raises(Invalid):
            version2.outputs(text)
    with pytest.raises(Invalid, match="no context"):
        version2.options(CLASSIC, {})


def told(work: Any, quiet: bool = False) -> list[dict[str, Any]]:
    async def main() -> list[dict[str, Any]]:
        query = {"remote": "client-session", "session": "s", "buildid": "b"}
        builder: Any = FakeBuilder(work)
        sessions: Any = FakeSessions()
        build = await version2.start(builder, sessions, version2.Uploads(), CLASSIC, query)
        assert build.ref == "b"
        return [line async for line in version2.lines(build, quiet)]

    return asyncio.run(main())


def test_the_answer_packs_what_status_tells() -> None:
    *traces, last = told(good)
    messages = [
        schema().message("moby.buildkit.v1.StatusResponse").FromString(b64decode(line["aux"]))
        for line in traces
    ]
    assert {line["id"] for line in traces} == {"moby.buildkit.trace"}
    assert [row.name for message in messages for row in message.vertexes] == ["[1/1] RUN x"]
    assert last == {"id": "moby.image.id", "aux": {"ID": "sha256:i"}}


def test_the_answer_ends_with_what_went_wrong() -> None:
    last = told(bad)[-1]
    assert json.loads(json.dumps(last))["errorDetail"] == {"message": "process did not complete"}


def test_a_quiet_build_tells_its_image_or_everything() -> None:
    assert told(good, quiet=True) == [
        {"stream": "sha256:i\n"},
        {"id": "moby.image.id", "aux": {"ID": "sha256:i"}},
    ]
    assert told(bad, quiet=True)[-1]["error"] == "process did not complete"


def test_a_context_is_sent_beside_its_build(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        uploads = version2.Uploads()
        giving = asyncio.create_task(uploads.give("b", body(b"one", b"two")))
        assert [chunk async for chunk in uploads.take("b")] == [b"one", b"two"]
        await giving
        # Whoever comes first waits for the other, but not for ever.
        reading = asyncio.create_task(anext(uploads.take("c")))
        await asyncio.sleep(0)
        giving = asyncio.create_task(uploads.give("c", body(b"x")))
        assert await reading == b"x"
        giving.cancel()
        monkeypatch.setattr(version2, "ARRIVAL", 0.01)
        with pytest.raises(NotFound):
            await anext(uploads.take("nobody"))
        with pytest.raises(NotFound):
            await uploads.give("nobody", body())

    asyncio.run(main())
