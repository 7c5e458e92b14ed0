"""`sampan kube rotate-keys`: what older keys sealed and signed goes on, and what is new has the new key."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from tests.support.cluster import ClusterProcess, running
from tests.support.poll import until


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ClusterProcess]:
    with running(tmp_path) as found:
        yield found


def stored(cluster: ClusterProcess) -> bytes:
    db = sqlite3.connect(f"file:{cluster.data}/store.db?mode=ro", uri=True)
    try:
        rows = db.execute("SELECT value FROM current WHERE key='/registry/core/secrets/default/a'").fetchall()
        return bytes(rows[0][0])
    finally:
        db.close()


def rotate(cluster: ClusterProcess, what: str) -> None:
    done = cluster.command("rotate-keys", what)
    assert done.returncode == 0, done.stderr
    assert "stop and start it" in done.stdout
    cluster.down()
    cluster.up()


def test_secrets_are_sealed_again_with_the_new_key(cluster: ClusterProcess) -> None:
    cluster.kubectl("create", "secret", "generic", "a", "--from-literal=x=hidden")
    assert stored(cluster).startswith(b"k8s:enc:aesgcm:v1:key1:")
    rotate(cluster, "secrets")
    until(lambda: stored(cluster).startswith(b"k8s:enc:aesgcm:v1:key2:"), "it is sealed with the new key")
    assert cluster.get("secret", "a")["data"] == {"x": "aGlkZGVu"}


def test_tokens_of_older_keys_are_good(cluster: ClusterProcess) -> None:
    until(
        lambda: (
            cluster.kubectl("get", "sa", "default", "-o", "name", check=False) == "serviceaccount/default\n"
        ),
        "sa",
    )
    before = cluster.kubectl("create", "token", "default").strip()
    rotate(cluster, "service-accounts")
    after = cluster.kubectl("create", "token", "default").strip()
    assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
    for token in (before, after):
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        answer = json.loads(cluster.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(review)))
        assert answer["status"]["user"]["username"] == "system:serviceaccount:default:default"


def test_there_must_be_a_cluster(tmp_path: Path) -> None:
    done = ClusterProcess(tmp_path / "none").command("rotate-keys", "secrets")
    assert done.returncode == 1
    assert "there is no cluster yet" in done.stderr
