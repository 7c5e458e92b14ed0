"""-v, --mount and VOLUME, against what Docker accepts, refuses and shows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.volumes import mountpoints as mp
from sampan.errors import Invalid


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("/a:/y", ("bind", "/a", "/y", "", True, "rprivate")),
        ("/a:/y:ro,Z", ("bind", "/a", "/y", "ro,Z", False, "rprivate")),
        ("/a:/y:", ("bind", "/a", "/y", "", True, "rprivate")),
        ("/a:/y:delegated,ro", ("bind", "/a", "/y", "delegated,ro", False, "rprivate")),
        ("/a:/y:shared", ("bind", "/a", "/y", "shared", True, "shared")),
        ("/a:/y/../z", ("bind", "/a", "/z", "", True, "rprivate")),
        ("name:/y", ("volume", "", "/y", "z", True, "")),
        ("name:/y:nocopy", ("volume", "", "/y", "nocopy", True, "")),
        ("name:/y:ro,z", ("volume", "", "/y", "ro,z", False, "")),
        ("/y", ("volume", "", "/y", "z", True, "")),
    ],
)
def test_binds(raw: str, shown: tuple[Any, ...]) -> None:
    point = mp.parse_bind(raw)
    keys = ("Type", "Source", "Destination", "Mode", "RW", "Propagation")
    assert tuple(point[key] for key in keys) == shown  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ("", "invalid volume specification: ''"),
        (":/y", "invalid volume specification: ':/y'"),
        ("a:/y:ro:z", "invalid volume specification: 'a:/y:ro:z'"),
        ("/a:ro", "invalid volume specification: '/a:ro'"),
        ("/a:/y:foo", "invalid mode: foo"),
        ("/a:/y:ro,rw", "invalid mode: ro,rw"),
        ("/a:/y:ro,ro", "invalid mode: ro,ro"),
        ("a:/y:volume-nocopy", "invalid mode: volume-nocopy"),
        (
            "/a:/",
            "invalid volume specification: '/a:/': invalid mount config for type \"bind\": "
            "invalid specification: destination can't be '/'",
        ),
        (
            "/a:y",
            "invalid volume specification: '/a:y': invalid mount config for type \"bind\": "
            "invalid mount path: 'y' mount path must be absolute",
        ),
        (
            "/a:/y:nocopy",
            "invalid volume specification: '/a:/y:nocopy': invalid mount config for type \"bind\": "
            "field VolumeOptions must not be specified",
        ),
        (
            "ab:/y:rprivate",
            "invalid volume specification: 'ab:/y:rprivate': invalid mount config for type \"volume\": "
            "field BindOptions must not be specified",
        ),
    ],
)
def test_binds_refused_in_dockers_words(raw: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        mp.parse_bind(raw)
    assert refused.value.message == sentence


@pytest.mark.parametrize(
    ("mount", "sentence"),
    [
        (
            {"Type": "bind", "Source": "rel", "Target": "/x"},
            "invalid mount path: 'rel' mount path must be absolute",
        ),
        ({"Type": "bind", "Source": "", "Target": "/x"}, "field Source must not be empty"),
        ({"Type": "bind", "Source": "/a", "Target": ""}, "field Target must not be empty"),
        (
            {"Type": "bind", "Source": "/a", "Target": "x"},
            "invalid mount path: 'x' mount path must be absolute",
        ),
        ({"Type": "bind", "Source": "/a", "Target": "/"}, "invalid specification: destination can't be '/'"),
        (
            {"Type": "bind", "Source": "/a", "Target": "/x", "BindOptions": {"Propagation": "foo"}},
            "invalid propagation mode: foo",
        ),
        (
            {"Type": "volume", "Source": "n", "Target": "/x", "VolumeOptions": {"Subpath": "/abs"}},
            "subpath must be a relative path within the volume",
        ),
        (
            {"Type": "volume", "Source": "n", "Target": "/x", "VolumeOptions": {"Subpath": "a/../../b"}},
            "subpath must be a relative path within the volume",
        ),
        (
            {"Type": "volume", "Target": "/x", "VolumeOptions": {"Subpath": "a"}},
            "must not set Subpath when using anonymous volumes",
        ),
        ({"Type": "tmpfs", "Source": "a", "Target": "/x"}, "field Source must not be specified"),
        ({"Type": "foo", "Target": "/x"}, "mount type unknown"),
        ({"Target": "/x"}, "mount type unknown"),
    ],
)
def test_mounts_refused_in_dockers_words(mount: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        mp.parse_mount(mount)
    assert refused.value.message == f'invalid mount config for type "{mount.get("Type", "")}": {sentence}'


@pytest.mark.parametrize(
    ("mount", "sentence"),
    [
        ({"Type": "bind", "VolumeOptions": {}}, 'VolumeOptions must not be specified on mount type "bind"'),
        ({"Type": "volume", "TmpfsOptions": {}}, 'TmpfsOptions must not be specified on mount type "volume"'),
    ],
)
def test_options_of_another_type_are_refused(mount: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        mp.check_options(mount)
    assert refused.value.message == sentence


@pytest.mark.parametrize(
    ("words", "merged"),
    [
        ([], ["noexec", "nosuid", "nodev"]),
        (["size=1m", "exec"], ["nosuid", "nodev", "size=1m", "exec"]),
        (["size=1m", "size=2m"], ["noexec", "nosuid", "nodev", "size=2m"]),
        (["rw", "ro"], ["noexec", "nosuid", "nodev", "ro"]),
        ([""], ["noexec", "nosuid", "nodev"]),
    ],
)
def test_tmpfs_options_are_merged(words: list[str], merged: list[str]) -> None:
    assert mp.merge_tmpfs(words) == merged


@pytest.mark.parametrize("word", ["foo", "context=x", "mode", "lowerdir=/"])
def test_unknown_tmpfs_options_are_refused(word: str) -> None:
    with pytest.raises(Invalid, match="invalid tmpfs option"):
        mp.merge_tmpfs([word])


def test_precedence_of_mounts() -> None:
    inherited = [
        mp.borrowed({**mp.parse_bind("/from:/a")}, "rw"),
        mp.borrowed({**mp.parse_bind("/from:/b")}, "ro"),
    ]
    points = mp.merge(
        inherited, [mp.parse_bind("/own:/a")], ["/t"], [mp.anonymous(x) for x in ("/a", "/c", "/t")]
    )
    assert {p["Destination"]: (p["Type"], p["Source"], p["RW"]) for p in points} == {
        "/a": ("bind", "/own", True),
        "/b": ("bind", "/from", False),
        "/c": ("volume", "", True),
    }


@pytest.mark.parametrize(
    ("binds", "tmpfs"), [(["/a:/x", "/b:/x/"], []), (["/a:/x"], ["/x"]), (["/a:/x", "name:/x"], [])]
)
def test_two_mounts_at_one_place(binds: list[str], tmpfs: list[str]) -> None:
    with pytest.raises(Invalid, match="Duplicate mount point: /x"):
        mp.merge([], map(mp.parse_bind, binds), tmpfs, [])


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [("", "volumes-from specification cannot be an empty string"), ("c:foo", "invalid mode: foo")],
)
def test_volumes_from_refused(spec: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        mp.parse_volumes_from(spec)
    assert refused.value.message == sentence


def test_the_engines_own_part_is_not_shown() -> None:
    (shown,) = mp.shown([{**mp.parse_bind("name:/y")}])
    assert "Spec" not in shown


@given(st.text())
def test_any_bind_is_parsed_or_refused(raw: str) -> None:
    try:
        point = mp.parse_bind(raw)
    except Invalid:
        return
    assert point["Destination"].startswith("/") and point["Destination"] != "/"
    assert ".." not in point["Destination"].split("/")


@given(
    st.dictionaries(
        st.sampled_from(
            ["Type", "Source", "Target", "ReadOnly", "BindOptions", "VolumeOptions", "TmpfsOptions"]
        ),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.sampled_from(["bind", "volume", "tmpfs", "/a", "b"]),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["Subpath", "Labels", "Options", "SizeBytes"]), inner, max_size=2
                )
            ),
        ),
    )
)
def test_any_mount_is_parsed_or_refused(mount: dict[str, Any]) -> None:
    try:
        mp.check_options(mount)
        mp.parse_mount(mount)
    except Invalid:
        return
