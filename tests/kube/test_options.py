"""Options of the API server that change what it serves."""

from pathlib import Path

import pytest

from tests.kube.attacks.client import Hostile
from tests.support.cluster import ClusterProcess

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


def test_groups_that_are_switched_off_are_not_there(tmp_path: Path) -> None:
    """And are again, with what they had, once nobody switches them off."""
    cluster = ClusterProcess(tmp_path)
    cluster.up("--controllers", "false")
    job = {"metadata": {"name": "a"}, "spec": {"template": {"spec": {"restartPolicy": "Never"}}}}
    job["spec"]["template"]["spec"]["containers"] = [{"name": "a", "image": "a"}]  # type: ignore[index]
    admin = Hostile(cluster)
    assert admin.json("POST", "/apis/batch/v1/namespaces/default/jobs", job).code == 201
    cluster.down()
    cluster.up("--controllers", "false", "--runtime-config", "batch/v1=false,autoscaling/v1=false")
    admin = Hostile(cluster)
    for path in ("/apis/batch", "/apis/batch/v1", "/apis/batch/v1/jobs", "/apis/autoscaling/v1"):
        assert admin.send("GET", path).code == 404, path
    groups = [one["name"] for one in admin.send("GET", "/apis").json["groups"]]
    assert "batch" not in groups and "autoscaling" in groups
    assert "apis/batch/v1" not in admin.send("GET", "/openapi/v3").json["paths"]
    assert admin.send("GET", f"{SERVICES}/v1.batch").code == 404
    assert admin.send("GET", f"{SERVICES}/v2.autoscaling").code == 200
    cluster.down()
    cluster.up("--controllers", "false", "--service-node-port-range", "20000-20031")
    admin = Hostile(cluster)
    assert admin.send("GET", "/apis/batch/v1/namespaces/default/jobs/a").code == 200
    assert admin.send("GET", f"{SERVICES}/v1.batch").code == 200
    service = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    made = admin.json("POST", "/api/v1/namespaces/default/services", service)
    assert 20000 <= made.json["spec"]["ports"][0]["nodePort"] <= 20031
    admin.close()
    cluster.down()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--runtime-config", "nosuch/v1=true"), "unknown api groups nosuch"),
        (("--service-node-port-range", "5-1"), "end port cannot be less than start port: 5-1"),
    ],
)
def test_options_that_are_wrong_stop_the_start(tmp_path: Path, options: tuple[str, str], said: str) -> None:
    done = ClusterProcess(tmp_path).command("up", *options)
    log = tmp_path / "data" / "logs" / "kube-api.log"
    assert done.returncode != 0 and said in done.stderr + log.read_text()
