"""Commands that do one thing to each of several objects: print what worked, report what did not."""

from __future__ import annotations

from sampan.cli.errors import ApiError, CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.cli.http import Client, Query, Response

_AT_ONCE = 50


def for_each(names: list[str], act: Callable[[str], object], *, show: bool = True) -> int:
    """One after the other. Raises CliError with all failures together, after everything was tried."""
    failures: list[str] = []
    for name in names:
        try:
            act(name)
        except ApiError as error:
            failures.append(error.message)
            continue
        if show:
            print(name)
    return _report(failures)


def all_at_once(
    client: Client,
    names: list[str],
    request: Callable[[str], tuple[str, str, Query | None]],
    failed: Callable[[ApiError], ApiError | None] = lambda error: error,
) -> int:
    """As for_each, with up to 50 requests under way. `failed` may replace a failure or forgive it."""
    if len(names) == 1:  # no version to agree on first: one round trip less
        method, path, query = request(names[0])
        return _finish(names, [lambda: client.request(method, path, query)], failed)
    failures: list[str] = []
    for start in range(0, len(names), _AT_ONCE):
        batch = names[start : start + _AT_ONCE]
        try:
            _finish(batch, [client.begin(*request(name)) for name in batch], failed)
        except CliError as error:
            failures.append(error.message)
    return _report(failures)


def _finish(
    names: list[str],
    answers: list[Callable[[], Response]],
    failed: Callable[[ApiError], ApiError | None],
) -> int:
    failures: list[str] = []
    for name, answer in zip(names, answers, strict=True):
        try:
            answer().read()
        except ApiError as error:
            rest = failed(error)
            if rest is not None:
                failures.append(rest.message)
            continue
        print(name)
    return _report(failures)


def _report(failures: list[str]) -> int:
    if failures:
        raise CliError("\n".join(failures))
    return 0
