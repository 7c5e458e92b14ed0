"""What /metrics tells."""

from sampan.kube.access.inflight import Limits
from sampan.kube.access.user import Attributes, User
from sampan.kube.api.metrics import Metrics

USER = User("a")
GET = Attributes(USER, "get", "apps", "v1", "deployments", "", "ns", "x")
WATCH = Attributes(USER, "watch", "", "v1", "pods", "", "", "")


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.text([]).splitlines() if line.startswith(name)]


def test_requests_are_counted_by_what_they_are_for() -> None:
    metrics = Metrics(Limits())
    metrics.answered(GET, 200, 0.03)
    metrics.answered(GET, 200, 0.3)
    metrics.answered(GET, 404, 100.0)
    labels = 'verb="GET",group="apps",version="v1",resource="deployments",subresource="",scope="resource",'
    labels += 'component="apiserver"'
    assert lines(metrics, "apiserver_request_total") == [
        f'apiserver_request_total{{{labels},code="200"}} 2',
        f'apiserver_request_total{{{labels},code="404"}} 1',
    ]
    buckets = lines(metrics, "apiserver_request_duration_seconds_bucket")
    counts = [int(line.rpartition(" ")[2]) for line in buckets]
    assert counts == sorted(counts) and counts[0] == 0 and counts[-2:] == [2, 3]
    assert lines(metrics, "apiserver_request_duration_seconds_count")[0].endswith(" 3")


def test_what_lasts_is_counted_while_it_lasts() -> None:
    metrics = Metrics(Limits())
    with metrics.running(WATCH), metrics.running(GET):
        [line] = lines(metrics, "apiserver_longrunning_requests")
        assert 'verb="WATCH"' in line and line.endswith(" 1")
    metrics.answered(WATCH, 200, 500.0)
    assert lines(metrics, "apiserver_longrunning_requests")[0].endswith(" 0")
    assert lines(metrics, "apiserver_request_duration_seconds_bucket") == []


def test_methods_that_nobody_knows_are_one_series() -> None:
    metrics = Metrics(Limits())
    for number in range(5):
        metrics.answered(Attributes(USER, f"odd{number}", path="/"), 405, 0.0)
    [line] = lines(metrics, "apiserver_request_total")
    assert line.endswith(" 5")


def test_stored_objects_and_limits_are_told() -> None:
    limits = Limits()
    text = Metrics(limits).text([("apps", "deployments", 7)])
    assert 'apiserver_resource_objects{group="apps",resource="deployments"} 7' in text
    with limits.admit(GET):
        assert 'inflight_requests{request_kind="readOnly"} 1' in Metrics(limits).text([])
