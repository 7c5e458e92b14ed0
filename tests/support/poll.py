"""Waiting for a condition, with a deadline: the tests' only way to wait."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], what: str, *, seconds: float = 20, every: float = 0.02) -> T:
    """The first true value of `condition`; AssertionError naming `what` when none came in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what} (last: {value!r})")
        time.sleep(every)


async def until_async(condition: Callable[[], T], what: str, *, seconds: float = 20) -> T:
    """The same while a loop goes on."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what} (last: {value!r})"
        await asyncio.sleep(0.01)
    return value
