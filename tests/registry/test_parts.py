"""The registry's small pure parts: names, patterns, settings, manifests, retention, pages, routes."""

import dataclasses
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.registry import documents, names, settings
from sampan.registry.api.call import Call, Route, next_link, page_size
from sampan.registry.api.table import Match, Table
from sampan.registry.auth.config import Rule
from sampan.registry.cache.config import UpstreamConfig
from sampan.registry.config import Config, load
from sampan.registry.errors import DigestInvalid, ManifestInvalid, NameInvalid, PageInvalid, RegistryError
from sampan.registry.patterns import matches
from sampan.registry.program import FLAG_KEYS
from sampan.registry.repositories import QuotaRule
from sampan.registry.retention import RetentionRule, Tag, expired
from sampan.registry.webhooks.config import Webhook
from tests.registry.support import descriptor, image, index

CALM = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    "name", ["a", "a/b/c", "a.b_c-d--e__f/0", "docker.io/library/alpine", "host.example:5000/x", "a" * 255]
)
def test_names_that_are(name: str) -> None:
    assert names.check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "A", "a/", "/a", "a//b", "..", "a/../b", ".a", "a.", "a..b", "a___b", "-a", "a b", "a%2fb", "a:5000",
     "a:x/b", "a/b:5/c", "a\n", "é", "a" * 256, "a\0b"],
)  # fmt: skip
def test_names_that_are_not(name: str) -> None:
    with pytest.raises(NameInvalid):
        names.check_name(name)


@CALM
@given(st.text())
def test_any_text_is_a_digest_or_refused(text: str) -> None:
    try:
        found = names.parse_reference(text)
    except (DigestInvalid, ManifestInvalid):
        return
    assert str(found) == text
    assert "/" not in text and ".." not in text.partition(":")[0][:2]


PATTERNS = [
    ("**", "a/b/c", True), ("*", "a", True), ("*", "a/b", False), ("team/*", "team/a", True),
    ("team/*", "team/a/b", False), ("team/**", "team/a/b", True), ("v?.*", "v1.2", True),
    ("v?", "v10", False),
    ("{a,b}/x", "b/x", True), ("{a,b}/x", "c/x", False), ("a.b", "axb", False), ("", "", True),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "name", "fits"), PATTERNS)
def test_patterns(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("7d", 604800), ("2w", 1209600), (5, 5)]
)
def test_durations(text: object, seconds: float) -> None:
    assert settings.duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("10GiB", 10 << 30), ("1 kb", 1000), ("5", 5), (7, 7), ("2MiB", 2 << 20)]
)
def test_sizes(text: object, size: int) -> None:
    assert settings.size(text) == size


@pytest.mark.parametrize("value", ["", "x", "1y", "-1s", -1, True, None, [], "1h x"])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(Invalid):
        settings.duration(value)


def test_configuration_from_file_and_flags(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        'addr = ":5001"\nread-only = true\n[auth]\nhtpasswd = "h"\n[[auth.rule]]\nrepository = "x/*"\n'
        'users = "bob"\nactions = ["pull"]\n[collect]\ngrace = "1h"\n'
        '[[retention]]\nrepository = "ci/**"\nkeep-last = 3\nkeep-pulled-within = "30d"\n'
        '[[quota]]\nrepository = "**"\nlimit = "1GiB"\n'
    )
    config = load(str(path), {"addr": "127.0.0.1:7", "auth.mode": "token"})
    assert config.listen == ("127.0.0.1", 7)
    assert (config.read_only, config.auth.kind, config.auth.rule[0].users) == (True, "token", ("bob",))
    assert (config.collect.grace, config.retention[0].keep_last, config.quota[0].limit) == (
        3600.0,
        3,
        1 << 30,
    )


WRONG = [
    ("nothing = 1", "nothing: no such setting"),
    ('addr = "x"', 'addr: "x" is not HOST:PORT'),
    ("addr = 5", "addr: 5 is not a string"),
    ('tls-cert = "x"', "tls-cert and tls-key"),
    ('[auth]\nmode = "x"', "auth.mode"),
    ('[auth]\nmode = "htpasswd"', "names no file"),
    ('[auth]\nmode = "token"', "needs a realm"),
    ('[collect]\ngrace = "soon"', "collect: grace: 'soon' is not a duration"),
    ('[[quota]]\nlimit = "1GiB"', "quota: repository: missing"),
    ('[[auth.rule]]\nactions = ["eat"]', '"eat" is not one of pull, push, delete'),
    ("x", "cannot read"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_wrong_configuration_names_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(Invalid) as caught:
        load(str(path), {})
    assert message in str(caught.value)


def test_document_of_an_image_names_config_and_layers_once() -> None:
    document = documents.parse(image(b"a", b"b", b"a"))
    assert len(document.names) == 3 == len(document.required)
    assert document.artifact_type == "application/vnd.oci.image.config.v1+json"


BAD_MANIFESTS = [
    image(layers=[{"digest": "sha256:x", "size": 1}]), image(layers=[{"size": 1}]), image(layers="x"),
    image(layers=[{**descriptor(b""), "size": -1}]), image(layers=[{**descriptor(b""), "size": True}]),
    image(config=None), image(config=[]), image(schemaVersion=1), image(schemaVersion="2"),
    image(mediaType="text/plain"), image(mediaType=5), image(subject="x"), image(subject={"size": 1}),
    image(manifests=[]), index(layers=[]), index(config={}), index(manifests=None), b'{"schemaVersion":2}',
    b"[" * 100_000, b"null", b"",
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_MANIFESTS)
def test_manifests_that_are_refused(body: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        documents.parse(body)


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 40), 1 << 40) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
fields = st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "annotations", "artifactType"]
)


@CALM
@given(st.dictionaries(fields, json), st.text())
def test_no_manifest_breaks_the_parser(changes: dict[str, object], content_type: str) -> None:
    for base in (image(b"a"), index(image())):
        body = orjson.dumps({**orjson.loads(base), **changes})
        try:
            documents.parse(body, content_type)
        except RegistryError as error:
            orjson.dumps(error.document())


DAY = 86400.0
TAGS = [
    Tag("old", 0, None),
    Tag("pulled", 0, 95 * DAY),
    Tag("v1", 0, None),
    Tag("newer", 50 * DAY, None),
    Tag("newest", 60 * DAY, None),
]


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        (RetentionRule("**"), []),
        (RetentionRule("**", untagged_after=DAY), []),
        (RetentionRule("**", keep_last=2), ["old", "pulled", "v1"]),
        (RetentionRule("**", keep_last=0), ["newest", "newer", "old", "pulled", "v1"]),
        (RetentionRule("**", keep_pulled_within=10 * DAY), ["newest", "newer", "old", "v1"]),
        (RetentionRule("**", keep_pulled_within=45 * DAY), ["newer", "old", "v1"]),
        (RetentionRule("**", keep_tags=("v*",)), ["newest", "newer", "old", "pulled"]),
        (RetentionRule("**", 1, 10 * DAY, ("v*",)), ["newer", "old"]),
    ],
)
def test_retention_keeps_what_any_condition_keeps(rule: RetentionRule, gone: list[str]) -> None:
    assert expired(rule, TAGS, 100 * DAY) == gone


@pytest.mark.parametrize(
    ("query", "most", "size"),
    [({}, None, None), ({}, 9, 9), ({"n": "3"}, 9, 3), ({"n": "30"}, 9, 9), ({"n": "0"}, 9, 0)],
)
def test_page_sizes(query: dict[str, str], most: int | None, size: int | None) -> None:
    assert page_size(query, most) == size


@pytest.mark.parametrize("n", ["-1", "x", "1.5", "9" * 50, "٣"])
def test_page_sizes_that_are_refused(n: str) -> None:
    with pytest.raises(PageInvalid):
        page_size({"n": n})


def test_links_to_the_next_page_are_quoted() -> None:
    assert next_link("/x", 2, "a/b&c") == {"Link": '</x?n=2&last=a%2Fb%26c>; rel="next"'}
    assert next_link("/x", 2, None) == {}


async def nothing(call: Call) -> None:  # type: ignore[misc]
    return None


def test_routes_read_names_with_slashes_from_both_ends() -> None:
    table = Table(
        [
            Route("GET", "/v2/{name}/manifests/{reference}", nothing, None),  # type: ignore[arg-type]
            Route("PUT", "/v2/{name}/manifests/{reference}", nothing, None),  # type: ignore[arg-type]
            Route("GET", "/v2/", nothing, None),  # type: ignore[arg-type]
        ]
    )
    found = table.find("GET", "/v2/a/manifests/b/manifests/c")
    assert isinstance(found, Match)
    assert (found.name, found.rest) == ("a/manifests/b", {"reference": "c"})
    assert table.find("DELETE", "/v2/a/manifests/b") == ["GET", "PUT"]
    assert table.find("POST", "/v2/") == ["GET"]
    assert table.find("GET", "/v2/a/manifests/") is None


def test_defaults_are_a_valid_configuration() -> None:
    assert Config().check().listen == ("127.0.0.1", 5000)


def keys(kind: type, before: str = "") -> list[str]:
    """Every setting there is."""
    found = []
    for item in dataclasses.fields(kind):
        found.append(item.name.replace("_", "-"))
        default = item.default
        if dataclasses.is_dataclass(default) and not isinstance(default, type):
            found += keys(type(default))
    return found


def test_every_setting_and_flag_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "registry.md").read_text()
    sections = (Config, RetentionRule, QuotaRule, Rule, UpstreamConfig, Webhook)
    wanted = {key for kind in sections for key in keys(kind)}
    assert sorted(key for key in wanted if key not in text) == []
    assert sorted(flag for flag in FLAG_KEYS if f"--{flag.replace('_', '-')}" not in text) == []
