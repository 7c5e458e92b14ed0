"""`RUN --mount`: its options, and what is wrong with them in Docker's words (asked from Docker 26)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.builder.dockerfile.mounts import Mount, check_mount, csv_fields, parse_mount
from sampan.builder.errors import DockerfileError


def same(word: str) -> str:
    return word


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("target=/a", {"type": "bind", "target": "/a", "read_only": True}),
        (
            "type=bind,source=s,dst=/a,from=x",
            {"source": "s", "target": "/a", "from_": "x", "read_only": True},
        ),
        ("type=bind,src=s,destination=/a,rw", {"source": "s", "target": "/a", "read_only": False}),
        ("target=/a,ro=false", {"target": "/a", "read_only": False}),
        ("target=/a,readwrite=0", {"target": "/a", "read_only": True}),
        ("TYPE=CACHE,Target=/a", {"type": "cache", "target": "/a", "read_only": False}),
        (
            "type=cache,id=i,target=/a,sharing=LOCKED,mode=0755,uid=1,gid=2,ro",
            {
                "type": "cache",
                "id": "i",
                "target": "/a",
                "sharing": "locked",
                "mode": 0o755,
                "uid": 1,
                "gid": 2,
                "read_only": True,
            },
        ),
        ("type=tmpfs,target=/a,size=1.5m", {"type": "tmpfs", "target": "/a", "size": 1_572_864}),
        ("type=tmpfs,target=/a,size=10", {"type": "tmpfs", "target": "/a", "size": 10}),
        ("type=tmpfs,target=/a,size=1GiB", {"type": "tmpfs", "target": "/a", "size": 1 << 30}),
        ("type=secret,id=s,required", {"type": "secret", "id": "s", "required": True, "read_only": True}),
        ("type=secret,id=s,env=TOKEN", {"type": "secret", "id": "s", "env": "TOKEN", "read_only": True}),
        ("type=ssh,required=false", {"type": "ssh", "read_only": True}),
        ('"target=/a,b","source=c"', {"target": "/a,b", "source": "c", "read_only": True}),
        ('"target=/a""b"', {"target": '/a"b', "read_only": True}),
    ],
)
def test_options(text: str, fields: dict[str, Any]) -> None:
    assert parse_mount(text, same) == Mount(**fields)


ERRORS = [
    ("type=foo", 'unsupported mount type "foo"'),
    ("type=bnid,target=/x", 'unsupported mount type "bnid" (did you mean bind?)'),
    ("target=/x,foo=1", "unexpected key 'foo' in 'foo=1' (did you mean from?)"),
    ("target=/x,srouce=1", "unexpected key 'srouce' in 'srouce=1' (did you mean source?)"),
    ("target=/x,foo", "invalid field 'foo' must be a key=value pair"),
    ("target", "invalid field 'target' must be a key=value pair"),
    ("type=secret", "invalid secret mount. one of source, target required"),
    ("type=secret,from=x,target=/a", "secret mount should not have a from"),
    ("type=secret,sharing=locked,target=/a", "secret mount should not define sharing"),
    ("type=secret,id=a,source=b,target=/a", "both source and id can't be set"),
    ("type=cache,sharing=foo,target=/a", 'unsupported sharing value "foo"'),
    ("type=cache,sharing=shraed,target=/a", 'unsupported sharing value "shraed" (did you mean shared?)'),
    ("type=bind,sharing=shared,target=/a", "invalid cache sharing set for bind mount"),
    ("type=bind,uid=1,target=/a", 'uid not allowed for "bind" type mounts'),
    ("type=bind,mode=0777,target=/a", 'mode not allowed for "bind" type mounts'),
    ("type=cache,mode=9,target=/a", "invalid value 9 for mode"),
    ("type=cache,uid=x,target=/a", "invalid value x for uid"),
    ("type=cache,gid=4294967296,target=/a", "invalid value 4294967296 for gid"),
    ("type=cache,ro=x,target=/a", "invalid value for ro: x"),
    ("type=cache,required,target=/a", "unexpected key 'required' for mount type 'cache'"),
    ("type=cache,size=1,target=/a", "unexpected key 'size' for mount type 'cache'"),
    ("type=tmpfs,size=x,target=/a", "invalid value for size: x"),
    ('target="/a', 'failed to parse csv mounts: parse error on line 1, column 8: bare " in non-quoted-field'),
]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_mount(text, same)
    assert caught.value.message == message


def test_values_are_expanded_but_keys_are_not() -> None:
    mount = parse_mount(
        "type=cache,target=$x,id=$y", lambda word: word.replace("$x", "/a").replace("$y", "i")
    )
    assert (mount.target, mount.id) == ("/a", "i")


def test_the_image_that_is_mounted_must_be_known_beforehand() -> None:
    check_mount("from=x,target=$y")
    with pytest.raises(DockerfileError, match="doesn't support variable expansion"):
        check_mount("from=$x,target=/y")


@given(st.text())
def test_any_text_is_a_mount_or_an_error(text: str) -> None:
    for parse in (check_mount, lambda text: parse_mount(text, same)):
        try:
            parse(text)
        except DockerfileError as error:
            assert error.message


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n")), min_size=1).filter(
        lambda fields: fields != [""]
    )
)
def test_quoted_fields_come_back(fields: list[str]) -> None:
    text = ",".join('"' + field.replace('"', '""') + '"' for field in fields)
    assert csv_fields(text, "mounts") == fields
