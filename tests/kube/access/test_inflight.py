"""Bounds of requests at once, and who is served in any case."""

from contextlib import ExitStack

import pytest

from sampan.kube.access.inflight import Limits
from sampan.kube.access.user import User
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.support import asks

JANE = User("jane", groups=("system:authenticated",))


@pytest.fixture
def full():
    limits = Limits(2, 1)
    with ExitStack() as stack:
        for asked in (asks(JANE, "get", "pods"), asks(JANE, "list", "pods"), asks(JANE, "create", "pods")):
            stack.enter_context(limits.admit(asked))
        yield limits
    assert limits.running == {True: 0, False: 0}


@pytest.mark.parametrize(
    "asked",
    [asks(JANE, "get", "pods"), asks(JANE, "get", path="/version"), asks(JANE, "delete", "pods")],
)
def test_one_too_many_is_sent_away(full, asked):
    with pytest.raises(StatusError) as caught, full.admit(asked):
        pass
    assert (caught.value.code, caught.value.details) == (429, {"retryAfterSeconds": 1})


@pytest.mark.parametrize(
    "asked",
    [
        asks(JANE, "watch", "pods"),
        asks(JANE, "create", "pods/exec"),
        asks(JANE, "update", "leases.coordination.k8s.io"),
        asks(JANE, "get", path="/livez/ping"),
        asks(User("a", groups=("system:masters",)), "get", "pods"),
        asks(User("system:node:n", groups=("system:nodes",)), "patch", "nodes/status"),
        asks(User("system:kube-scheduler"), "create", "pods/binding"),
    ],
)
def test_these_are_served_in_any_case(full, asked):
    with full.admit(asked):
        pass


def test_a_request_that_fails_is_counted_no_longer():
    limits = Limits(1, 1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), limits.admit(asks(JANE, "get", "pods")):
            raise ZeroDivisionError


def test_zero_is_no_limit():
    limits = Limits(0, 0)
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(limits.admit(asks(JANE, "create", "pods")))
