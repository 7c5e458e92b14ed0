"""From one version to another, by nobody or by a webhook."""

import asyncio
from typing import Any

import pytest

from sampan.kube.kinds.apiextensions.conversion import ConversionFailed, convert

WEBHOOK = {
    "strategy": "Webhook",
    "webhook": {"clientConfig": {"url": "https://a/b"}, "conversionReviewVersions": ["v2", "v1", "v1beta1"]},
}


def objects() -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "e.com/v1",
            "kind": "Foo",
            "metadata": {"name": "a", "uid": "1", "labels": {"x": "y"}},
        },
        {"apiVersion": "e.com/v2", "kind": "Foo", "metadata": {"name": "b", "uid": "2"}},
    ]


def run(answer: Any, conversion: dict[str, Any] = WEBHOOK) -> list[dict[str, Any]]:
    """`answer`: what the webhook makes of the review."""

    async def call(config: dict[str, Any], review: dict[str, Any]) -> Any:
        assert config == {"url": "https://a/b"}
        return answer(review)

    return asyncio.run(convert(conversion, objects(), "e.com/v2", call, "u"))


def good(review: dict[str, Any], **changes: Any) -> dict[str, Any]:
    request = review["request"]
    found = [{**one, "apiVersion": request["desiredAPIVersion"], **changes} for one in request["objects"]]
    response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": found}
    return {"apiVersion": review["apiVersion"], "kind": "ConversionReview", "response": response}


def test_without_a_webhook_the_version_is_all_that_changes() -> None:
    found = run(None, {"strategy": "None"})
    assert [one["apiVersion"] for one in found] == ["e.com/v2", "e.com/v2"]


def test_only_what_has_another_version_is_sent() -> None:
    seen = []

    def answer(review: dict[str, Any]) -> Any:
        seen.append(review)
        return good(review, spec={"new": True})

    found = run(answer)
    assert [one.get("spec") for one in found] == [{"new": True}, None]
    assert seen[0]["apiVersion"] == "apiextensions.k8s.io/v1"
    assert [one["metadata"]["name"] for one in seen[0]["request"]["objects"]] == ["a"]


def test_metadata_stay_but_for_labels_and_annotations() -> None:
    metadata = {"name": "a", "uid": "1", "annotations": {"k": "v"}, "generation": 99}
    assert run(lambda review: good(review, metadata=metadata))[0]["metadata"] == {
        "name": "a",
        "uid": "1",
        "annotations": {"k": "v"},
    }


def _raise(_: Any) -> Any:
    raise OSError("connection refused")


WHAT = "conversion webhook for e.com/v1, Kind=Foo"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (_raise, f"{WHAT} failed: connection refused"),
        (lambda _: None, f"{WHAT} failed: no response provided"),
        (lambda r: {**good(r), "kind": "Other"}, f"{WHAT} failed: expected webhook response of "),
        (
            lambda r: {**good(r), "response": {"uid": "other"}},
            f'{WHAT} failed: expected response.uid="u", got "other"',
        ),
        (
            lambda r: {**good(r), "response": {"uid": "u", "result": {"status": "Failure", "message": "no"}}},
            f"{WHAT} failed: no",
        ),
        (
            lambda r: {**good(r), "response": {"uid": "u", "result": {}}},
            f"{WHAT} failed: response.result.status was '', not 'Success'",
        ),
        (
            lambda r: {**good(r), "response": {"uid": "u", "result": {"status": "Success"}}},
            f"{WHAT} returned 0 objects, expected 1",
        ),
        (
            lambda r: good(r, apiVersion="e.com/v9"),
            "invalid groupVersion (expected e.com/v2, received e.com/v9)",
        ),
        (lambda r: good(r, kind="Bar"), "invalid kind (expected Foo, received Bar)"),
        (lambda r: good(r, metadata={"name": "z", "uid": "1"}), "must have the same name: a != z"),
        (lambda r: good(r, metadata={"name": "a", "uid": "9"}), "must have the same UID: 1 != 9"),
        (lambda r: good(r, metadata=1), "invalid metadata of type int64 in converted object"),
        (
            lambda r: good(r, metadata={"name": "a", "uid": "1", "labels": {"k": 1}}),
            "metadata.labels[k] must be a string, but is int64 in converted object",
        ),
        (
            lambda r: good(r, metadata={"name": "a", "uid": "1", "labels": {"-": "v"}}),
            "metadata.labels: Invalid value",
        ),
    ],
)
def test_what_is_wrong_with_an_answer(answer: Any, message: str) -> None:
    with pytest.raises(ConversionFailed) as caught:
        run(answer)
    assert message in str(caught.value)


def test_a_webhook_that_understands_no_review_is_not_asked() -> None:
    webhook = {**WEBHOOK, "webhook": {"clientConfig": {}, "conversionReviewVersions": ["v9"]}}
    with pytest.raises(ConversionFailed, match="no supported conversion review versions"):
        run(None, webhook)
