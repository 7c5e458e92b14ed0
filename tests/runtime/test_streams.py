"""Attached clients: input, output, ends of either, detach keys, back-pressure."""

import asyncio
import socket
from pathlib import Path

import pytest

from sampan import errors
from tests.runtime.rig import Rig, process, spec

pytestmark = pytest.mark.root


async def test_output_reaches_client_and_log_framed_by_stream(rig: Rig) -> None:
    client = rig.client()
    running = await rig.start(spec(process("sh", "-c", "echo out; echo err >&2")), clients=(client,))
    assert sorted((await client.read()).split()) == [b"err", b"out"]
    await running.exit()
    assert {(entry["stream"], entry["log"]) for entry in running.log()} == {
        ("stdout", "out\n"),
        ("stderr", "err\n"),
    }


async def test_end_of_input_ends_the_containers_where_stdin_once_is_set(rig: Rig) -> None:
    client = rig.client(stdin=True)
    running = await rig.start(spec(process("cat")), clients=(client,), open_stdin=True, stdin_once=True)
    await client.send(b"hello\n" * 100_000)
    client.socket.shutdown(socket.SHUT_WR)
    assert await client.read() == b"hello\n" * 100_000
    assert await running.exit() == 0


async def test_input_sent_before_the_start_is_not_lost(rig: Rig) -> None:
    client = rig.client(stdin=True)
    await client.send(b"early\n")
    client.socket.shutdown(socket.SHUT_WR)
    await rig.start(spec(process("cat")), clients=(client,), open_stdin=True, stdin_once=True)
    assert await client.read() == b"early\n"


async def test_without_stdin_once_end_of_input_only_ends_the_attachment(rig: Rig) -> None:
    client = rig.client(stdin=True)
    running = await rig.start(spec(process("cat")), clients=(client,), open_stdin=True)
    client.socket.shutdown(socket.SHUT_WR)
    assert await client.read() == b""
    second = rig.client(stdin=True)
    await running.shim.attach(second.attach, second.theirs)
    second.handed_over()
    await second.send(b"still there\n")
    await second.expect(b"still there")
    await running.shim.kill(9)
    assert await running.exit() == 137


async def test_without_open_stdin_the_program_reads_nothing(rig: Rig) -> None:
    client = rig.client(stdin=True)
    running = await rig.start(spec(process("sh", "-c", "cat; echo end")), clients=(client,))
    assert await client.read() == b"end\n"
    assert await running.exit() == 0


async def test_several_clients_see_the_same(rig: Rig) -> None:
    first, second = rig.client(stdin=True), rig.client(framed=False)
    await rig.start(
        spec(process("sh", "-c", "read a; echo $a; exec seq 20000")), clients=(first, second), open_stdin=True
    )
    await first.send(b"go\n")
    one, two = await asyncio.gather(first.read(), second.read())
    assert one == two == b"go\n" + b"".join(b"%d\n" % n for n in range(1, 20001))


async def test_a_terminal_has_a_name_a_size_and_one_stream(rig: Rig) -> None:
    client = rig.client(stdin=True, framed=False)
    script = "tty; stty size; test -c /dev/console && echo console; echo err >&2; read line; stty size; echo got $line"
    running = await rig.start(
        spec(process("sh", "-c", script, terminal=True)),
        clients=(client,),
        open_stdin=True,
        console_size=(24, 90),
    )
    await client.expect(b"err\r\n")
    await running.shim.resize(50, 132)
    await client.send(b"word\n")
    await running.exit()
    assert running.output().replace("\r", "").split("\n") == [
        "/dev/pts/0",
        "24 90",
        "console",
        "err",
        "word",
        "50 132",
        "got word",
        "",
    ]


async def test_control_c_on_a_terminal_interrupts(rig: Rig) -> None:
    client = rig.client(stdin=True, framed=False)
    running = await rig.start(
        spec(
            process("sh", "-c", "trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done", terminal=True)
        ),
        clients=(client,),
        open_stdin=True,
    )
    await client.expect(b"ready")
    await client.send(b"\x03")
    assert await running.exit() == 5


async def test_detach_keys_end_the_attachment_and_not_the_program(rig: Rig) -> None:
    client = rig.client(stdin=True, framed=False, keys=b"\x10\x11")
    running = await rig.start(spec(process("cat", terminal=True)), clients=(client,), open_stdin=True)
    await client.send(b"a\x10b\n")
    await client.expect(b"a^Pb\r\na\x10b\r\n")
    await client.send(b"\x10")
    await client.send(b"\x11")
    await client.read()
    assert await running.event("detach") == {"event": "detach", "exec": None}
    again = rig.client(stdin=True, framed=False)
    await running.shim.attach(again.attach, again.theirs)
    again.handed_over()
    await again.send(b"more\n")
    await again.expect(b"more\r\nmore\r\n")


async def test_a_client_that_does_not_read_slows_the_program_and_one_that_vanished_does_not(rig: Rig) -> None:
    client = rig.client()
    running = await rig.start(
        spec(process("sh", "-c", "yes 0123456789 | head -c 20000000; echo done >&2")),
        clients=(client,),
        log={"driver": "none"},
    )
    shim = int(Path(f"/proc/{running.shim.pid}/status").read_text().split("PPid:")[1].split()[0])

    def taken() -> int:
        """What the shim has read: all of it would be over twenty million bytes."""
        text = Path(f"/proc/{shim}/io").read_text()
        return int(text.split("rchar: ")[1].split()[0])

    before = -1
    while before != (before := taken()):  # until it stands still
        await asyncio.sleep(0.3)
    assert 1_000_000 < before < 4_000_000
    assert not any(event["event"] == "exit" for event in running.events)
    client.close()
    assert await running.exit() == 0


async def test_a_slow_client_gets_everything(rig: Rig) -> None:
    client = rig.client()
    running = await rig.start(
        spec(process("sh", "-c", "yes 0123456789 | head -c 5000000")),
        clients=(client,),
        log={"driver": "none"},
    )
    data = await client.read()
    assert len(data) == 5_000_000
    assert await running.exit() == 0


async def test_output_held_open_outside_does_not_delay_the_end_for_ever(rig: Rig) -> None:
    # A process in the host's pid namespace outlives init until the cgroup is killed.
    plain = spec(process("sh", "-c", "(sleep 1000 &) ; echo out"))
    plain["linux"]["namespaces"] = [{"type": kind} for kind in ("mount", "network", "uts", "ipc", "cgroup")]
    running = await rig.start(plain)
    assert await running.exit(seconds=5) == 0
    assert running.output() == "out\n"


async def test_attaching_to_an_unknown_exec_is_refused(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "100")))
    client = rig.client()
    with pytest.raises(errors.NotFound, match="No such exec instance: nope"):
        await running.shim.attach({**client.attach, "exec": "nope"}, client.theirs)
    client.handed_over()
    assert await client.read() == b""
