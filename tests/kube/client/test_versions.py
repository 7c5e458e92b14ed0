"""Whether an informer shows what was written."""

from sampan.kube.client.requests import Object
from sampan.kube.client.versions import Versions


def job(version: str) -> Object:
    return {"metadata": {"namespace": "n", "name": "j", "resourceVersion": version}}


def test_what_is_older_than_the_last_write_is_behind() -> None:
    versions = Versions(lambda: 0.0)
    assert not versions.is_behind(job("5"))
    versions.wrote(job("10"))
    assert versions.is_behind(job("9"))
    assert not versions.is_behind(job("10"))
    versions.wrote(job("20"))
    assert not versions.is_behind(job("100"))
    versions.wrote(job("200"))
    versions.forget("n/j")
    assert not versions.is_behind(job("100"))


def test_a_version_that_is_no_number_is_never_waited_for() -> None:
    versions = Versions(lambda: 0.0)
    versions.wrote(job("abc"))
    assert not versions.is_behind(job("1"))


def test_versions_that_have_gone_back_are_not_waited_for_for_ever() -> None:
    times = iter((0.0, 299.0, 301.0))
    versions = Versions(lambda: next(times))
    versions.wrote(job("10"))
    assert versions.is_behind(job("1"))
    assert not versions.is_behind(job("1"))
