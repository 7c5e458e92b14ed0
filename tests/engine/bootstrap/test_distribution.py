"""Which mirror, which suites, which keys."""

from pathlib import Path

import pytest

from sampan.engine.bootstrap.distribution import (
    DEBIAN,
    UBUNTU,
    Host,
    parse_deb822,
    parse_lines,
    read_host,
    sources,
    suite_of,
)
from sampan.engine.bootstrap.names import suggestion
from sampan.errors import Invalid
from sampan.specs.oci.reference import parse

OWN = Host(
    "debian",
    "bookworm",
    (
        ("http://mirror.example/debian", "bookworm"),
        ("http://second.example/debian", "bookworm"),
        ("http://mirror.example/security", "bookworm-security"),
    ),
)


def test_the_hosts_own_mirrors_are_used_for_its_own_suite() -> None:
    found = [(source.mirror, source.suite) for source in sources(DEBIAN, "bookworm", OWN)]
    assert found == [
        ("http://mirror.example/debian", "bookworm"),
        ("http://mirror.example/debian", "bookworm-updates"),
        ("http://mirror.example/security", "bookworm-security"),
    ]


def test_another_suite_comes_from_the_hosts_mirrors_too() -> None:
    found = [(source.mirror, source.suite) for source in sources(DEBIAN, "trixie", OWN)]
    assert found == [
        ("http://mirror.example/debian", "trixie"),
        ("http://mirror.example/debian", "trixie-updates"),
        ("http://mirror.example/security", "trixie-security"),
    ]
    assert [source.suite for source in sources(DEBIAN, "sid", OWN)] == ["sid"]


def test_another_distribution_comes_from_the_mirror_that_is_named() -> None:
    with pytest.raises(Invalid, match=r"knows no mirror of ubuntu .*--mirror URL ubuntu:noble"):
        sources(UBUNTU, "noble", OWN)
    ubuntu = sources(UBUNTU, "noble", OWN, "http://named.example/ubuntu/")
    assert {source.mirror for source in ubuntu} == {"http://named.example/ubuntu"}
    assert ubuntu[0].components == "main universe"
    debian = sources(DEBIAN, "bookworm", OWN, "http://named.example/debian")
    assert [source.mirror.rpartition("/")[2] for source in debian] == ["debian", "debian", "debian-security"]


@pytest.mark.parametrize(
    "mirror", ["ftp://x/y", "http://x y", "http://x\ndeb http://y", "http://x]", "x", "file:///"]
)
def test_a_mirror_that_apt_could_misread_is_refused(mirror: str) -> None:
    with pytest.raises(Invalid, match="no http or https URL"):
        sources(DEBIAN, "bookworm", OWN, mirror)


def test_versions_stand_for_suites() -> None:
    assert [suite_of(DEBIAN, tag) for tag in ("12", "trixie", "13")] == ["bookworm", "trixie", "trixie"]
    assert suite_of(UBUNTU, "24.04") == "noble"
    for tag in ("", "../x", "a b", "-x", "24.04", "A"):
        with pytest.raises(Invalid, match="no suite of debian"):
            suite_of(DEBIAN, tag)


LINES = """
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/x.gpg] http://one.example/debian/ bookworm main contrib
deb-src http://src.example/debian bookworm main
deb http://other.example/debian bookworm contrib
deb https://user:secret@private.example/debian bookworm main
deb file:/cdrom bookworm main
deb http://two.example/debian bookworm-updates main # the updates
"""
STANZAS = """
Types: deb
# a comment
URIs: http://one.example/debian
  http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://src.example/debian
Suites: bookworm
Components: main
"""


def test_both_styles_of_sources_are_read() -> None:
    assert parse_lines(LINES) == [
        ("http://one.example/debian", "bookworm"),
        ("http://two.example/debian", "bookworm-updates"),
    ]
    assert parse_deb822(STANZAS) == [
        ("http://one.example/debian", "bookworm"),
        ("http://one.example/debian", "bookworm-updates"),
    ]


def test_the_host_is_read_from_its_files(tmp_path: Path) -> None:
    assert read_host(tmp_path) == Host("", "", ())
    (tmp_path / "etc/apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text('NAME="x y"\nID=debian\nVERSION_CODENAME="bookworm"\n')
    (tmp_path / "etc/apt/sources.list").write_text("deb http://a.example/d bookworm main\n")
    (tmp_path / "etc/apt/sources.list.d/b.sources").write_text(STANZAS)
    host = read_host(tmp_path)
    assert (host.id, host.codename, host.sources[0]) == (
        "debian",
        "bookworm",
        ("http://a.example/d", "bookworm"),
    )
    assert len(host.sources) == 3


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("busybox", "bootstrap busybox"),
        ("busybox:1.36", "bootstrap busybox"),
        ("debian", "bootstrap debian"),
        ("ubuntu:24.04", "bootstrap ubuntu:24.04"),
        ("alpine", "bootstrap busybox, debian[:suite] or ubuntu[:suite]"),
        ("reg.io/debian", "bootstrap busybox, debian[:suite] or ubuntu[:suite]"),
    ],
)
def test_a_failed_pull_names_the_command(name: str, command: str) -> None:
    assert suggestion(parse(name).with_default_tag()).endswith(f"sampan image {command}")
