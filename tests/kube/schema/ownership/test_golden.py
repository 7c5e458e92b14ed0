"""Who owns what after recorded writes, by the object that was there before and what was sent.

SAMPAN_GOLDEN names the folder with the recordings.
"""

import json
import os
from copy import deepcopy
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sampan.kube.schema import builtin
from sampan.kube.schema.ownership import applying, managed
from sampan.specs.kubernetes.status import StatusError

FOLDER = os.environ.get("SAMPAN_GOLDEN", "")
NOW = "2026-01-02T03:04:05Z"
APPLY = "application/apply-patch+yaml"
# Of these the server fills in more, after it has looked who owns what.
FILLED = [
    "CertificateSigningRequest",
    "DaemonSet",
    "Job",
    "Namespace",
    "Node",
    "PersistentVolumeClaim",
    "Pod",
    "Service",
    "VolumeAttributesClass",
]

pytestmark = pytest.mark.skipif(not FOLDER, reason="SAMPAN_GOLDEN names no folder with recordings")


def files(*kinds):
    return [path for kind in kinds for path in sorted((Path(FOLDER) / kind).glob("*.json"))] if FOLDER else []


def node_of(value):
    group, _, version = value["apiVersion"].rpartition("/")
    definition = builtin.definition_of(group, version, value["kind"])
    return builtin.node(definition) if definition in builtin.definitions() else None


def owners(value):
    return [{**one, "time": ""} for one in value["metadata"].get("managedFields", ())]


def writes(path):
    """(query, kind of patch, what was sent, what was there, status, what came back)"""
    there = {}
    for step in json.loads(path.read_text().replace("<time>", NOW))["steps"]:
        asked, answer = step.get("request"), step.get("answer") or {}
        body, sent = answer.get("body"), (asked or {}).get("body")
        if not isinstance(body, dict) or asked is None:
            continue
        place = urlsplit(asked["path"])
        query = {key: values[0] for key, values in parse_qs(place.query).items()}
        whole = place.path.removesuffix("/status")
        query["subresource"] = place.path[len(whole) + 1 :]
        if isinstance(sent, dict):
            media = (asked.get("headers") or {}).get("Content-Type")
            yield asked["method"], query, media, sent, there.get(whole), answer
        if asked["method"] == "DELETE":
            there.pop(whole, None)
        elif body.get("kind") != "Status" and "dryRun" not in query:
            name = f"/{body['metadata'].get('name')}" if asked["method"] == "POST" else ""
            there[whole + name] = body


@pytest.mark.parametrize("path", files("apply"), ids=lambda path: path.stem)
def test_recorded_applies(path):
    played = 0
    for _, query, media, sent, live, answer in writes(path):
        body, manager = answer["body"], query.get("fieldManager", "")
        if sent.get("kind") == "Scale":
            continue  # a part of the object that has it
        node = node_of(sent) if sent.get("kind") and sent.get("apiVersion") else None
        if media != APPLY or not manager or node is None or answer["status"] not in (200, 201, 409, 500):
            continue
        force = query.get("force") == "true"
        arguments = (
            node,
            live,
            deepcopy(sent),
            manager,
            sent["apiVersion"],
            query["subresource"],
            NOW,
            force,
        )
        if answer["status"] >= 400:
            with pytest.raises(StatusError) as caught:
                applying.apply(*arguments, kind=sent["kind"])
            assert caught.value.message == body["message"]
        else:
            assert owners(applying.apply(*arguments, kind=sent["kind"])) == owners(body)
        played += 1
    assert played


@pytest.mark.parametrize("path", files("kinds"), ids=lambda path: path.stem)
def test_recorded_creations(path):
    for method, _, _, _, _, answer in writes(path):
        body = answer["body"]
        if method != "POST" or answer["status"] != 201 or body["kind"] in FILLED:
            continue
        node, (entry,) = node_of(body), owners(body) or ({"manager": "", "fieldsV1": {}},)
        if node is None or not entry["manager"]:
            continue
        new = {**body, "metadata": {**body["metadata"], "managedFields": []}}
        managed.update(node, None, new, entry["manager"], body["apiVersion"], "", NOW)
        found = owners(new)[0]["fieldsV1"]
        found.pop("f:status", None)
        assert found == entry["fieldsV1"]
