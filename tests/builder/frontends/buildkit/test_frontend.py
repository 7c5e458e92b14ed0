"""Attributes of the frontend dockerfile.v0, as buildx and buildctl send them, become BuildOptions."""

from typing import Any

import pytest

from sampan.builder.frontends.buildkit.frontend import Request, UnsupportedRequest, build_options, subrequest
from sampan.builder.options import CacheOption, Output
from sampan.errors import Invalid, Unsupported


def options(attrs: dict[str, str], **more: Any) -> Any:
    return build_options(Request(frontend="dockerfile.v0", attrs=attrs, **more))


MAPPED = [
    # attributes, field, what it becomes
    ({}, "context", "local:context"),
    ({}, "dockerfile_source", "local:dockerfile"),
    ({}, "dockerfile", "Dockerfile"),
    ({}, "outputs", (Output(type="cacheonly"),)),
    ({"filename": "sub/D"}, "dockerfile", "sub/D"),
    ({"contextkey": "c", "dockerfilekey": "d"}, "context", "local:c"),
    ({"contextkey": "c", "dockerfilekey": "d"}, "dockerfile_source", "local:d"),
    ({"context": "https://h/x.git#main:a"}, "context", "https://h/x.git#main:a"),
    ({"context": "https://h/x.git#main:a"}, "dockerfile_source", "https://h/x.git#main:a"),
    ({"context": "https://h/x.git", "dockerfilekey": "dockerfile"}, "dockerfile_source", "local:dockerfile"),
    ({"context": "http://buildkit-session/abc"}, "context", "upload:abc"),
    ({"context": "http://buildkit-session/abc"}, "dockerfile_source", "upload:abc"),
    ({"context": "git@github.com:a/b"}, "context", "git@github.com:a/b"),
    ({"context": "./x"}, "context", "local:context"),
    ({"target": "t"}, "target", "t"),
    ({"build-arg:A": "1", "build-arg:B": ""}, "build_args", {"A": "1", "B": ""}),
    ({"hostname": "h"}, "build_args", {"BUILDKIT_SANDBOX_HOSTNAME": "h"}),
    ({"label:x.y": "z"}, "labels", {"x.y": "z"}),
    ({"platform": "linux/amd64, linux/arm64"}, "platforms", ("linux/amd64", "linux/arm64")),
    ({"no-cache": ""}, "no_cache", True),
    ({"no-cache": ""}, "no_cache_filter", ()),
    ({"no-cache": "a,b"}, "no_cache", False),
    ({"no-cache": "a,b"}, "no_cache_filter", ("a", "b")),
    ({"image-resolve-mode": "pull"}, "pull", True),
    ({"image-resolve-mode": "local"}, "pull", False),
    ({"context:x": "docker-image://busybox"}, "contexts", {"x": "docker-image://busybox"}),
    ({"context:x": "local:x"}, "contexts", {"x": "local:x"}),
    ({"force-network-mode": "host"}, "network", "host"),
    ({"force-network-mode": "sandbox"}, "network", ""),
    ({"add-hosts": "a=1.2.3.4,b=::1"}, "extra_hosts", ("a=1.2.3.4", "b=::1")),
    ({"shm-size": "134217728"}, "host_config", {"ShmSize": 134217728}),
    (
        {"ulimit": "nofile=1024:2048,nproc=7"},
        "host_config",
        {
            "Ulimits": [
                {"Name": "nofile", "Soft": 1024, "Hard": 2048},
                {"Name": "nproc", "Soft": 7, "Hard": 7},
            ]
        },
    ),
    ({"cgroup-parent": "/p"}, "cgroup_parent", "/p"),
    (
        {"cache-from": "a,b:1"},
        "cache_from",
        tuple(CacheOption(type="registry", attrs={"ref": r}) for r in ("a", "b:1")),
    ),
    (
        {"cache-imports": '[{"Type":"local","Attrs":{"digest":"sha256:1"}},{"Type":"inline","Attrs":null}]'},
        "cache_from",
        (CacheOption(type="local", attrs={"digest": "sha256:1"}), CacheOption(type="inline")),
    ),
    ({"requestid": "frontend.lint"}, "call", "check"),
    ({"requestid": "frontend.outline"}, "call", "outline"),
    ({"requestid": "frontend.targets"}, "call", "targets"),
    (
        {"frontend.caps": "moby.buildkit.frontend.contexts+forward,moby.buildkit.frontend.inputs"},
        "call",
        "build",
    ),
    ({"vcs:revision": "abc", "build-arg:X": "1"}, "build_args", {"X": "1"}),
]


@pytest.mark.parametrize(("attrs", "field", "wanted"), MAPPED, ids=[f"{row[0]}-{row[1]}" for row in MAPPED])
def test_attributes_become_options(attrs: dict[str, str], field: str, wanted: object) -> None:
    assert getattr(options(attrs), field) == wanted


WRONG = [
    # attributes, kind, a part of what is said
    ({"ulimit": "nofiles=1"}, Invalid, "invalid ulimit type: nofiles"),
    ({"ulimit": "nofile=x"}, Invalid, 'strconv.ParseInt: parsing "x": invalid syntax'),
    ({"shm-size": "1g"}, Invalid, "failed to parse shm size"),
    ({"add-hosts": "nonsense"}, Invalid, "invalid key-value pair nonsense"),
    ({"force-network-mode": "container:x"}, Invalid, "invalid netmode container:x"),
    ({"cache-imports": "{"}, Invalid, "failed to unmarshal cache-imports"),
    ({"cache-imports": "[1]"}, Invalid, "failed to unmarshal cache-imports"),
    ({"context:x": "input:x"}, Invalid, "invalid input x for x"),
    ({"attest:sbom": ""}, Unsupported, "attestations (sbom) are not supported"),
    (
        {"frontend.caps": "moby.buildkit.frontend.magic"},
        UnsupportedRequest,
        "unsupported frontend capability",
    ),
    ({"requestid": "frontend.magic"}, UnsupportedRequest, "unsupported request frontend.magic"),
]


@pytest.mark.parametrize(("attrs", "kind", "words"), WRONG, ids=[str(row[0]) for row in WRONG])
def test_what_makes_no_sense_is_refused(attrs: dict[str, str], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as failure:
        options(attrs)
    assert words in str(failure.value)


def test_the_frontend_may_be_named_by_its_image() -> None:
    for source in (
        "docker/dockerfile:1",
        "docker.io/docker/dockerfile:1.7-labs",
        "docker/dockerfile@sha256:00",
    ):
        assert build_options(Request(frontend="gateway.v0", attrs={"source": source})).call == "build"
    for frontend, source in (
        ("gateway.v0", "evil/docker/dockerfile"),
        ("gateway.v0", ""),
        ("buildpacks.v0", ""),
    ):
        with pytest.raises(Unsupported):
            build_options(Request(frontend=frontend, attrs={"source": source}))


EXPORTERS = [
    ("moby", {"name": "a:1,b"}, Output(type="image", attrs={"name": "a:1,b"}), ("a:1", "b")),
    (
        "image",
        {"name": "a", "push": "true"},
        Output(type="image", attrs={"name": "a", "push": "true"}),
        ("a",),
    ),
    ("docker", {"name": "a"}, Output(type="docker", attrs={"name": "a"}), ()),
    ("oci", {}, Output(type="oci"), ()),
    ("local", {}, Output(type="local"), ()),
    ("tar", {}, Output(type="tar"), ()),
]


@pytest.mark.parametrize(("kind", "attrs", "output", "tags"), EXPORTERS, ids=[row[0] for row in EXPORTERS])
def test_exporters_become_outputs(
    kind: str, attrs: dict[str, str], output: Output, tags: tuple[str, ...]
) -> None:
    made = options({}, exporters=[(kind, attrs)])
    assert made.outputs == (output,)
    assert made.tags == tags


def test_an_unknown_exporter_is_refused_as_by_buildkit() -> None:
    with pytest.raises(Invalid, match='exporter "nix" could not be found'):
        options({}, exporters=[("nix", {})])


def test_inputs_are_named_contexts_the_context_and_the_dockerfile() -> None:
    made = options(
        {"context:base": "input:base"},
        inputs={"base": "input:r1", "context": "https://h/c.git", "dockerfile": "https://h/d.git"},
    )
    assert made.contexts == {"base": "input:r1"}
    assert (made.context, made.dockerfile_source) == ("https://h/c.git", "https://h/d.git")


def test_what_can_be_asked_instead_of_a_build() -> None:
    assert subrequest({"requestid": "frontend.subrequests.describe"}) == "describe"
    assert subrequest({}) == "build"
