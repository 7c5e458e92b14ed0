"""The doors that tell whether the server is well."""

import asyncio

from multidict import MultiDict

from sampan.errors import Failed, Unavailable
from sampan.kube.api.health import Health, Shutdown, checks
from sampan.kube.api.hooks import HOOKS, Hooks


class Server:
    """One whose store, cache and registrations can be broken."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.hooks, self.shutdown = Hooks(), Shutdown()
        parts = [self.part(name) for name in ("store", "informers", "registered")]
        self.health = Health(checks(*parts, self.shutdown.check, self.hooks))  # type: ignore[call-arg,arg-type]

    def part(self, name: str):  # type: ignore[no-untyped-def]
        async def check() -> None:
            if name in self.broken:
                raise Unavailable(f"{name} is away")

        return check

    async def ask(self, path: str, query: str = "", excluded: tuple[str, ...] = ()) -> tuple[int, str]:
        parsed = MultiDict([(query, "")] if query else [])
        answer = await self.health.answer(path, parsed, list(excluded))
        assert answer is not None and answer.text is not None
        return answer.status, answer.text


def test_a_server_that_is_well() -> None:
    async def main() -> None:
        server = Server()
        server.hooks.done(*HOOKS)
        for door in ("/healthz", "/livez", "/readyz"):
            assert await server.ask(door) == (200, "ok")

    asyncio.run(main())


def test_every_hook_fails_until_it_is_done() -> None:
    async def main() -> None:
        server = Server()
        code, text = await server.ask("/livez", "verbose")
        assert code == 500 and text.count("[-]poststarthook/") == len(HOOKS)
        server.hooks.done(*HOOKS[:-1])
        said = "internal server error: not finished\n"
        assert await server.ask(f"/readyz/poststarthook/{HOOKS[-1]}") == (500, said)
        assert (await server.ask("/readyz", "", (f"poststarthook/{HOOKS[-1]}",)))[0] == 200

    asyncio.run(main())


def test_what_has_to_go_on_fails_once_it_has_ended() -> None:
    async def main() -> None:
        server = Server()
        server.hooks.done(*HOOKS)
        task = asyncio.ensure_future(asyncio.sleep(0))
        server.hooks.runs(task, "crd-informer-synced")
        assert await server.ask("/livez/poststarthook/crd-informer-synced") == (200, "ok")
        await task
        assert (await server.ask("/livez"))[0] == 500
        assert (
            "[-]poststarthook/crd-informer-synced failed: reason withheld" in (await server.ask("/livez"))[1]
        )

    asyncio.run(main())


def test_what_each_door_asks() -> None:
    async def main() -> None:
        server = Server()
        server.hooks.done(*HOOKS)
        for broken, doors in (
            ("store", {"healthz", "livez", "readyz"}),
            ("registered", {"healthz", "livez", "readyz"}),
            ("informers", {"readyz"}),
        ):
            server.broken = {broken}
            found = {
                door for door in ("healthz", "livez", "readyz") if (await server.ask(f"/{door}"))[0] == 500
            }
            assert found == doors
        server.broken, server.shutdown.begun = set(), True
        assert (await server.ask("/livez"))[0] == 200 and (await server.ask("/readyz"))[0] == 500

    asyncio.run(main())


def test_a_store_that_does_not_answer_is_not_waited_for(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("sampan.kube.api.health.STORE_WITHIN", 0.01)

    async def main() -> None:
        async def never() -> None:
            await asyncio.Event().wait()

        async def fine() -> None: ...

        health = Health(checks(never, fine, fine, fine, Hooks()))
        answer = await health.answer("/livez/etcd", {}, [])
        assert answer is not None and answer.status == 500

    asyncio.run(main())


def test_hooks_say_why() -> None:
    async def main() -> None:
        hooks = Hooks()
        hooks.holds(lambda: False, HOOKS[0])
        for name, why in ((HOOKS[0], "it has ended"), (HOOKS[1], "not finished")):
            try:
                await hooks.check(name)
            except Failed as error:
                assert str(error) == why
            else:
                raise AssertionError(name)

    asyncio.run(main())
