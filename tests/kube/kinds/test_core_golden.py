"""The kinds of group core that are no pods, against what a real server answered."""

import pytest

from tests.kube.kinds.golden import needs_golden, play

SCENARIOS = [
    "validation/configmap",
    "validation/configmap-empty",
    "validation/configmap-meta",
    "validation/secret",
    "validation/secret-empty",
    "validation/service",
    "validation/service-empty",
    "validation/service-meta",
    "validation/serviceaccount",
    "validation/node",
    "validation/node-empty",
    "validation/namespace",
    "validation/namespace-empty",
    "validation/persistentvolume",
    "validation/persistentvolume-empty",
    "validation/persistentvolumeclaim",
    "validation/resourcequota",
    "validation/resourcequota-empty",
    "validation/limitrange",
    "validation/limitrange-empty",
    "validation/event",
    "validation/event-empty",
    "validation/endpoints",
    "defaults/service",
    "validation/immutable",
    "kinds/configmap-v1",
    "kinds/secret-v1",
    "kinds/service-v1",
    "kinds/node-v1",
    "kinds/namespace-v1",
    "kinds/persistentvolumeclaim-v1",
    "kinds/limitrange-v1",
    "kinds/event-v1",
    "kinds/endpoints-v1",
]


@needs_golden
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_answers_as_recorded(scenario: str) -> None:
    assert play(scenario) == []
