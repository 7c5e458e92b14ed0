"""Why a step was not taken from the cache: its components against those of the likest earlier step. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from sampan.builder.solve.cache.records import Details

MAX_VALUE = 60  # characters of a value that are shown
MAX_REASONS = 4


@dataclass(frozen=True, kw_only=True)
class Step:
    """The step to explain. `names` says of each input what it is: "image busybox", "stage build", ""."""

    components: Mapping[str, str]
    summaries: Mapping[str, bytes] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    arguments: frozenset[str] = frozenset()  # the variables that are ARG, not ENV


def likest(step: Step, earlier: Sequence[Details]) -> Details | None:
    """The one with most in common; of several the first."""
    return max(earlier, key=lambda details: _likeness(step, details), default=None)


def _likeness(step: Step, details: Details) -> tuple[bool, int]:
    equal = sum(details.components.get(name) == value for name, value in step.components.items())
    same = all(
        details.components.get(name) == step.components.get(name)
        for name in step.components
        if name.startswith(("command", "action."))
    )
    return same, 2 * equal - len(details.components)


def differences(step: Step, before: Details, changed_files: Callable[[bytes, bytes], str]) -> list[str]:
    """What is not as it was, in words, the most telling first. `changed_files` compares two summaries."""
    found: list[tuple[int, str]] = []
    for name in sorted({*step.components, *before.components}):
        old, new = before.components.get(name), step.components.get(name)
        if old != new:
            found.append(_difference(step, before, name, old, new, changed_files))
    return [text for _, text in sorted(found, key=lambda item: item[0])]


def reason(step: Step, before: Details, changed_files: Callable[[bytes, bytes], str]) -> str:
    """One line. An instruction that reads differently is the whole answer."""
    found = list(dict.fromkeys(differences(step, before, changed_files)))
    if not found:
        return "what it made is not there any more"
    more = len(found) - MAX_REASONS
    return ", ".join(found[:MAX_REASONS]) + (f", and {more} more" if more > 0 else "")


def _difference(
    step: Step,
    before: Details,
    name: str,
    old: str | None,
    new: str | None,
    changed_files: Callable[[bytes, bytes], str],
) -> tuple[int, str]:
    """(rank, words)."""
    kind, _, rest = name.partition(".")
    if kind == "variable":
        what = f"argument {rest}" if rest in step.arguments else f"variable {rest}"
        return 1, _changed(what, old, new)
    if kind == "files":
        words = changed_files(before.summaries.get(name, b""), step.summaries.get(name, b""))
        return 2, words or f"the files {_origin(step, name)}changed"
    if kind in ("base", "input"):
        return 4, _input(step, name)
    if kind in ("command", "action", "kind", "stdin"):
        if kind == "action" and old and new:
            return 0, _action(old, new)
        return 0, "instruction changed"
    if kind == "mount":
        return 0, "a mount changed" if old and new else f"a mount was {'added' if new else 'removed'}"
    if kind == "epoch":
        return 3, _changed("the time files are clamped to (SOURCE_DATE_EPOCH, or the base image's)", old, new)
    return 3, _changed(_PLAIN.get(kind, kind), old, new)


_PLAIN = {
    "directory": "the working directory",
    "user": "the user",
    "network": "the network",
    "security": "the security mode",
    "hostname": "the host name",
    "hosts": "the names of --add-host",
    "platform": "the platform",
}


def _input(step: Step, name: str) -> str:
    found = step.names.get(name, "")
    if found.startswith("image "):
        return f"base {found} changed" if name == "base" else f"{found} changed"
    if found:
        return f"{found} changed"
    return "an earlier step changed"


def _origin(step: Step, name: str) -> str:
    found = step.names.get(name, "")
    return f"from {found} " if found else ""


def _action(old: str, new: str) -> str:
    before, after = orjson.loads(old), orjson.loads(new)
    keys = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    if keys == ["data"]:
        return f"the text of {after.get('dest', '')}{after.get('name', '')} changed"
    if len(keys) == 1 and keys[0] in ("chown", "chmod"):
        return _changed(f"--{keys[0]}", before.get(keys[0]), after.get(keys[0]))
    return "instruction changed"


def _changed(what: str, old: str | None, new: str | None) -> str:
    if not old:
        return f"{what} was not set, now is {_short(new)}"
    if not new:
        return f"{what} was {_short(old)}, now is not set"
    return f"{what} changed from {_short(old)} to {_short(new)}"


def _short(value: str | None) -> str:
    text = str(value)
    if not text.isprintable() or " " in text:
        text = repr(text)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 3] + "..."
