"""Ports of --publish, --expose, EXPOSE and the API. The refusals are those of `docker run -p`, 26.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.docker import ports


@pytest.mark.parametrize(
    ("text", "address", "published"),
    [
        ("80", "", [("80/tcp", "")]),
        ("53/UDP", "", [("53/udp", "")]),
        ("80/", "", [("80/tcp", "")]),
        ("8080:80", "", [("80/tcp", "8080")]),
        (":80/tcp", "", [("80/tcp", "")]),
        ("127.0.0.1:8080:80", "127.0.0.1", [("80/tcp", "8080")]),
        ("127.0.0.1::80", "127.0.0.1", [("80/tcp", "")]),
        ("[::1]:90:91", "::1", [("91/tcp", "90")]),
        ("::1:90:91", "::1", [("91/tcp", "90")]),
        ("7000-7002/sctp", "", [("7000/sctp", ""), ("7001/sctp", ""), ("7002/sctp", "")]),
        ("8000-8001:90-91", "", [("90/tcp", "8000"), ("91/tcp", "8001")]),
        ("100-102:80", "", [("80/tcp", "100-102")]),
    ],
)
def test_a_published_port(text: str, address: str, published: list[tuple[str, str]]) -> None:
    found = ports.parse_spec(text)
    assert (found.address, list(found)) == (address, published)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no port specified: <empty>"),
        ("80:", "no port specified: 80:<empty>"),
        ("/tcp", "no port specified: /tcp<empty>"),
        ("x", "invalid containerPort: x"),
        (" 80", "invalid containerPort:  80"),
        ("80:99999999", "invalid containerPort: 99999999"),
        ("5-1", "invalid containerPort: 5-1"),
        ("99999:80", "invalid hostPort: 99999"),
        ("80/foo", "invalid proto: foo"),
        ("1.2.3:80:80", "invalid IP address: 1.2.3"),
        ("1:2:3:4:5", "invalid IP address: 1:2:3"),
        ("1-3:1-2", "invalid ranges specified for container and host Ports: 1-2 and 1-3"),
    ],
)
def test_what_cannot_be_published(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        ports.parse_spec(text)
    assert caught.value.message == message


@given(st.text("0123456789-:./[]tcpud", max_size=14) | st.text(max_size=6))
def test_any_text_is_a_published_port_or_refused(text: str) -> None:
    try:
        found = ports.parse_spec(text)
    except Invalid as error:
        assert error.message
        return
    assert len(list(found)) == found.container[1] - found.container[0] + 1


@pytest.mark.parametrize(
    ("text", "port"),
    [("80/tcp", (80, "tcp")), ("53/UDP", (53, "udp")), ("80", (80, "tcp")), ("9/sctp", (9, "sctp"))],
)
def test_one_port(text: str, port: tuple[int, str]) -> None:
    assert ports.parse_port(text) == port
    assert ports.parse_ports(text) == [port]


@pytest.mark.parametrize(
    "text", ["", "x", "0/tcp", "65536/tcp", "80/foo", "-1/tcp", "80-90/tcp", "\u0663/tcp", "+1"]
)
def test_what_is_not_one_port(text: str) -> None:
    with pytest.raises(Invalid):
        ports.parse_port(text)


def test_ranges() -> None:
    assert ports.parse_ports("8-10/udp") == [(8, "udp"), (9, "udp"), (10, "udp")]
    assert ports.parse_range("8-8") == (8, 8)
    for text, message in (
        ("", "empty string specified for ports"),
        ("9-8", "invalid range specified for port: 9-8"),
        ("8-", 'strconv.ParseUint: parsing "": invalid syntax'),
        ("65536", 'strconv.ParseUint: parsing "65536": value out of range'),
    ):
        with pytest.raises(Invalid) as caught:
            ports.parse_range(text)
        assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "found"), [("", (0, 0)), ("0", (0, 0)), ("80", (80, 80)), ("80-90", (80, 90))]
)
def test_host_ports(text: str, found: tuple[int, int]) -> None:
    assert ports.parse_host_ports(text) == found


@pytest.mark.parametrize("text", ["x", "90-80", "1-x", "65536", "-5", "5-"])
def test_what_are_no_host_ports(text: str) -> None:
    with pytest.raises(Invalid, match=f'invalid port specification: "{text}"'):
        ports.parse_host_ports(text)
