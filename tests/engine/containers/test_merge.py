"""An image's config under a container's."""

from typing import Any

import pytest

from sampan.engine.containers.documents import CONFIG, normalise
from sampan.engine.containers.merge import command_of, merge
from sampan.errors import Invalid


def merged(own: dict[str, Any], image: dict[str, Any]) -> dict[str, Any]:
    config = normalise(own, CONFIG, "Config")
    merge(config, image)
    return config


@pytest.mark.parametrize(
    ("own", "image", "expected"),
    [
        ({}, {"Cmd": ["sh"]}, (None, ["sh"])),
        ({"Cmd": ["ls"]}, {"Cmd": ["sh"]}, (None, ["ls"])),
        ({}, {"Entrypoint": ["e"], "Cmd": ["c"]}, (["e"], ["c"])),
        ({"Cmd": ["x"]}, {"Entrypoint": ["e"], "Cmd": ["c"]}, (["e"], ["x"])),
        # an entrypoint of one's own drops the image's command
        ({"Entrypoint": ["o"]}, {"Entrypoint": ["e"], "Cmd": ["c"]}, (["o"], None)),
        ({"Entrypoint": "o", "Cmd": "x"}, {"Entrypoint": ["e"], "Cmd": ["c"]}, (["o"], ["x"])),
        # an empty entrypoint clears the image's, null takes it
        ({"Entrypoint": [], "Cmd": ["x"]}, {"Entrypoint": ["e"]}, ([], ["x"])),
    ],
)
def test_entrypoint_and_cmd(
    own: dict[str, Any], image: dict[str, Any], expected: tuple[object, object]
) -> None:
    config = merged(own, image)
    assert (config["Entrypoint"], config["Cmd"]) == expected


@pytest.mark.parametrize(
    ("own", "image", "expected"),
    [
        (None, ["PATH=/bin"], ["PATH=/bin"]),
        (["A=1"], ["PATH=/bin", "A=0"], ["A=1", "PATH=/bin"]),
        (["A"], ["A=0"], ["A"]),
        (None, None, None),
        ([], ["A=0"], ["A=0"]),
    ],
)
def test_env_keeps_its_own_first(own: list[str] | None, image: list[str] | None, expected: object) -> None:
    assert merged({"Env": own}, {"Env": image})["Env"] == expected


def test_maps_are_joined_and_own_values_win() -> None:
    config = merged(
        {"Labels": {"a": "own"}, "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/v": {}}},
        {"Labels": {"a": "image", "b": "image"}, "ExposedPorts": {"90/tcp": {}}, "Volumes": {"/w": {}}},
    )
    assert config["Labels"] == {"a": "own", "b": "image"}
    assert set(config["ExposedPorts"]) == {"80/tcp", "90/tcp"}
    assert set(config["Volumes"]) == {"/v", "/w"}


def test_scalars_fill_only_gaps() -> None:
    config = merged({"User": "me"}, {"User": "root", "WorkingDir": "/w", "StopSignal": "SIGQUIT"})
    assert (config["User"], config["WorkingDir"], config["StopSignal"]) == ("me", "/w", "SIGQUIT")


def test_a_healthcheck_takes_what_it_lacks_from_the_image() -> None:
    config = merged({"Healthcheck": {"Retries": 5}}, {"Healthcheck": {"Test": ["CMD", "x"], "Retries": 2}})
    assert config["Healthcheck"] == {"Retries": 5, "Test": ["CMD", "x"]}


def test_path_and_args() -> None:
    assert command_of({"Entrypoint": ["a", "b"], "Cmd": ["c"]}) == ("a", ["b", "c"])
    assert command_of({"Entrypoint": [""], "Cmd": ["c"]}) == ("c", [])
    with pytest.raises(Invalid, match="no command specified"):
        command_of({"Entrypoint": [""], "Cmd": None})
