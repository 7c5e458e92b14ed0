"""Passwords: checked beside all else, a few at a time for each client, unknown users like known ones."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from sampan.registry.auth.config import AuthConfig
from sampan.registry.auth.gate import BasicGate, OwnTokenGate
from sampan.registry.auth.htpasswd import Htpasswd
from sampan.registry.auth.jwt import sign
from sampan.registry.auth.verification import PER_ADDRESS, Verifiers, network
from sampan.registry.errors import TooManyRequests
from tests.registry.support import Client, serving
from tests.registry.test_doors import access, basic
from tests.support.poll import until_async


class Held:
    """A verifier that answers once it is let go; `asked` with these."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked: list[tuple[bytes, bytes]] = []

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.asked.append((password, hashed))
        assert self.gate.wait(60)
        return password == b"secret"


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.gate.set()


@pytest.fixture
def users(tmp_path: Path) -> str:
    return write(tmp_path, ("bob", 4), ("ann", 5))


def write(directory: Path, *users: tuple[str, int]) -> str:
    path = directory / "users"
    lines = [f"{user}:{bcrypt.hashpw(b'secret', bcrypt.gensalt(cost)).decode()}\n" for user, cost in users]
    path.write_text("".join(lines))
    return str(path)


def hold(client: Client, users: str, held: Held) -> None:
    gate = client.api.gate
    assert isinstance(gate, (BasicGate, OwnTokenGate))
    gate.users = Htpasswd(users, verify=held)


async def test_pushes_go_on_while_all_who_hash_are_busy(tmp_path: Path, users: str, held: Held) -> None:
    async with serving(tmp_path / "root", auth=AuthConfig("token", htpasswd=users)) as client:
        hold(client, users, held)
        guesses = [
            asyncio.create_task(client("GET", "/token", Authorization=basic("bob", str(number))))
            for number in range(64)
        ]
        await until_async(lambda: held.asked, "the first guess is looked at")
        claims = {"aud": "sampan-registry", "sub": "bob", "exp": time.time() + 600}
        claims["access"] = [access("a", "pull", "push")]
        token = sign(claims, client.registry.layout.token_key.read_bytes())
        client._session.headers["Authorization"] = f"Bearer {token}"
        async with asyncio.timeout(30):
            await client.push_image("a", "x", b"large " * 1_000_000)  # hashed and written on a thread
            assert (await client("GET", "/v2/a/manifests/x")).status == 200
        held.gate.set()
        answers = await asyncio.gather(*guesses)
        assert {answer.status for answer in answers} == {401, 429}
        refused = [answer for answer in answers if answer.status == 429]
        assert len(refused) == 64 - PER_ADDRESS
        assert (refused[0].code, refused[0].headers["Retry-After"]) == ("TOOMANYREQUESTS", "1")


async def test_known_passwords_do_not_wait_for_others(tmp_path: Path, users: str, held: Held) -> None:
    async with serving(tmp_path / "root", auth=AuthConfig(htpasswd=users)) as client:
        hold(client, users, held)
        held.gate.set()
        good = basic("bob")
        assert (await client("GET", "/v2/", Authorization=good)).status == 200
        held.gate.clear()
        guess = asyncio.create_task(client("GET", "/v2/", Authorization=basic("bob", "guess")))
        await until_async(lambda: len(held.asked) == 2, "the guess is looked at")
        async with asyncio.timeout(30):
            assert (await client("GET", "/v2/", Authorization=good)).status == 200
        held.gate.set()
        assert (await guess).status == 401


async def test_the_same_question_is_looked_at_once(tmp_path: Path, users: str, held: Held) -> None:
    """As docker asks, which pushes several layers at a time."""
    async with serving(tmp_path / "root", auth=AuthConfig(htpasswd=users)) as client:
        hold(client, users, held)
        asking = [asyncio.create_task(client("GET", "/v2/", Authorization=basic("bob"))) for _ in range(40)]
        await until_async(lambda: held.asked, "it is looked at")
        asking[0].cancel()  # whoever was first may leave
        held.gate.set()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert {answer.status for answer in answers if not isinstance(answer, BaseException)} == {200}
        assert len(held.asked) == 1


async def test_each_address_has_its_turn() -> None:
    verifiers, order = Verifiers(), []
    begun, gate = threading.Event(), threading.Event()

    def verify(name: str) -> bool:
        begun.set()
        assert gate.wait(60)
        order.append(name)
        return True

    def ask(address: str, name: str) -> "asyncio.Task[bool]":
        return asyncio.create_task(verifiers.run(address, name.encode(), lambda: verify(name)))

    many = [ask("192.0.2.1", f"many {number}") for number in range(PER_ADDRESS)]
    await until_async(begun.is_set, "the first is looked at")
    other = ask("192.0.2.2", "other")
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await ask("192.0.2.1", "one too many")
    gate.set()
    await asyncio.gather(*many, other)
    assert order.index("other") == 1, "only the one that was in the thread already comes first"
    assert await ask("192.0.2.1", "later")


def test_an_ipv6_client_is_its_network() -> None:
    assert network("2001:db8::1") == network("2001:db8::2:3:4") == "2001:db8::"
    assert network("2001:db8::1") != network("2001:db8:0:1::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("fe80::1%eth0") == "fe80::"


async def asked_of(users: str, name: str) -> bytes:
    """The hash that is worked on for one user."""
    held = Held()
    held.gate.set()
    assert not await Htpasswd(users, verify=held).check(name, "wrong", "192.0.2.1")
    return held.asked[0][1]


def cost(hashed: bytes) -> int:
    assert len(hashed) == 60
    return int(hashed[4:6])


@pytest.mark.parametrize("cost_there", [4, 6, 12])
async def test_unknown_users_take_the_work_of_known_ones(tmp_path: Path, cost_there: int) -> None:
    (tmp_path / "users").write_text(f"bob:$2b${cost_there:02}${'a' * 53}\n")
    path = str(tmp_path / "users")
    for name in ("eve", "admin", "", "b\0b", "bob "):
        assert cost(await asked_of(path, name)) == cost_there


async def test_where_costs_differ_an_unknown_user_has_always_the_same(tmp_path: Path) -> None:
    users = write(tmp_path, ("bob", 4), ("ann", 5))
    names = [f"user{number}" for number in range(40)]
    costs = [cost(await asked_of(users, name)) for name in names]
    assert set(costs) == {4, 5}
    assert [cost(await asked_of(users, name)) for name in names] == costs, "in every worker"


async def test_nothing_fits_an_unknown_user(tmp_path: Path, users: str) -> None:
    known = Htpasswd(users, verify=lambda password, hashed: True)
    assert not await known.check("eve", "", "192.0.2.1")
    assert not await Htpasswd(users).check("eve", "", "192.0.2.1")
    assert await Htpasswd(users).check("bob", "secret", "192.0.2.1")


async def test_a_file_that_is_gone_is_said_to_the_administrator_only(tmp_path: Path, users: str) -> None:
    async with serving(tmp_path / "root", auth=AuthConfig(htpasswd=users)) as client:
        os.unlink(users)
        answer = await client("GET", "/v2/", Authorization=basic("bob"))
        assert answer.status == 503
        assert b"users" not in answer.body
