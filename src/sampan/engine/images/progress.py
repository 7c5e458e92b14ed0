"""The JSON lines of Docker's long-running image requests: status, progress, and the error at the end."""

from collections.abc import Awaitable, Callable
from typing import Any

from sampan.specs.golang.units import human_size

Line = dict[str, Any]
Send = Callable[[Line], Awaitable[None]]

WIDTH = 50


def status(text: str, id: str = "") -> Line:
    """Clients redraw one line for each `id`, a layer's most often, and print those without one below each
    other.
    """
    return {"status": text, "id": id} if id else {"status": text}


def stream(text: str) -> Line:
    return {"stream": text}


def progress(text: str, id: str, current: int, total: int) -> Line:
    """Old clients print "progress" as it is, newer ones draw their own bar from "progressDetail"."""
    return {
        "status": text,
        "progressDetail": {"current": current, "total": total},
        "progress": bar(current, total),
        "id": id,
    }


def bar(current: int, total: int) -> str:
    filled = min(WIDTH, current * WIDTH // total) if total > 0 else WIDTH
    arrow = "=" * max(0, filled - 1) + ">" if filled else ">"
    return f"[{arrow:<{WIDTH}}]  {human_size(current)}/{human_size(total)}"


def error(message: str) -> Line:
    """The last line after a status of 200 is out: old clients read "error", newer ones "errorDetail"; both
    then fail.
    """
    return {"errorDetail": {"message": message}, "error": message}
