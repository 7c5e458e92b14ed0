"""Bodies as stored: complete, typed, in Docker's order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.containers.documents import CONFIG, HOST_CONFIG, normalise
from sampan.errors import Invalid


def test_a_stored_host_config_has_every_field_docker_has() -> None:
    stored = normalise({}, HOST_CONFIG, "HostConfig")
    assert list(stored)[:4] == ["Binds", "ContainerIDFile", "LogConfig", "NetworkMode"]
    assert stored["ConsoleSize"] == [0, 0]
    assert stored["ShmSize"] == 0 and stored["CapAdd"] is None
    for omitted in ("Mounts", "Init", "Tmpfs", "Sysctls", "StorageOpt", "Annotations", "KernelMemory"):
        assert omitted not in stored


def test_given_values_and_unknown_fields_survive() -> None:
    stored = normalise({"Memory": 1, "Init": True, "FromTheFuture": [1]}, HOST_CONFIG, "HostConfig")
    assert (stored["Memory"], stored["Init"], stored["FromTheFuture"]) == (1, True, [1])


def test_keys_are_taken_in_any_case() -> None:
    assert normalise({"memory": 5}, HOST_CONFIG, "HostConfig")["Memory"] == 5


def test_two_documents_share_no_default() -> None:
    first = normalise({}, HOST_CONFIG, "HostConfig")
    first["ConsoleSize"].append(1)
    assert normalise({}, HOST_CONFIG, "HostConfig")["ConsoleSize"] == [0, 0]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"Cmd": 1}, "json: cannot unmarshal number into Go struct field X.Cmd of type string"),
        ({"Cmd": ["a", 1]}, "cannot unmarshal number into Go struct field X.Cmd of type string"),
        ({"Tty": "yes"}, "cannot unmarshal string into Go struct field X.Tty of type bool"),
        ({"Env": {"A": "1"}}, "cannot unmarshal object into Go struct field X.Env of type string"),
        ({"Labels": ["a"]}, "cannot unmarshal array into Go struct field X.Labels of type string"),
        ({"StopTimeout": 1.5}, "cannot unmarshal number 1.5 into Go struct field X.StopTimeout"),
        ({"Hostname": True}, "cannot unmarshal bool into Go struct field X.Hostname of type string"),
    ],
)
def test_wrong_types_are_refused_in_go_words(document: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message.replace("[", r"\[")):
        normalise(document, CONFIG, "X")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(list(HOST_CONFIG)), json, max_size=4))
def test_any_document_is_complete_or_refused(document: dict[str, Any]) -> None:
    try:
        stored = normalise(document, HOST_CONFIG, "HostConfig")
    except Invalid:
        return
    assert set(stored) >= {name for name, field in HOST_CONFIG.items() if not field.omit}
    assert normalise(stored, HOST_CONFIG, "HostConfig") == stored
