"""Calls between our client and our server, over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sampan.errors import Conflict, NotFound
from sampan.http.grpc.call import ServerCall
from sampan.http.grpc.client import Client, connect
from sampan.http.grpc.server import Routes, serve
from sampan.http.grpc.status import Code, Detail, GrpcError
from sampan.http.grpc.stream import MAX_MESSAGE
from sampan.specs.protobuf import File, Schema

SCHEMA = Schema(
    [
        File(
            package="t",
            messages={"M": {"data": (1, "bytes"), "number": (2, "int64")}},
            services={
                "S": {
                    "Unary": ("M", "M"),
                    "Down": ("M", "stream M"),
                    "Up": ("stream M", "M"),
                    "Both": ("stream M", "stream M"),
                    "Absent": ("M", "M"),
                }
            },
        )
    ]
)
M = SCHEMA.message("t.M")


class Service:
    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.begun = asyncio.Event()
        self.calls: list[ServerCall] = []

    async def unary(self, request: Any, call: ServerCall) -> Any:
        self.calls.append(call)
        if request.number == 404:
            raise NotFound("there is no such thing", hint="look elsewhere")
        if request.number == 409:
            raise Conflict("ä 100% wrong\nindeed")
        if request.number == 1:
            raise GrpcError(Code.ABORTED, "typed", [Detail("url", b"\0value")])
        if request.number == 5:
            raise Conflict(request.data.decode())
        if request.number == 2:
            raise ZeroDivisionError
        if request.number == 3:
            self.begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        await call.send_metadata({"first": ["1"], "raw-bin": [b"\0\xff"]})
        call.set_trailers({"last": ["2"]})
        return M(data=request.data, number=request.number + 1)

    async def down(self, request: Any, call: ServerCall) -> None:
        for number in range(request.number):
            await call.send(M(number=number))

    async def up(self, call: ServerCall) -> Any:
        return M(number=sum([message.number async for message in call]))

    async def both(self, call: ServerCall) -> None:
        async for message in call:
            await call.send(M(data=message.data.upper()))


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Client, Service]]:
    ours, theirs = socket.socketpair()
    service = Service()
    routes = Routes(SCHEMA)
    routes.add("t.S", {"Unary": service.unary, "Down": service.down, "Up": service.up, "Both": service.both})
    serving = asyncio.create_task(serve(theirs, b"", routes))
    client = await connect(ours)
    try:
        async with asyncio.timeout(20):
            yield client, service
    finally:
        client.close()
        async with asyncio.timeout(5):
            await serving


def method(name: str) -> Any:
    return SCHEMA.method("t.S", name)


async def test_each_form_of_call_works() -> None:
    async with running() as (client, _):
        assert (await client.unary(method("Unary"), M(number=6))).number == 7
        async with client.call(method("Down")) as call:
            await call.send(M(number=1000))
            await call.end()
            assert [message.number async for message in call] == list(range(1000))
        async with client.call(method("Up")) as call:
            for number in range(100):
                await call.send(M(number=number))
            await call.end()
            answer = await call.receive()
            assert answer.number == 4950
            assert await call.receive() is None
        async with client.call(method("Both")) as call:
            for word in (b"a", b"", b"c"):
                await call.send(M(data=word))
                answer = await call.receive()
                assert answer.data == word.upper()
            await call.end()
            assert await call.receive() is None


async def test_metadata_goes_both_ways() -> None:
    async with running() as (client, service):
        sent = {"one": ["1", "2"], "raw-bin": [b"\0\1\2"], "empty": [""]}
        async with client.call(method("Unary"), metadata=sent, seconds=30) as call:
            await call.send(M())
            assert await call.opened() == {"first": ["1"], "raw-bin": [b"\0\xff"]}
            await call.receive()
            assert await call.receive() is None
            assert call.trailers == {"last": ["2"]}
        assert service.calls[0].metadata == sent
        assert service.calls[0].deadline is not None
        assert service.calls[0].path == "/t.S/Unary"


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (404, Code.NOT_FOUND, "there is no such thing (look elsewhere)"),
        (409, Code.FAILED_PRECONDITION, "ä 100% wrong\nindeed"),
        (1, Code.ABORTED, "typed"),
        (2, Code.INTERNAL, "ZeroDivisionError in the server; see its log"),
    ],
)
async def test_errors_have_their_status(number: int, code: Code, message: str) -> None:
    async with running() as (client, _):
        with pytest.raises(GrpcError) as caught:
            await client.unary(method("Unary"), M(number=number))
        assert (caught.value.code, caught.value.message) == (code, message)
        assert caught.value.details == ((Detail("url", b"\0value"),) if number == 1 else ())
        assert (await client.unary(method("Unary"), M(number=6))).number == 7


async def test_what_is_not_there_is_unimplemented() -> None:
    async with running() as (client, _):
        with pytest.raises(GrpcError, match="unknown method Absent for service") as caught:
            await client.unary(method("Absent"), M())
        assert caught.value.code == Code.UNIMPLEMENTED


async def test_large_messages_and_many_of_them_pass_narrow_windows() -> None:
    async with running() as (client, _):
        data = b"x" * (MAX_MESSAGE - 100)
        answer = await client.unary(method("Unary"), M(data=data))
        assert answer.data == data
        async with client.call(method("Both")) as call:

            async def send() -> None:
                for _ in range(40):
                    await call.send(M(data=b"y" * 300_000))
                await call.end()

            sending = asyncio.create_task(send())
            assert [len(message.data) async for message in call] == [300_000] * 40
            await sending


async def test_senders_at_the_same_time_do_not_mix_their_messages() -> None:
    async with running() as (client, _), client.call(method("Both")) as call:

        async def send(letter: bytes) -> None:
            for _ in range(20):
                await call.send(M(data=letter * 400_000))

        async with asyncio.TaskGroup() as group:
            for letter in (b"a", b"b", b"c"):
                group.create_task(send(letter))
            for _ in range(60):
                answer = await call.receive()
                assert len(answer.data) == 400_000 and len(set(answer.data)) == 1


async def test_too_large_a_message_is_refused() -> None:
    async with running() as (client, _):
        with pytest.raises(GrpcError, match="larger than max") as caught:
            await client.unary(method("Unary"), M(data=b"x" * (MAX_MESSAGE + 1)))
        assert caught.value.code == Code.RESOURCE_EXHAUSTED
        assert (await client.unary(method("Unary"), M(number=6))).number == 7


async def test_leaving_a_call_cancels_it() -> None:
    async with running() as (client, service):
        async with client.call(method("Unary")) as call:
            await call.send(M(number=3))
            await service.begun.wait()
        await service.cancelled.wait()


async def test_a_client_that_is_gone_cancels_its_calls() -> None:
    async with running() as (client, service):
        async with client.call(method("Unary")) as call:
            await call.send(M(number=3))
            await service.begun.wait()
            client.close()
            await service.cancelled.wait()
            with pytest.raises(GrpcError):
                await call.receive()


async def test_deadlines_end_calls_on_both_sides() -> None:
    async with running() as (client, service):
        with pytest.raises(GrpcError) as caught:
            await client.unary(method("Unary"), M(number=3), seconds=0.05)
        assert caught.value.code == Code.DEADLINE_EXCEEDED
        await service.cancelled.wait()
        async with client.call(method("Unary"), seconds=0.05) as call:
            await call.send(M(number=3))
            with pytest.raises(GrpcError) as caught:
                await call.receive()
            assert caught.value.code == Code.DEADLINE_EXCEEDED


async def test_more_calls_than_the_server_allows_wait_their_turn() -> None:
    async with running() as (client, _):
        answers = await asyncio.gather(
            *(client.unary(method("Unary"), M(number=999 + n)) for n in range(500))
        )
        assert [answer.number for answer in answers] == list(range(1000, 1500))


async def test_a_reader_that_stops_stops_the_sender() -> None:
    async with running() as (client, _), client.call(method("Down")) as call:
        await call.send(M(number=10_000_000))
        await call.end()
        await call.receive()
        queued = -1
        while queued != call._stream._queued:
            queued = call._stream._queued
            await asyncio.sleep(0.3)
        assert queued < 8 << 20


async def test_long_headers_and_messages_pass_quickly() -> None:
    async with asyncio.timeout(3), running() as (client, service):
        patterns = [f"some/path/number-{n}/**/*.o" for n in range(2500)]
        await client.unary(method("Unary"), M(number=6), metadata={"exclude-patterns": patterns})
        assert service.calls[0].metadata["exclude-patterns"] == patterns
        with pytest.raises(GrpcError) as caught:
            await client.unary(method("Unary"), M(number=5, data=b"x" * 200_000))
        assert caught.value.message == "x" * 200_000


async def test_calls_that_wait_their_turn_end_with_the_connection() -> None:
    async with running() as (client, service):
        await client.unary(method("Unary"), M())  # what the server allows has come
        client._connection.max_streams = 1
        calls = [asyncio.create_task(client.unary(method("Unary"), M(number=3))) for _ in range(5)]
        await service.begun.wait()
        with pytest.raises(GrpcError) as caught:
            await client.unary(method("Unary"), M(), seconds=0.05)
        assert caught.value.code == Code.DEADLINE_EXCEEDED
        client.close()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(error) for error in ended] == [GrpcError] * 5
