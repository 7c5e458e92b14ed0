"""Digests: what they are of, and what may be one."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.oci import digest as digests
from sampan.specs.oci.chain import chain_ids

HEX = "2185cad4d9b06f883c4e080a10bfcf638e05d1c4fe88268210496dcafe31f21c"
SHA = f"sha256:{HEX}"
# distribution/reference, regexp.go
WRITTEN = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}"


@given(st.binary(max_size=64))
def test_a_digest_is_one(data: bytes) -> None:
    digest = digests.of(data)
    assert digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert digests.parse(digest) == digest and digests.is_sha256(digest)
    assert digests.is_identifier(digest.removeprefix("sha256:"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid checksum digest format"),
        (HEX, "invalid checksum digest format"),
        ("sha256:", "invalid checksum digest format"),
        (f":{HEX}", "invalid checksum digest format"),
        (f"sha256:{HEX}\n", "invalid checksum digest format"),
        (f"sha256:{HEX.upper()}", "invalid checksum digest format"),
        (f"sha256:../{HEX[:-3]}", "invalid checksum digest format"),
        (f"md6:{HEX}", "unsupported digest algorithm"),
        (f"sha512:{HEX}", "invalid checksum digest length"),
        (SHA[:-1], "invalid checksum digest length"),
    ],
)
def test_what_is_none_is_refused_in_go_digests_words(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        digests.parse(text)
    assert caught.value.message == message
    assert not digests.is_digest(text)


def test_other_algorithms() -> None:
    for name in ("sha384", "sha512"):
        text = f"{name}:{hashlib.new(name).hexdigest()}"
        assert digests.is_digest(text) and not digests.is_sha256(text)


def test_identifiers() -> None:
    assert digests.is_identifier(HEX)
    assert not digests.is_identifier(HEX[:-1]) and not digests.is_identifier(SHA)
    assert not digests.is_identifier(HEX.upper())


@given(st.from_regex(f"{WRITTEN}\\Z") | st.text("aZ9+-_.:", max_size=8).map(lambda text: text + "0" * 32))
def test_the_grammar_in_references_is_distributions(text: str) -> None:
    assert digests.is_written_as_one(text) == (re.fullmatch(WRITTEN, text) is not None)


def test_chain_ids_name_a_layer_with_all_below() -> None:
    first, second, third = (digests.of(name) for name in (b"1", b"2", b"3"))
    chains = chain_ids([first, second, third])
    assert chains[0] == first
    assert chains[1] == digests.of(f"{first} {second}".encode())
    assert chains[2] == digests.of(f"{chains[1]} {third}".encode())
    assert chain_ids([]) == []
