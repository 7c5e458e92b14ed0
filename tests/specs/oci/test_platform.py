"""Platforms as people write them, and which one of an index a machine gets.

The refusals are those of `docker run --platform`, 26.1.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Failed, Invalid
from sampan.specs.oci import platform as platforms
from sampan.specs.oci.platform import Platform, choose, machine, matches, normalize, offered, parse


def index(*names: str) -> list[dict[str, Any]]:
    found = []
    for name in names:
        os, architecture, *variant = name.split("/")
        platform = {"os": os, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
        found.append({"digest": name, "platform": platform})
    return found


CASES = [
    ("linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
    ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v2"),
    ("linux/amd64", ["linux/amd64/v2", "linux/amd64"], "linux/amd64"),
    ("linux/amd64", ["linux/amd64/v2"], None),
    ("linux/arm64/v8", ["linux/arm/v7", "linux/arm64"], "linux/arm64"),
    ("linux/arm64", ["linux/arm64/v8"], "linux/arm64/v8"),
    ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6"], "linux/arm/v6"),
    ("linux/arm/v6", ["linux/arm/v7"], None),
    ("linux/arm", ["linux/arm"], "linux/arm"),
    ("linux/x86_64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
    ("linux/amd64", ["windows/amd64"], None),
    ("windows/amd64", ["linux/amd64", "windows/amd64"], "windows/amd64"),
    ("linux/riscv64", ["linux/amd64", "linux/riscv64"], "linux/riscv64"),
    ("linux/amd64", [], None),
]


@pytest.mark.parametrize(("wanted", "offered", "expected"), CASES)
def test_the_best_manifest_is_chosen(wanted: str, offered: list[str], expected: str | None) -> None:
    platform = Platform(*wanted.split("/"))
    if expected is None:
        with pytest.raises(Failed, match=f"no matching manifest for {wanted} in the manifest list entries"):
            choose(index(*offered), platform)
    else:
        assert choose(index(*offered), platform)["digest"] == expected


def test_attestations_are_no_platform() -> None:
    assert offered(index("linux/amd64", "unknown/unknown")) == ["linux/amd64"]


def test_a_config_matches() -> None:
    assert matches({}, Platform("linux", "amd64"))
    assert matches({"os": "linux", "architecture": "arm64", "variant": "v8"}, Platform("linux", "arm64"))
    assert not matches({"os": "linux", "architecture": "arm64"}, Platform("linux", "amd64"))


WRITTEN = [
    # text, what it means, and that normalised
    ("linux/amd64", "linux/amd64", "linux/amd64"),
    ("LINUX/AMD64", "linux/amd64", "linux/amd64"),
    ("linux/x86_64", "linux/amd64", "linux/amd64"),
    ("linux/amd64/v1", "linux/amd64", "linux/amd64"),
    ("linux/amd64/v2", "linux/amd64/v2", "linux/amd64/v2"),
    ("x86-64", "linux/amd64", "linux/amd64"),
    ("i386", "linux/386", "linux/386"),
    ("linux/aarch64", "linux/arm64", "linux/arm64"),
    ("linux/arm64/v8", "linux/arm64/v8", "linux/arm64"),
    ("linux/arm64/8", "linux/arm64/v8", "linux/arm64"),
    ("arm64", "linux/arm64", "linux/arm64"),
    ("arm", "linux/arm", "linux/arm/v7"),
    ("linux/arm", "linux/arm", "linux/arm/v7"),
    ("linux/arm/7", "linux/arm/v7", "linux/arm/v7"),
    ("linux/arm/6", "linux/arm/v6", "linux/arm/v6"),
    ("armel", "linux/arm/v6", "linux/arm/v6"),
    ("linux/armhf", "linux/arm", "linux/arm/v7"),
    ("macos/arm64", "darwin/arm64", "darwin/arm64"),
    ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"),
    ("linux/foo/BAR", "linux/foo/bar", "linux/foo/bar"),
]


@pytest.mark.parametrize(("text", "meant", "normal"), WRITTEN)
def test_a_platform_is_read(text: str, meant: str, normal: str) -> None:
    assert (str(parse(text)), str(normalize(parse(text)))) == (meant, normal)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", '"" is an invalid OS component of ""'),
        ("/amd64", '"" is an invalid OS component of "/amd64"'),
        ("linux/", '"" is an invalid component of "linux/"'),
        ("li nux/amd64", '"li nux" is an invalid OS component of "li nux/amd64"'),
        ("linux(1)+feat/amd64", '"linux(1)+feat" is an invalid OS component of "linux(1)+feat/amd64"'),
        ("windows(1/amd64", '"windows(1" is an invalid OS component of "windows(1/amd64"'),
        ("a/b/c/d", '"a/b/c/d": cannot parse platform specifier'),
        ("linux/*", '"linux/*": wildcards not yet supported'),
        ("nonsense", '"nonsense": unknown operating system or architecture'),
    ],
)
def test_what_is_no_platform_is_refused_in_containerds_words(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert caught.value.message.startswith(reason) and caught.value.message.endswith(": invalid argument")


def test_a_system_alone_means_this_machine() -> None:
    assert normalize(parse("linux")) == platforms.host()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("x86_64", ("amd64", "")),
        ("aarch64", ("arm64", "v8")),
        ("armv7l", ("arm", "v7")),
        ("armv6l", ("arm", "v6")),
        ("i686", ("386", "")),
        ("loongarch64", ("loong64", "")),
        ("s390x", ("s390x", "")),
    ],
)
def test_machines_have_other_names_in_the_kernel(name: str, meant: tuple[str, str]) -> None:
    assert machine(name) == meant


def test_the_document_leaves_out_what_is_empty() -> None:
    assert parse("linux/arm64/v8").document == {"architecture": "arm64", "os": "linux", "variant": "v8"}
    assert parse("windows(10.0.1)/amd64").document == {
        "architecture": "amd64", "os": "windows", "os.version": "10.0.1",
    }  # fmt: skip


def test_a_platform_is_a_value() -> None:
    one = Platform("linux", "arm", "v7")
    assert one == parse("linux/arm/v7") and len({one, parse("linux/arm/7")}) == 1
    assert one != Platform("linux", "arm", "v6")
    with pytest.raises(AttributeError):
        one.os = "plan9"


@given(st.text("linuxarmd64v78/(.)*", max_size=16) | st.text(max_size=8))
def test_what_is_read_reads_the_same_again(text: str) -> None:
    try:
        found = parse(text)
    except Invalid as error:
        assert error.message.endswith(": invalid argument")
        return
    assert str(normalize(parse(str(found)))) == str(normalize(found))
