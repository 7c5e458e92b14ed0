"""Which name was probably meant."""

import pytest

from sampan.builder.dockerfile.suggest import did_you_mean, suggest

KNOWN = ("RUN", "ENV", "FROM", "COPY", "ADD", "ARG", "EXPOSE")


@pytest.mark.parametrize(
    ("name", "match"),
    [("RNU", "RUN"), ("FORM", "FROM"), ("EXPOS", "EXPOSE"), ("COPPY", "COPY"), ("INCLUDE", ""), ("RUN", "")],
)
def test_the_nearest_name(name: str, match: str) -> None:
    assert suggest(name, KNOWN) == match


def test_the_suggestion_is_in_the_case_of_what_was_written() -> None:
    assert suggest("rnu", KNOWN, any_case=True) == "run"
    assert suggest("RNU", KNOWN, any_case=True) == "RUN"
    assert suggest("run", KNOWN, any_case=True) == ""


def test_the_sentence_stays_as_it_is_without_a_suggestion() -> None:
    assert did_you_mean("unknown flag: xyz", "xyz", ["from"]) == "unknown flag: xyz"
    assert did_you_mean("unknown flag: form", "form", ["from"]) == "unknown flag: form (did you mean from?)"
