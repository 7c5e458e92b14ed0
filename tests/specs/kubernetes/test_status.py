import pytest

from sampan.specs.kubernetes import status
from sampan.specs.kubernetes.status import StatusError

QUESTIONS = (status.is_not_found, status.is_already_there, status.is_conflict, status.is_gone)


@pytest.mark.parametrize(
    ("error", "answers"),
    [
        (status.not_found("", "pods", "a"), (True, False, False, True)),
        (status.already_exists("", "pods", "a"), (False, True, False, True)),
        (status.conflict("", "pods", "a", "why"), (False, False, True, True)),
        (status.forbidden("", "pods", "a", "why"), (False, False, False, False)),
        (StatusError("", "a server that gives no reason", None, 404), (True, False, False, True)),
        (StatusError("", "a server that gives no reason", None, 409), (False, False, False, True)),
        (ValueError("no answer of a server"), (False, False, False, False)),
    ],
)
def test_what_a_failure_tells(error: Exception, answers: tuple[bool, ...]) -> None:
    assert tuple(question(error) for question in QUESTIONS) == answers
