"""The one order of what stands in Endpoints."""

from typing import Any

from sampan.specs.kubernetes import endpoints

A, B, C = ({"ip": f"192.0.2.{number}"} for number in (1, 2, 3))
HTTP, OTHER = (
    {"name": "http", "port": 80, "protocol": "TCP"},
    {"name": "other", "port": 81, "protocol": "TCP"},
)


def test_packing_is_stable() -> None:
    subsets: list[dict[str, Any]] = [
        {"addresses": [A, B], "ports": [OTHER, HTTP]},
        {"addresses": [C], "notReadyAddresses": [A], "ports": [OTHER]},
    ]
    packed = endpoints.repack(subsets)
    assert endpoints.repack(packed) == packed == endpoints.repack(subsets[::-1])


def test_subsets_are_ordered_by_what_upstream_would_print_of_them() -> None:
    address = {**A, "nodeName": "n", "targetRef": {"kind": "Pod", "uid": "u"}}
    assert endpoints._shown_subset({"addresses": [address], "ports": [HTTP]}) == (
        "(core.EndpointSubset){Addresses:([]core.EndpointAddress)[{IP:(string)192.0.2.1 Hostname:(string) "
        "NodeName:(*string)n TargetRef:(*core.ObjectReference){Kind:(string)Pod Namespace:(string) "
        "Name:(string) UID:(types.UID)u APIVersion:(string) ResourceVersion:(string) FieldPath:(string)}}] "
        "NotReadyAddresses:([]core.EndpointAddress)<nil> Ports:([]core.EndpointPort)[{Name:(string)http "
        "Port:(int32)80 Protocol:(core.Protocol)TCP AppProtocol:(*string)<nil>}]}"
    )
