"""What is printed when a build has ended: warnings, why it failed, and the shell to examine it."""

from __future__ import annotations

import binascii
import sys

from sampan.cli import gojson
from sampan.cli.build.plain import elapsed
from sampan.cli.build.printable import printable, printable_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.build.state import State

SHOWN_LINES = 10  # of a failed step's output


def failure(error: Any, state: State | None, program: str) -> str:
    """The end of a build that failed, for stderr; `error` is the stream's last message."""
    parts = []
    if state is not None:
        step = state.steps.get(error.get("vertex") or "") or state.failed()
        if step is not None:
            lines = [f"{elapsed(at - step.started)} {line}\n" for at, line in step.lines[-SHOWN_LINES:]]
            parts.append(f"------\n > {step.name}:\n{''.join(lines)}------\n")
    if error.get("excerpt"):
        parts.append(printable_lines(error["excerpt"]) + "\n")
    words = "failed to solve: " if error.get("solving", True) else ""
    parts.append(f"ERROR: {words}{printable_lines(error['message'])}\n")
    if error.get("hint"):
        parts.append(f"Hint: {printable_lines(error['hint'])}\n")
    if error.get("snapshot"):
        parts.append(f"\nA shell in the state it failed in:\n    {program} build shell {error['snapshot']}\n")
    return "".join(parts)


def warnings(state: State) -> str:
    """The rules that the Dockerfile breaks, a line each."""
    if not state.warnings:
        return ""
    count = len(state.warnings)
    lines = [f"\n {count} warning{'' if count == 1 else 's'} found:"]
    for warning in state.warnings:
        lines.append(f" - {_text(warning.get('short'))}")
    return "\n".join(lines) + "\n"


def _text(data: str | None) -> str:
    try:
        return printable(binascii.a2b_base64(data or ""))
    except binascii.Error:
        return ""


def explanations(state: State) -> str:
    """--explain: a line or more for each step."""
    lines = []
    for item in state.explanations:
        step = state.steps.get(item["vertex"])
        name = step.name if step is not None else item["vertex"]
        lines.append(f"{'cached' if item.get('cached') else 'built '}  {name}")
        lines += [
            f"        {line}" for line in printable_lines(str(item.get("reason") or "")).split("\n") if line
        ]
    return "\n".join(lines) + "\n" if lines else ""


def metadata(result: Any, ref: str) -> str:
    """--metadata-file: what the exporters say, with documents as such rather than in base64."""
    found: dict[str, Any] = {"sampan.build.ref": ref}
    for name, text in (result.get("exporter") or {}).items():
        found[name] = _document(text)
    return gojson.indent(gojson.dumps(found, sort=True), "", "  ")


def _document(text: str) -> Any:
    """Objects come in base64."""
    try:
        value = gojson.loads(binascii.a2b_base64(text.encode("ascii"), strict_mode=True))
    except (ValueError, UnicodeEncodeError):
        return text
    return value if isinstance(value, dict) else text


def answer(options: Any, found: Any) -> int:
    """--check, --call: the daemon's answer, as JSON with --call=...,format=json. The exit status."""
    wants_json = "format=json" in str(options["call"])
    text = found.get("result.json" if wants_json else "result.txt") or found.get("result.txt") or ""
    if not wants_json and (options["check"] or str(options["call"]).startswith(("check", "lint"))):
        problem = found.get("result.error.txt") or ""
        text = _checked(found.get("result.json") or "{}", bool(problem)) + text
        text += f"\n{problem}" if text and problem else problem
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
    status = str(found.get("result.statuscode") or "0")
    return int(status) if status.isdigit() else 1


def _checked(document: str, failed: bool) -> str:
    try:
        count = len(gojson.loads(document).get("warnings") or ())
    except ValueError:
        return ""
    if not count:
        return "" if failed else "Check complete, no warnings found.\n"
    return f"Check complete, {count} warning{' has' if count == 1 else 's have'} been found!\n"
