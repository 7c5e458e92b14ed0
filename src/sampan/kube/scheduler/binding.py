"""Telling the API which node a pod gets, many at a time, and finding out whether it heard."""

import asyncio
import logging

from sampan.errors import SampanError, Unavailable
from sampan.kube.client.recorder import NORMAL, Recorder
from sampan.kube.client.requests import Client, Object
from sampan.kube.client.resources import PODS
from sampan.specs.kubernetes.pods import node_name
from sampan.specs.kubernetes.status import StatusError, is_not_found

log = logging.getLogger("sampan.kube")

PAUSE = 0.5  # seconds between questions to a server that is away
PLUGIN = 'running Bind plugin "DefaultBinder"'


class Rejected(SampanError):
    """The pod has not got the node; the message is for its condition."""


class Binder:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def bind(self, pod: Object, node: str, recorder: Recorder) -> None:
        """Returns once the pod has the node; raises Rejected if it has not, and will not."""
        own = pod["metadata"]
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"namespace": own["namespace"], "name": own["name"], "uid": own["uid"]},
            "target": {"kind": "Node", "name": node},
        }
        try:
            await self._client.request("POST", PODS.path(own["namespace"], own["name"], "binding"), body)
        except StatusError as error:
            raise Rejected(f"{PLUGIN}: {error.message}") from error
        except Unavailable as error:
            # It may have been heard: until that is known the room stays taken.
            if not await self._is_bound(pod, node):
                raise Rejected(f"{PLUGIN}: {error.message}") from error
        note = f"Successfully assigned {own['namespace']}/{own['name']} to {node}"
        recorder.scheduling(pod, NORMAL, "Scheduled", "Binding", note)

    async def _is_bound(self, pod: Object, node: str) -> bool:
        own = pod["metadata"]
        while True:
            try:
                found = await self._client.get(PODS, own["namespace"], own["name"])
            except StatusError as error:
                if is_not_found(error):
                    return False
                log.info("binding %s/%s: %s", own["namespace"], own["name"], error)
            except Unavailable as error:
                log.info("binding %s/%s: %s", own["namespace"], own["name"], error)
            else:
                same = found["metadata"].get("uid") == own["uid"]
                return same and node_name(found) == node
            await asyncio.sleep(PAUSE)


CALM = 0.05  # seconds that less urgent writes wait for the end of all bindings


class Gate:
    """How many may be under way at once; who wants to begin more waits for the end of one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running = 0
        self._ended = asyncio.Event()

    def enter(self) -> None:
        self._running += 1

    def leave(self) -> None:
        self._running -= 1
        self._ended.set()

    def reset(self) -> None:
        """None is under way."""
        self._running = 0
        self._ended.set()

    async def wait(self) -> None:
        """Until one more may begin."""
        await self._until(self._most - 1)

    async def calm(self) -> None:
        """Until none is under way, or for a while: for what is less urgent."""
        try:
            async with asyncio.timeout(CALM):
                await self._until(0)
        except TimeoutError:
            pass

    async def _until(self, most: int) -> None:
        while self._running > most:
            self._ended.clear()
            await self._ended.wait()
