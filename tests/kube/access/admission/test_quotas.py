"""A namespace uses no more than its quotas allow."""

import asyncio

import pytest

from sampan.kube.access.admission.quotas import CONTROLLER, ResourceQuota
from sampan.kube.access.admission.underway import LASTS
from sampan.kube.access.user import User
from sampan.specs.kubernetes import status
from tests.kube.access.admission.writes import cluster, passes, pod, refusal, write


def quota(name="q", hard=None, used=None, **spec):
    value = {
        "metadata": {"name": name, "namespace": "ns"},
        "spec": spec,
        "status": {"hard": hard or {}, "used": used if used is not None else dict.fromkeys(hard or {}, "0")},
    }
    return ("resourcequotas", value)


class Kept:
    """Writes into a cluster what was charged; somebody else comes before it some times."""

    def __init__(self, reader, others=0):
        self.reader = reader
        self.others = others
        self.plugin = ResourceQuota(self.charge)

    async def charge(self, old, used):
        await asyncio.sleep(0)
        name = old["metadata"]["name"]
        if self.others:
            self.others -= 1
            raise status.conflict("", "resourcequotas", name, "changed")
        now = self.reader.get("resourcequotas", "ns", name)
        assert now["status"]["used"] == old["status"]["used"]
        self.reader.put("resourcequotas", {**now, "status": {**now["status"], "used": used}})

    def used(self, name="q"):
        return self.reader.get("resourcequotas", "ns", name)["status"]["used"]


def asking(**resources):
    return pod(containers=[{"name": "c", "resources": resources}])


def named(name, **rest):
    return {"metadata": {"name": name}, **rest}


async def test_what_is_used_is_counted():
    kept = Kept(cluster(quota(hard={"pods": "2", "requests.cpu": "1"})))
    await passes(kept.plugin, kept.reader, "pods", asking(requests={"cpu": "600m"}))
    assert kept.used() == {"pods": "1", "requests.cpu": "600m"}
    why = await refusal(kept.plugin, kept.reader, "pods", asking(requests={"cpu": "600m"}))
    assert (
        why
        == "exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1"
    )
    assert kept.used() == {"pods": "1", "requests.cpu": "600m"}


@pytest.mark.parametrize(
    ("found", "new", "why"),
    [
        (
            quota(hard={"limits.memory": "1", "requests.cpu": "1"}),
            pod(),
            "failed quota: q: must specify limits.memory for: c; requests.cpu for: c",
        ),
        (
            quota(hard={"pods": "1", "cpu": "1"}, used={}),
            asking(requests={"cpu": "1"}),
            "status unknown for quota: q, resources: cpu,pods",
        ),
        (
            quota(hard={"pods": "0", "memory": "1", "services": "0"}),
            asking(requests={"memory": "2"}),
            "exceeded quota: q, requested: memory=2,pods=1, used: memory=0,pods=0, limited: memory=1,pods=0",
        ),
    ],
)
async def test_refusals(found, new, why):
    kept = Kept(cluster(found))
    assert await refusal(kept.plugin, kept.reader, "pods", new) == why


async def test_what_no_quota_counts_passes():
    kept = Kept(cluster(quota(hard={"pods": "0"}, scopes=["Terminating"]), quota("r", hard={"secrets": "0"})))
    await passes(kept.plugin, kept.reader, "pods", pod())
    await passes(kept.plugin, kept.reader, "events", named("e"))
    await passes(kept.plugin, kept.reader, "secrets", named("s"), named("s"))
    await passes(kept.plugin, kept.reader, "nodes", named("n"))
    assert kept.used() == {"pods": "0"}


async def test_an_update_is_charged_for_what_it_adds():
    kept = Kept(
        cluster(
            quota(
                hard={"services.nodeports": "3", "services": "1"},
                used={"services.nodeports": "1", "services": "1"},
            )
        )
    )
    old = named("s", spec={"type": "NodePort", "ports": [{}]})
    new = named("s", spec={"type": "NodePort", "ports": [{}, {}]})
    await passes(kept.plugin, kept.reader, "services", new, old)
    assert kept.used() == {"services.nodeports": "2", "services": "1"}
    await passes(kept.plugin, kept.reader, "services", old, new)
    assert kept.used() == {"services.nodeports": "2", "services": "1"}


async def test_a_dry_run_is_judged_and_not_counted():
    kept = Kept(cluster(quota(hard={"pods": "1"})))
    request = write(kept.reader, "pods", pod())
    request.dry_run = True
    await kept.plugin.validate(request)
    assert kept.used() == {"pods": "0"}


async def test_it_is_counted_again_when_somebody_was_faster():
    kept = Kept(cluster(quota(hard={"pods": "1"})), others=2)
    await passes(kept.plugin, kept.reader, "pods", pod())
    assert kept.used() == {"pods": "1"}
    with pytest.raises(status.StatusError) as caught:
        await passes(
            Kept(cluster(quota(hard={"pods": "9"})), others=9).plugin,
            cluster(quota(hard={"pods": "9"})),
            "pods",
            pod(),
        )
    assert caught.value.code == 409


async def test_no_two_writes_take_the_last_place():
    kept = Kept(cluster(quota(hard={"pods": "3"})))
    requests = [write(kept.reader, "pods", pod()) for _ in range(8)]
    done = await asyncio.gather(*(kept.plugin.validate(one) for one in requests), return_exceptions=True)
    assert [one is None for one in done].count(True) == 3
    assert kept.used() == {"pods": "3"}


class Counting:
    """What the quota's controller writes, after others have written more than it has heard of."""

    def __init__(self):
        self.kept = Kept(cluster(quota(hard={"pods": "9"})))
        self.kept.plugin = ResourceQuota(self.kept.charge, lambda: self.now)
        self.now = 1000.0

    async def create(self, name):
        """Charged; written when what is returned is called."""
        value = {**pod(), "metadata": {"name": name, "namespace": "ns"}}
        request = await passes(self.kept.plugin, self.kept.reader, "pods", value)

        def end(there=True):
            with request.writing():
                if there:
                    self.kept.reader.put(
                        "pods", {**value, "metadata": {**value["metadata"], "resourceVersion": "7"}}
                    )

        return end

    async def count(self, used, user=CONTROLLER):
        old = self.kept.reader.get("resourcequotas", "ns", "q")
        new = {
            **old,
            "spec": {"hard": {"pods": "9"}},
            "status": {"hard": {"pods": "9"}, "used": {"pods": used}},
        }
        old = {**old, "spec": new["spec"]}
        request = write(self.kept.reader, "resourcequotas", new, old, "status")
        request.user = User(user)
        await self.kept.plugin.mutate(request)
        return request.object["status"]["used"]["pods"]


async def test_the_controller_counts_no_less_than_there_is():
    world = Counting()
    first, second = await world.create("a"), await world.create("b")
    assert await world.count("0") == "2", "both are under way"
    first()
    assert await world.count("0") == "2", "one is there, one under way"
    second(there=False)
    assert await world.count("0") == "1", "the other has failed"
    assert await world.count("5") == "5", "it may have counted more"
    world.kept.reader.remove("pods", "ns", "a")
    assert await world.count("0") == "0", "what has gone is used no more"


async def test_others_write_what_they_like_into_a_quota():
    world = Counting()
    await world.create("a")
    assert await world.count("0", "joe") == "0"


async def test_what_everybody_has_heard_of_is_not_counted_again():
    world = Counting()
    (await world.create("a"))()
    world.now += LASTS
    assert await world.count("0") == "0"
