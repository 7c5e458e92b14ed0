import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.network import resolv
from sampan.network.resolv import Note, Overrides, Resolv

HOST = resolv.parse(
    "# comment\nsearch a.example b.example\nnameserver 192.0.2.1\nnameserver 127.0.0.53\noptions edns0\n"
)


def test_a_file_is_read_as_resolvers_read_it() -> None:
    assert Resolv(("192.0.2.1", "127.0.0.53"), ("a.example", "b.example"), ("edns0",)) == HOST
    last = resolv.parse("domain x\nsearch y z\nsortlist 1.2.3.4\n; c\nnameserver\n")
    assert last.search == ("y", "z") and last.other == ("sortlist 1.2.3.4", "nameserver")


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    resolv.parse(text)


def test_the_default_bridge_gets_resolvers_it_can_reach() -> None:
    assert resolv.direct(HOST, Overrides(), ipv6=False).nameservers == ("192.0.2.1",)
    only_local = Resolv(("127.0.0.1", "::1", "nonsense"))
    assert resolv.direct(only_local, Overrides(), ipv6=False).nameservers == resolv.FALLBACK_IPV4
    six = Resolv(("fd00::53",))
    assert resolv.direct(six, Overrides(), ipv6=True).nameservers == ("fd00::53",)
    assert resolv.direct(six, Overrides(), ipv6=False).nameservers == resolv.FALLBACK_IPV4


def test_own_settings_replace_the_hosts_one_by_one() -> None:
    wanted = resolv.direct(HOST, Overrides(("127.0.0.9",), (".",), ("ndots:3",)), ipv6=False)
    assert wanted == Resolv(("127.0.0.9",), (), ("ndots:3",))


@pytest.mark.parametrize(
    ("given_options", "shown"), [((), ("edns0", "ndots:0")), (("ndots:2",), ("ndots:2",))]
)
def test_the_embedded_resolver_stands_first_with_ndots(
    given_options: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    made = resolv.embedded(HOST, Overrides(options=given_options))
    assert made.nameservers == ("127.0.0.11",) and made.options == shown
    assert resolv.upstreams(HOST, Overrides()) == HOST.nameservers
    assert resolv.upstreams(Resolv(), Overrides()) == resolv.FALLBACK_IPV4
    assert resolv.upstreams(HOST, Overrides(("9.9.9.9",))) == ("9.9.9.9",)


def test_what_is_written_reads_back() -> None:
    text = resolv.render(HOST, Note(" (legacy)", ("1.1.1.1",), ("search",)))
    assert resolv.parse(text) == HOST
    assert text.endswith("# ExtServers: [1.1.1.1]\n# Overrides: [search]\n")
