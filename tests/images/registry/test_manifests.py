"""Manifests from outside: whatever comes, it is a manifest or a refusal."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.http.transport import Refused
from sampan.images.registry.errors import from_answer
from sampan.images.registry.manifests import (
    Descriptor,
    identify,
    make,
    parse_image,
    parse_index,
)
from sampan.specs.oci.image import DOCKER_MANIFEST, INDEX, MANIFEST

# A machine under load is no failure.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELD = st.sampled_from(["schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size"])


@CALM
@given(st.binary(max_size=200) | st.dictionaries(FIELD, JSON).map(lambda item: json.dumps(item).encode()))
def test_anything_is_parsed_or_refused(data: bytes) -> None:
    for read in (lambda: identify(data, ""), lambda: parse_image(data), lambda: parse_index(data)):
        with suppress(Refused):
            read()


@CALM
@given(st.binary(max_size=300), st.integers(400, 599))
def test_any_error_body_gives_one_line(body: bytes, status: int) -> None:
    message = str(from_answer(status, "Reason", body))
    assert message and "\n" not in message and "\x1b" not in message and len(message) < 700


def test_a_made_manifest_is_read_back() -> None:
    config = Descriptor("application/vnd.oci.image.config.v1+json", "sha256:" + "1" * 64, 2)
    layer = Descriptor("application/vnd.oci.image.layer.v1.tar+gzip", "sha256:" + "2" * 64, 3)
    for docker, media_type in ((False, MANIFEST), (True, DOCKER_MANIFEST)):
        data = make(config, [layer], docker=docker)
        assert identify(data, media_type) == media_type
        found = parse_image(data)
        assert (found.config, found.layers, found.is_image) == (config, (layer,), True)


def test_what_a_vague_server_sends_says_itself_what_it_is() -> None:
    assert identify(b'{"schemaVersion": 2, "manifests": []}', "application/json") == INDEX
    assert identify(b'{"schemaVersion": 2, "layers": []}', "text/plain; charset=utf-8") == MANIFEST
    with pytest.raises(Refused, match="schema 1 are not supported"):
        identify(b"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws")
