"""Parameters of POST /build."""

import json
from typing import Any

import pytest
from multidict import MultiDict

from sampan.builder.frontends.classic.query import CONTEXT, builder_version, parse
from sampan.builder.options import CacheOption
from sampan.errors import Failed, Invalid, SampanError, Unsupported

VERSION = (1, 45)


def options(*pairs: tuple[str, str], version: tuple[int, int] = VERSION) -> Any:
    return parse(MultiDict(pairs), version).options


def test_nothing_asked_is_the_body_and_its_dockerfile() -> None:
    found = options()
    assert (found.context, found.dockerfile_source, found.dockerfile) == (CONTEXT, CONTEXT, "Dockerfile")
    assert found.hides_dockerfile


ROWS = [
    ([("t", "a"), ("t", "b:1"), ("t", "a")], "tags", ("a:latest", "b:1")),
    ([("buildargs", '{"A":"1","B":null}')], "build_args", {"A": "1"}),
    ([("labels", '{"a":"b"}')], "labels", {"a": "b"}),
    ([("nocache", "1")], "no_cache", True),
    ([("pull", "true")], "pull", True),
    ([("squash", "1")], "squash", True),
    ([("target", "x")], "target", "x"),
    ([("cachefrom", '["a:b"]')], "cache_from", (CacheOption(type="image", attrs={"ref": "a:b"}),)),
    ([("extrahosts", "a:1.2.3.4"), ("extrahosts", "b:::1")], "extra_hosts", ("a:1.2.3.4", "b:::1")),
    (
        [("memory", "6291456"), ("memswap", "-1"), ("cpushares", "junk")],
        "host_config",
        {"Memory": 6291456, "MemorySwap": -1},
    ),
    (
        [("ulimits", '[{"Name":"nofile","Soft":1,"Hard":2}]')],
        "host_config",
        {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]},
    ),
    ([("cpusetcpus", "0-1")], "host_config", {"CpusetCpus": "0-1"}),
    ([("networkmode", "default")], "network", ""),
    ([("networkmode", "host")], "network", "host"),
    ([("platform", "linux/arm64")], "platforms", ("linux/arm64",)),
    ([("remote", "https://example.org/x.git")], "context", "https://example.org/x.git"),
    ([("dockerfile", "./a//b")], "dockerfile", "a/b"),
    ([("cgroupparent", "/x")], "cgroup_parent", "/x"),
]


@pytest.mark.parametrize(
    ("pairs", "field", "expected"), ROWS, ids=[row[0][0][0] + str(i) for i, row in enumerate(ROWS)]
)
def test_a_parameter_becomes_an_option(pairs: list[tuple[str, str]], field: str, expected: Any) -> None:
    assert getattr(options(*pairs), field) == expected


def test_a_platform_is_newer_than_some_clients() -> None:
    assert options(("platform", "linux/arm64"), version=(1, 31)).platforms == ()


BAD: list[tuple[str, str, type[SampanError], str]] = [
    (
        "buildargs",
        "x",
        Invalid,
        "error reading build args: invalid character 'x' looking for beginning of value",
    ),
    ("buildargs", "[]", Invalid, "error reading build args: json: cannot unmarshal array"),
    ("buildargs", '{"a":1}', Invalid, "cannot unmarshal number into Go value of type string"),
    ("labels", "{", Invalid, "error reading labels: unexpected end of JSON input"),
    ("ulimits", "{}", Invalid, "error reading ulimit settings"),
    ("cachefrom", "[1]", Invalid, "error reading cache-from"),
    ("t", "UPPER", Failed, "must be lowercase"),
    ("dockerfile", "a/../../b", Failed, "forbidden path outside the build context"),
    ("securityopt", "x", Invalid, "security options are not supported on linux"),
    ("isolation", "hyperv", Invalid, 'unsupported isolation: "hyperv"'),
    ("outputs", "x", Invalid, "invalid outputs specified"),
    ("outputs", json.dumps([{"Type": "local"}]), Unsupported, "BuildKit"),
    ("remote", "client-session", Invalid, "session with v1 builder"),
    ("remote", "foo", Failed, "could not be recognized as URL"),
]


@pytest.mark.parametrize(
    ("name", "value", "kind", "says"), BAD, ids=[f"{row[0]}{i}" for i, row in enumerate(BAD)]
)
def test_bad_parameters(name: str, value: str, kind: type[SampanError], says: str) -> None:
    with pytest.raises(kind) as failure:
        options((name, value))
    assert says in failure.value.message


def test_versions_of_the_builder() -> None:
    assert [builder_version(text) for text in ("", "1", "2")] == ["1", "1", "2"]
    with pytest.raises(Invalid, match='invalid version "3"'):
        builder_version("3")
