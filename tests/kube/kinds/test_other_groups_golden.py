"""The kinds of all groups that have no pods in them, against what a real server answered."""

import pytest

from tests.kube.kinds.golden import needs_golden, play

SCENARIOS = [
    "validation/apiservice",
    "validation/apiservice-empty",
    "validation/csidriver",
    "validation/csidriver-empty",
    "validation/csinode-empty",
    "validation/csistoragecapacity-empty",
    "validation/deviceclass-empty",
    "validation/endpointslice",
    "validation/endpointslice-empty",
    "validation/flowschema",
    "validation/flowschema-empty",
    "validation/ingressclass",
    "validation/ipaddress",
    "validation/ipaddress-empty",
    "validation/lease",
    "validation/lease-empty",
    "validation/mutatingwebhookconfiguration-empty",
    "validation/networkpolicy",
    "validation/networkpolicy-empty",
    "validation/priorityclass",
    "validation/priorityclass-empty",
    "validation/prioritylevelconfiguration",
    "validation/prioritylevelconfiguration-empty",
    "validation/resourceclaim",
    "validation/resourceclaimtemplate-empty",
    "validation/resourceslice-empty",
    "validation/runtimeclass",
    "validation/servicecidr",
    "validation/storageclass",
    "validation/storageclass-empty",
    "validation/validatingadmissionpolicy",
    "validation/validatingadmissionpolicy-empty",
    "validation/validatingadmissionpolicybinding",
    "validation/validatingadmissionpolicybinding-empty",
    "validation/validatingwebhookconfiguration",
    "validation/volumeattachment",
    "validation/volumeattributesclass-empty",
    "defaults/others",
    "kinds/csidriver-storage-v1",
    "kinds/csinode-storage-v1",
    "kinds/csistoragecapacity-storage-v1",
    "kinds/deviceclass-resource-v1",
    "kinds/endpointslice-discovery-v1",
    "kinds/flowschema-flowcontrol.apiserver-v1",
    "kinds/ingress-networking-v1",
    "kinds/ipaddress-networking-v1",
    "kinds/lease-coordination-v1",
    "kinds/mutatingwebhookconfiguration-admissionregistration-v1",
    "kinds/networkpolicy-networking-v1",
    "kinds/prioritylevelconfiguration-flowcontrol.apiserver-v1",
    "kinds/resourceclaim-resource-v1",
    "kinds/resourceclaimtemplate-resource-v1",
    "kinds/resourceslice-resource-v1",
    "kinds/runtimeclass-node-v1",
    "kinds/storageclass-storage-v1",
    "kinds/validatingadmissionpolicy-admissionregistration-v1",
    "kinds/validatingadmissionpolicybinding-admissionregistration-v1",
    "kinds/volumeattachment-storage-v1",
    "kinds/volumeattributesclass-storage-v1",
]


@needs_golden
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_answers_as_recorded(scenario: str) -> None:
    assert play(scenario) == []
