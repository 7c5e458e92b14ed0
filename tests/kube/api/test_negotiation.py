"""Which form a client gets."""

import pytest

from sampan.kube.api.negotiation import CUSTOM_OFFERED, OFFERED, Form, body_media, choose
from sampan.specs.kubernetes.status import StatusError

TABLE = ("meta.k8s.io", "v1", "Table")


@pytest.mark.parametrize(
    ("accept", "media", "kind"),
    [
        ("", "application/json", ""),
        ("*/*", "application/json", ""),
        ("application/yaml", "application/yaml", ""),
        ("application/json;q=0.9,application/yaml", "application/yaml", ""),
        ("application/vnd.kubernetes.protobuf,application/json", "application/vnd.kubernetes.protobuf", ""),
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "application/json", "Table"),
        ("application/json;as=Nosuch;v=v1;g=meta.k8s.io,application/json", "application/json", ""),
        ("text/html, application/json", "application/json", ""),
        ("application/json;stream=watch", "application/json", ""),
    ],
)
def test_the_best_wish_that_can_be_met(accept: str, media: str, kind: str) -> None:
    form = choose(accept, OFFERED, (TABLE,))
    assert (form.media, form.kind) == (media, kind)


@pytest.mark.parametrize(
    ("accept", "says"),
    [
        ("text/html", "406: Not Acceptable"),
        ("application/*", "406: Not Acceptable"),
        ("application/json;as=Table;v=v2;g=meta.k8s.io", "only the following media types are accepted"),
    ],
)
def test_nothing_else_is_offered(accept: str, says: str) -> None:
    with pytest.raises(StatusError, match=says) as failure:
        choose(accept, OFFERED, (TABLE,))
    assert failure.value.code == 406


def test_custom_resources_have_no_protobuf() -> None:
    with pytest.raises(StatusError):
        choose("application/vnd.kubernetes.protobuf", CUSTOM_OFFERED)


def test_the_form_of_a_body() -> None:
    assert body_media("application/json; charset=utf-8") == "application/json"
    assert body_media(None) == "application/json"
    with pytest.raises(StatusError, match="accepted media types include") as failure:
        body_media("text/plain")
    assert failure.value.code == 415


def test_a_form_says_whether_it_is_to_be_readable() -> None:
    assert Form(parameters={"pretty": "true"}).pretty
    assert not Form().pretty
