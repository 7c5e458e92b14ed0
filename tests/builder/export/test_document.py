"""What a result's config document says."""

import base64
from typing import Any

import pytest

from sampan.builder.export import document
from sampan.builder.export.attributes import parse
from sampan.builder.options import Output
from sampan.builder.plan.graph import HistoryEntry, Target
from sampan.errors import Invalid, Unsupported
from sampan.images import config as image_config

BASE, OWN, MORE = (f"sha256:{digit * 64}" for digit in "123")


def target(**more: Any) -> Target:
    return Target(
        **{
            "platform": "linux/amd64",
            "step": 2,
            "base": None,
            "config": {"Cmd": ["x"]},
            "history": (
                HistoryEntry(created_by="ENV A=1"),
                HistoryEntry(created_by="RUN x", step=1),
                HistoryEntry(created_by="COPY y /", step=2),
            ),
            "base_history": ({"created": "2020-01-01T00:00:00Z", "comment": "Imported from -"},),
            "document": {"architecture": "amd64", "os": "linux", "author": "me"},
            "epoch": 7,
            **more,
        }
    )


def test_every_time_is_the_epoch_but_the_bases() -> None:
    made = document.document(target(), [BASE, OWN, MORE])
    assert made["created"] == "1970-01-01T00:00:07Z"
    assert [entry.get("created") for entry in made["history"]] == [
        "2020-01-01T00:00:00Z",
        *["1970-01-01T00:00:07Z"] * 3,
    ]
    assert [entry.get("empty_layer") for entry in made["history"]] == [None, True, None, None]
    assert made["rootfs"] == {"type": "layers", "diff_ids": [BASE, OWN, MORE]}
    assert (made["author"], made["config"]) == ("me", {"Cmd": ["x"]})


@pytest.mark.parametrize(
    ("history", "layers", "empty"),
    [
        ([], 0, []),
        ([{}], 1, [False]),
        ([{}, {}], 1, [False, True]),  # it speaks of more layers than there are
        ([{"empty_layer": True}], 2, [True, False, False]),  # and of fewer
    ],
)
def test_a_bases_history_is_made_to_fit(history: list[Any], layers: int, empty: list[bool]) -> None:
    made = document.base_history(history, layers, "T")
    assert [bool(entry.get("empty_layer")) for entry in made] == empty


def test_the_inline_cache_is_in_the_document() -> None:
    made = document.document(target(), [BASE, OWN, MORE], b"cache")
    assert base64.b64decode(made[document.CACHE_KEY]) == b"cache"  # type: ignore[typeddict-item]
    assert image_config.parse(document.dump(made)) == made


def test_squashed_history_speaks_of_one_layer() -> None:
    whole = document.document(target(), [BASE, OWN, MORE])
    made = document.squashed(whole, [BASE], "sha256:" + "9" * 64, image="I", base="B", created="T")
    assert [bool(entry.get("empty_layer")) for entry in made["history"]] == [False, True, True, True, False]
    assert made["history"][-1] == {"created": "T", "comment": "merge I to B"}
    assert made["rootfs"]["diff_ids"] == [BASE, "sha256:" + "9" * 64]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1970-01-01T00:00:00Z"), (-5, "1970-01-01T00:00:00Z"), (1 << 60, "9999-12-31T23:59:59Z")],
)
def test_times_that_no_reader_takes_are_moved(seconds: int, text: str) -> None:
    assert document.timestamp(seconds) == text


# --output


def test_names_are_the_outputs_or_the_builds() -> None:
    own = parse(Output(type="image", attrs={"name": "a,b:1,a:latest"}), ("c",))
    assert [name.familiar for name in own.names] == ["a:latest", "b:1"]
    assert own.shown_names == ("docker.io/library/a", "docker.io/library/b:1", "docker.io/library/a:latest")
    assert [name.familiar for name in parse(Output(type="image"), ("c",)).names] == ["c:latest"]


def test_annotations_are_sorted_by_what_they_are_of() -> None:
    attrs = {
        "annotation.a": "1",
        "annotation-manifest[linux/arm64].b": "2",
        "annotation-index.c": "3",
        "annotation-manifest-descriptor.d": "4",
        "annotation.org.x/y.z": "5",
    }
    found = parse(Output(type="oci", attrs=attrs), ()).annotations
    assert found.of_manifest("linux/amd64") == {"a": "1", "org.x/y.z": "5"}
    assert found.of_manifest("linux/arm64") == {"a": "1", "b": "2", "org.x/y.z": "5"}
    assert (found.index, found.of_descriptor("any")) == ({"c": "3"}, {"d": "4"})


@pytest.mark.parametrize(
    ("type", "attrs", "oci"),
    [
        ("oci", {}, True),
        ("docker", {}, False),
        ("docker", {"compression": "zstd"}, True),
        ("docker", {"annotation.a": "b"}, True),
        ("registry", {"oci-mediatypes": "false"}, False),
    ],
)
def test_media_types(type: Any, attrs: dict[str, str], oci: bool) -> None:
    assert parse(Output(type=type, attrs=attrs), ()).oci is oci


@pytest.mark.parametrize(
    ("attrs", "error"),
    [
        ({"compression": "lzma"}, Invalid),
        ({"compression": "estargz"}, Unsupported),
        ({"compression-level": "high"}, Invalid),
        ({"push": "maybe"}, Invalid),
        ({"name": "UPPER"}, Invalid),
    ],
)
def test_bad_attributes_are_refused(attrs: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        parse(Output(type="image", attrs=attrs), ())
