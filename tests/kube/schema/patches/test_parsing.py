"""Patches as they come in: what is no JSON, and what field validation says."""

import pytest

from sampan.kube.schema.patches import jsonpatch, mergepatch, strategic
from sampan.specs.kubernetes.status import StatusError

END = "unexpected end of JSON input"
LIST = "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"


@pytest.mark.parametrize(
    ("parse", "data", "message"),
    [
        (jsonpatch.parse, b"[{}", f"error decoding patch: {END}"),
        (jsonpatch.parse, b"{}", f"error decoding patch: {LIST}"),
        (mergepatch.parse, b"", f"error decoding patch: {END}"),
        (strategic.parse, b"", END),
        (strategic.parse, b"{x", "invalid character 'x' looking for beginning of object key string"),
    ],
)
def test_what_is_no_patch(parse, data, message):
    with pytest.raises(StatusError) as caught:
        parse(data)
    assert (caught.value.code, caught.value.message) == (400, message)


@pytest.mark.parametrize(
    ("parse", "data", "problems"),
    [
        (mergepatch.parse, b'{"a":{"b":1,"b":2}}', ['duplicate field "a.b"']),
        (strategic.parse, b'{"a":1,"a":2}', ['duplicate field "a"']),
        (
            jsonpatch.parse,
            b'[{"op":"test","op":"add","path":"/a","value":1,"more":1}]',
            ['json patch duplicate field "[0].op"', 'json patch unknown field "[0].more"'],
        ),
        (jsonpatch.parse, b"null", []),
    ],
)
def test_what_is_there_twice_or_unknown(parse, data, problems):
    assert parse(data)[1] == problems


def test_deep_nesting_is_no_failure():
    for parse in (mergepatch.parse, strategic.parse):
        with pytest.raises(StatusError):
            mergepatch.apply({"a": {}}, parse(b'{"a":' * 20_000 + b"1" + b"}" * 20_000)[0])
