"""When jobs are due, and what becomes of those that were made."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.controllers.cronjobs import rules
from sampan.kube.controllers.cronjobs.timing import BadTiming, Timing, latest, missed, timing
from sampan.specs.kubernetes import time
from sampan.specs.kubernetes.crontimes import following

NOW = time.seconds("2027-01-15T08:00:30Z") or 0


def cronjob(status: Object | None = None, created: str = "2027-01-15T07:30:10Z", **spec: Any) -> Object:
    metadata = {"name": "c", "namespace": "n", "uid": "cron", "creationTimestamp": created}
    given = {"schedule": "0 * * * *", "jobTemplate": {"spec": {}}, **spec}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata,
        "spec": given,
        "status": status or {},
    }


def job(name: str, end: str = "", at: str = "2027-01-15T07:00:00Z", **metadata: Any) -> Object:
    conditions = [{"type": end, "status": "True"}] if end else []
    status = {
        "conditions": conditions,
        "startTime": at,
        **({"completionTime": at} if end == "Complete" else {}),
    }
    return {
        "metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": "1", **metadata},
        "status": status,
    }


def running(*names: str) -> Object:
    return {"active": [{"name": name, "namespace": "n", "uid": name} for name in names]}


EIGHT = "2027-01-15T08:00:00Z"
DUE: list[tuple[str, Object, str | None, list[str]]] = [
    ("a time has passed", cronjob(), EIGHT, []),
    ("none has since the last", cronjob({"lastScheduleTime": EIGHT}), None, []),
    ("none has since it was made", cronjob(created="2027-01-15T08:00:05Z"), None, []),
    ("of several the latest", cronjob({"lastScheduleTime": "2027-01-15T04:00:00Z"}), EIGHT, []),
    (
        "too many, and somebody is told",
        cronjob({"lastScheduleTime": "2027-01-15T04:00:00Z"}, schedule="* * * * *"),
        EIGHT,
        ["TooManyMissedTimes"],
    ),
    (
        "only those that may be made up for are counted",
        cronjob(
            {"lastScheduleTime": "2027-01-15T04:00:00Z"}, schedule="* * * * *", startingDeadlineSeconds=120
        ),
        EIGHT,
        [],
    ),
    ("too late for it", cronjob(startingDeadlineSeconds=10), None, []),
    ("one is running already", cronjob(running("x"), concurrencyPolicy="Forbid"), None, ["JobAlreadyActive"]),
    ("and may", cronjob(running("x"), concurrencyPolicy="Allow"), EIGHT, []),
    ("it was made, and only that is not written", cronjob(running("c-30000000")), None, []),
    ("in a time zone", cronjob(schedule="30 13 * * *", timeZone="Asia/Kolkata"), EIGHT, []),
    (
        "in the schedule's own",
        cronjob(schedule="TZ=Asia/Kolkata 30 13 * * *"),
        EIGHT,
        ["UnsupportedSchedule"],
    ),
]


@pytest.mark.parametrize(("_what", "value", "at", "told"), DUE, ids=[case[0] for case in DUE])
def test_a_job_is_due(_what: str, value: Object, at: str | None, told: list[str]) -> None:
    found = rules.due(value, timing(value), NOW)
    assert (None if found.at is None else time.text(found.at)) == at
    assert [one.reason for one in found.events] == told


def test_a_job_may_be_made_up_for_until_its_deadline() -> None:
    value, at = cronjob(startingDeadlineSeconds=30), time.seconds(EIGHT) or 0
    assert rules.due(value, timing(value), at + 29.5).at == at
    assert rules.due(value, timing(value), at + 30.5).at is None


def test_it_is_looked_again_just_after_the_next_time() -> None:
    value = cronjob({"lastScheduleTime": EIGHT})
    assert rules.due(value, timing(value), NOW).again == pytest.approx(3600 - 30 + 0.1)


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        (
            {"schedule": "x"},
            "UnparseableSchedule",
            'unparseable schedule: "x" : expected exactly 5 fields, found 1: [x]',
        ),
        (
            {"timeZone": "No/Where"},
            "UnknownTimeZone",
            'invalid timeZone: "No/Where": unknown time zone No/Where',
        ),
        (
            {"schedule": "59 23 31 2 *"},
            "InvalidSchedule",
            "invalid schedule: 59 23 31 2 * : time difference between two schedules is less than 1 second",
        ),
    ],
)
def test_a_schedule_may_be_none(spec: Object, reason: str, message: str) -> None:
    with pytest.raises(BadTiming) as caught:
        rules.due(cronjob(**spec), timing(cronjob(**spec)), NOW)
    assert (caught.value.reason, str(caught.value)) == (reason, message)


def test_the_status_follows_its_jobs() -> None:
    value = cronjob({**running("done", "bad", "on", "gone"), "lastSuccessfulTime": "2027-01-15T06:00:00Z"})
    jobs = [job("done", "Complete"), job("bad", "Failed"), job("on"), job("old", "Complete"), job("new")]
    found = rules.review(value, jobs, ["gone"])
    assert found.status == {**running("on"), "lastSuccessfulTime": "2027-01-15T07:00:00Z"}
    assert sorted(one.message for one in found.events) == [
        "Active job went missing: gone",
        "Saw a job that the controller did not create or forgot: new",
        "Saw completed job: bad, condition: Failed",
        "Saw completed job: done, condition: Complete",
    ]


def test_old_jobs_are_let_go() -> None:
    hours = [f"2027-01-15T0{hour}:00:00Z" for hour in range(5)]
    good = [job(f"good-{at[12]}", "Complete", at) for at in hours]
    bad = [job(f"bad-{at[12]}", "Failed", at) for at in hours]
    value = cronjob(successfulJobsHistoryLimit=3, failedJobsHistoryLimit=4)
    found = [one["metadata"]["name"] for one in rules.surplus(value, [*reversed(good), *bad, job("on")])]
    assert found == ["good-0", "good-1", "bad-0"]
    assert rules.surplus(cronjob(), good) == []


def test_a_job_is_made_from_the_template() -> None:
    template = {"metadata": {"labels": {"a": "b"}, "annotations": {"x": "y"}}, "spec": {"parallelism": 2}}
    value = cronjob(jobTemplate=template, timeZone="Asia/Kolkata")
    found = rules.job_of(value, timing(value), int(NOW) - 30)
    assert found["metadata"]["name"] == f"c-{int(NOW) // 60}"
    assert found["metadata"]["labels"] == {"a": "b"}
    assert found["metadata"]["annotations"] == {"x": "y", rules.SCHEDULED: "2027-01-15T13:30:00+05:30"}
    assert found["metadata"]["ownerReferences"][0]["uid"] == "cron"
    assert found["spec"] == {"parallelism": 2}
    utc = cronjob()
    assert rules.job_of(utc, timing(utc), int(NOW) - 30)["metadata"]["annotations"][rules.SCHEDULED] == EIGHT


@given(
    st.sampled_from(("* * * 1-6 *", "0 0 29 2 *", "*/7 3 * * 1", "* * * * *", "@every 7s")),
    st.integers(0, 3 * 366 * 86400),
    st.integers(0, 3 * 366 * 86400),
)
def test_the_latest_time_has_no_other_before_now(schedule: str, since: int, lasts: int) -> None:
    times, start = timing(cronjob(schedule=schedule)), NOW - since
    found = latest(times, start, start + lasts)
    first = times.after(start)
    if found is None:
        assert first is None or first > start + lasts
    else:
        later = times.after(found)
        assert start < found <= start + lasts and (later is None or later > start + lasts)


def test_the_latest_of_very_many_is_found_in_a_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the first two lie six months, and after them half a year of minutes."""
    asked = 0

    def count(self: Timing, seconds: float) -> int | None:
        nonlocal asked
        asked += 1
        return following(self.schedule, seconds, self.zone)

    monkeypatch.setattr(Timing, "after", count)
    late = cronjob({"lastScheduleTime": "2025-06-30T23:58:00Z"}, schedule="* * * 1-6 *")
    found = missed(late, timing(late), time.seconds("2026-06-30T12:00:30Z") or 0, deadline=False)
    assert found.latest == time.seconds("2026-06-30T12:00:00Z")
    assert asked < 100


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00Z", "1000-06-01T00:00:00Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("schedule", ["* * * * *", "0 0 30 2 *", "@every 1h"])
def test_a_time_that_nobody_expects_is_borne(stamp: str, schedule: str) -> None:
    odd = cronjob({"lastScheduleTime": stamp}, schedule=schedule)
    try:
        rules.due(odd, timing(odd), NOW)
    except BadTiming as error:
        assert error.reason == "InvalidSchedule"
