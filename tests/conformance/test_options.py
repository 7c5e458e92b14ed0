"""Options of a create whose effect no other test shows; tests/engine/containers/test_options.py has them all."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.client import Client


def test_storage_options_are_refused(cli: Client, image: str) -> None:
    cli.fails(
        "run", "--rm", "--storage-opt", "size=10G", image, "true", code=125,
        says="--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
    )  # fmt: skip
    cli.fails("create", "--storage-opt", "other=1", image, says="Unknown option other")


def test_a_disabled_network_is_none(api: Api, docker: Client, image: str) -> None:
    body = {"Image": image, "Cmd": ["ls", "/sys/class/net"], "NetworkDisabled": True}
    made = api.post("/containers/create", body).json["Id"]
    assert docker.ok("start", "-a", made).split() == ["lo"]
    api.delete(f"/containers/{made}")


def test_triggers_are_for_the_image_that_is_committed(
    api: Api, docker: Client, image: str, unique: str
) -> None:
    made = api.post("/containers/create", {"Image": image, "OnBuild": ["RUN x"]}).json["Id"]
    docker.ok("commit", made, unique)
    assert docker.inspect(unique, "image")["Config"]["OnBuild"] == ["RUN x"]
    api.delete(f"/containers/{made}")
    docker.ok("rmi", unique)


@pytest.mark.parametrize("name", ["AttachStdin", "AttachStdout", "AttachStderr"])
def test_what_was_to_be_attached_is_told(api: Api, docker: Client, image: str, name: str) -> None:
    """`docker start` goes by it."""
    made = api.post("/containers/create", {"Image": image, name: True}).json["Id"]
    assert docker.inspect(made)["Config"][name] is True
    api.delete(f"/containers/{made}")


@pytest.mark.parametrize(
    "volumes", [{"HostConfig": {"Binds": ["named:/x"]}}, {"Volumes": {"/anonymous": {}}}]
)
def test_a_volume_driver_that_is_not_there_is_refused(api: Api, image: str, volumes: dict[str, Any]) -> None:
    body = {"Image": image, **volumes}
    body["HostConfig"] = {**volumes.get("HostConfig", {}), "VolumeDriver": "other"}
    answer = api.post("/containers/create", body)
    assert answer.status == 404
    assert 'plugin "other" not found' in answer.message


def test_a_link_local_address_is_refused(cli: Client, image: str, unique: str) -> None:
    cli.ok("network", "create", unique)
    cli.fails(
        "run", "--rm", "--network", unique, "--link-local-ip", "169.254.1.1", image, "true", code=125,
        says="link-local addresses of endpoints .* are not supported",
    )  # fmt: skip
