"""Ports and paths."""

import pytest

from sampan.engine.builder.plan.paths import destination, has_wildcards, joined
from sampan.engine.builder.plan.ports import parse_ports
from sampan.errors import Invalid


@pytest.mark.parametrize(
    ("word", "ports"),
    [
        ("80", ["80/tcp"]),
        ("53/UDP", ["53/udp"]),
        ("7000-7002/sctp", ["7000/sctp", "7001/sctp", "7002/sctp"]),
        ("8080:80", ["80/tcp"]),
        ("127.0.0.1:8080:80/tcp", ["80/tcp"]),
        ("[::1]:8080:80", ["80/tcp"]),
    ],
)
def test_ports_are_those_of_the_container(word: str, ports: list[str]) -> None:
    assert parse_ports([word]) == ports


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("eighty", "Invalid containerPort: eighty"),
        ("80/icmp", "Invalid proto: icmp"),
        ("70000", "Invalid containerPort: 70000"),
        ("9-8", "Invalid containerPort: 9-8"),
        ("/tcp", "No port specified: /tcp<empty>"),
        ("1-2:80-85", "Invalid ranges specified for container and host Ports: 80-85 and 1-2"),
        ("x.y:1:80", "Invalid ip address: x.y"),
    ],
)
def test_a_bad_port_is_refused(word: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        parse_ports([word])


@pytest.mark.parametrize(
    ("workdir", "path", "found"),
    [
        ("/w", "x", "/w/x"),
        ("/w", "x/", "/w/x/"),
        ("/w", "/x/.", "/x/"),
        ("/w", ".", "/w/"),
        ("/w", "", "/w/"),
        ("/w", "..", "/"),
        ("/w", "../../../etc", "/etc"),
        ("/", "/", "/"),
    ],
)
def test_destinations_are_below_the_working_directory(workdir: str, path: str, found: str) -> None:
    assert destination(workdir, path) == found


def test_no_path_leads_above_the_root() -> None:
    assert joined("/", "../../x") == "/x"
    assert joined("", "a/../../b") == "/b"


@pytest.mark.parametrize(
    ("path", "found"), [("a*", True), ("a?", True), ("[a]", True), (r"a\*", False), ("plain/x", False)]
)
def test_wildcards_may_be_escaped(path: str, found: bool) -> None:
    assert has_wildcards(path) is found
