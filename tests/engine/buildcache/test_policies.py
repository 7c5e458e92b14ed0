"""builder.gc of daemon.json."""

from pathlib import Path
from typing import Any

import pytest

from sampan.engine.buildcache.policies import Policy, check, policies
from sampan.errors import Invalid


def test_without_settings_there_are_bounds() -> None:
    rules = policies({}, Path("/"))
    assert len(rules) == 4 and rules[-1].all and rules[-1].keep_bytes >= 2_000_000_000


def test_collection_can_be_turned_off() -> None:
    assert policies({"enabled": False}, Path("/")) == ()


def test_rules_as_dockerd_reads_them() -> None:
    gc = {
        "defaultKeepStorage": "20GB",
        "policy": [
            {"keepStorage": "10GB", "filter": ["type=regular", "unused-for=48h"]},
            {"all": True},
        ],
    }
    first, second = policies(gc, Path("/"))
    assert first.filters == ("type==regular",) and first.keep_bytes == 10 << 30
    assert first.keep_duration == pytest.approx(48 * 3600, abs=1)
    assert second == Policy(all=True, keep_bytes=20 << 30)


@pytest.mark.parametrize(
    "builder",
    [
        [],
        {"x": 1},
        {"gc": 1},
        {"gc": {"x": 1}},
        {"gc": {"defaultKeepStorage": "many"}},
        {"gc": {"defaultKeepStorage": [1]}},
        {"gc": {"policy": {}}},
        {"gc": {"policy": [1]}},
        {"gc": {"policy": [{"x": 1}]}},
        {"gc": {"policy": [{"filter": ["foo=1"]}]}},
        {"gc": {"policy": [{"filter": [1]}]}},
    ],
)
def test_what_cannot_be_read_is_refused(builder: Any) -> None:
    with pytest.raises(Invalid):
        check(builder)
