"""Shared by these tests: the host's inodes before and after, containers driven by the API."""

import os
from dataclasses import dataclass
from typing import Any

from tests.support.api import Api
from tests.support.client import LABEL
from tests.support.poll import until


@dataclass(frozen=True)
class Inode:
    """What of a host's file a container could have changed: the change time tells of all of it."""

    identity: list[int]
    mode: int
    changed: int
    attributes: list[str]

    @classmethod
    def of(cls, path: str) -> "Inode":
        found = os.stat(path)
        attributes = os.listxattr(path)
        return cls([found.st_dev, found.st_ino], found.st_mode, found.st_ctime_ns, attributes)


@dataclass(frozen=True)
class Running:
    """A container of the test's, and what is done in it without a client's start in between."""

    api: Api
    id: str

    def exec(self, *words: str, **more: Any) -> tuple[int, str]:
        """Exit code and output, both streams in one."""
        body = {"Cmd": list(words), "AttachStdout": True, "AttachStderr": True, "Tty": False, **more}
        made = self.api.post(f"/containers/{self.id}/exec", body)
        assert made.status == 201, made.body
        id = made.json["Id"]
        output = self.api.post(f"/exec/{id}/start", {"Detach": False, "Tty": body["Tty"]}).body
        until(lambda: not self.api.get(f"/exec/{id}/json").json["Running"], "the exec ended")
        text = output.decode(errors="replace") if body["Tty"] else unframed(output)
        return int(self.api.get(f"/exec/{id}/json").json["ExitCode"]), text

    def output(self) -> str:
        """What it has written so far."""
        return unframed(self.api.get(f"/containers/{self.id}/logs", stdout=1, stderr=1).body)


def unframed(data: bytes) -> str:
    """The text of a stream in Docker's frames."""
    text = b""
    while len(data) >= 8:
        size = int.from_bytes(data[4:8], "big")
        text, data = text + data[8 : 8 + size], data[8 + size :]
    return text.decode(errors="replace")


class Containers:
    """Makes containers that end with the test."""

    def __init__(self, api: Api, label: str) -> None:
        self._api = api
        self._label = label

    def start(self, image: str, *words: str, host: dict[str, Any] | None = None, **config: Any) -> Running:
        body = {
            "Image": image,
            "Cmd": list(words),
            "Labels": {LABEL: self._label},
            "HostConfig": host or {},
            **config,
        }
        made = self._api.post("/containers/create", body)
        assert made.status == 201, made.body
        started = self._api.post(f"/containers/{made.json['Id']}/start")
        assert started.status == 204, started.body
        return Running(self._api, made.json["Id"])
