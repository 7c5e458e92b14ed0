"""Versions in the order in which they are preferred."""

from sampan.specs.kubernetes.apiversions import order

WORDS = "v10 v2 v1 v11beta2 v10beta3 v3beta1 v12alpha1 v11alpha2 foo1 foo10 v01 v1beta01"


def test_versions_are_ordered_by_their_stage_and_numbers() -> None:
    wanted = WORDS.split()
    mixed = wanted[6:] + wanted[:6]
    assert sorted(mixed, key=order) == wanted
