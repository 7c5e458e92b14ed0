"""Which manifest of an index a machine gets."""

from typing import Any

import pytest

from sampan.errors import Failed
from sampan.images.archives import Platform
from sampan.images.registry.platform import choose, matches, platforms


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
    assert platforms(index("linux/amd64", "unknown/unknown")) == ["linux/amd64"]


def test_a_config_matches() -> None:
    assert matches({}, Platform("linux", "amd64"))
    assert matches({"os": "linux", "architecture": "arm64", "variant": "v8"}, Platform("linux", "arm64"))
    assert not matches({"os": "linux", "architecture": "arm64"}, Platform("linux", "amd64"))
