"""What --runtime-config switches off, and what it may not say."""

import pytest

from sampan.errors import Invalid
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.runtimeconfig import pairs, switched_off
from sampan.kube.kinds.resource import Resource
from sampan.kube.kinds.table import builtin_resources

RESOURCES = [
    Resource("A", "as", group="one"),
    Resource("B", "bs", group="one"),
    Resource("A", "as", group="one", version="v1beta1"),
    Resource("C", "cs", group="two", version="v2"),
    Resource("D", "ds"),
]
ALL = {(one.group, one.version, one.plural) for one in RESOURCES}


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("", ""),
        ("one/v1=false", "one/v1/as one/v1/bs"),
        ("one/v1/bs=false", "one/v1/bs"),
        ("/v1=false", "/v1/ds"),
        ("api/beta=false", "one/v1beta1/as"),
        ("api/all=false,two/v2=true", "one/v1/as one/v1/bs one/v1beta1/as /v1/ds"),
        ("two/v2,api/all=false", "one/v1/as one/v1/bs one/v1beta1/as /v1/ds"),
        ("api/ga=true,api/all=false", "one/v1beta1/as"),
        ("one/v1=false,one/v1/bs=true", "one/v1/as"),
        ("one/v1/bs=T,one/v1=0", "one/v1/as"),
        ("api/all=true", ""),
    ],
)
def test_what_is_switched_off(text: str, off: str) -> None:
    assert {"/".join(one) for one in switched_off(pairs(text), RESOURCES)} == set(off.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("three/v1=false", "unknown api groups three"),
        ("one/v3=false", "group version one/v3 that has not been registered"),
        ("/v3=false", "group version v3 that has not been registered"),
        ("v1=false", "runtime-config invalid key v1"),
        ("a/b/c/d", "runtime-config invalid key a/b/c/d"),
        (
            "one/v1=maybe",
            'invalid value of one/v1: maybe, err: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        ("api/ga=yes", "invalid value api/ga=yes"),
        ("api/all=false", "invalid key with only api/all=false"),
        ("api/alpha=true", "api/alpha=true: this server has no such versions"),
        ("one/v1/zs=false", "invalid key one/v1/zs: there is no such resource"),
    ],
)
def test_what_it_may_not_say(text: str, said: str) -> None:
    with pytest.raises(Invalid) as raised:
        switched_off(pairs(text), RESOURCES)
    assert str(raised.value) == said


def test_the_server_itself_still_knows_what_it_does_not_serve() -> None:
    resources = builtin_resources()
    catalog = Catalog(resources, switched_off(pairs("batch/v1=false,apps/v1/daemonsets=false"), resources))
    assert "batch" not in catalog.groups and catalog.find("batch", "v1", "jobs") is None
    assert catalog.find("apps", "v1", "daemonsets") is None and catalog.find("apps", "v1", "deployments")
    assert catalog.by_name("jobs.batch") is not None
    catalog.replace_custom([])
    assert "batch" not in catalog.groups and "jobs.batch" in {one.resource.name for one in catalog.known()}
