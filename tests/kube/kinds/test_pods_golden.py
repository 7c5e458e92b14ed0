"""Pods and what makes them, against what a real server answered."""

import pytest

from tests.kube.kinds.golden import needs_golden, play

SCENARIOS = [
    "validation/pod-containers",
    "validation/pod-empty",
    "validation/pod-meta",
    "validation/pod-spec",
    "validation/pod-volumes",
    "validation/podtemplate-empty",
    "validation/replicationcontroller",
    "validation/replicationcontroller-empty",
    "validation/controllerrevision-empty",
    "validation/daemonset",
    "validation/daemonset-empty",
    "validation/deployment",
    "validation/deployment-meta",
    "validation/replicaset",
    "validation/replicaset-empty",
    "validation/statefulset",
    "validation/statefulset-empty",
    "validation/cronjob",
    "validation/cronjob-empty",
    "validation/cronjob-meta",
    "validation/job",
    "validation/job-empty",
    "validation/horizontalpodautoscaler-empty",
    "validation/horizontalpodautoscaler-autoscaling-v1-empty",
    "validation/poddisruptionbudget-empty",
    "validation/immutable",
    "defaults/pod",
    "defaults/workloads",
    "defaults/others",
    "kinds/pod-v1",
    "kinds/podtemplate-v1",
    "kinds/replicationcontroller-v1",
    "kinds/controllerrevision-apps-v1",
    "kinds/daemonset-apps-v1",
    "kinds/deployment-apps-v1",
    "kinds/replicaset-apps-v1",
    "kinds/statefulset-apps-v1",
    "kinds/cronjob-batch-v1",
    "kinds/job-batch-v1",
    "kinds/horizontalpodautoscaler-autoscaling-v2",
    "kinds/poddisruptionbudget-policy-v1",
]


@needs_golden
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_answers_as_recorded(scenario: str) -> None:
    assert play(scenario) == []
