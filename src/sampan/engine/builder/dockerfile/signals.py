"""Signals as STOPSIGNAL takes them: 9, KILL, SIGKILL, SIGRTMIN+3."""

import re
import signal

from sampan.errors import Invalid

# Between RTMIN and RTMAX lie 30 signals: Go's table counts from both ends to the middle.
_REALTIME = re.compile(r"RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?")


def parse_signal(text: str) -> str:
    """The signal as given, checked to be one. Raises Invalid."""
    name = text.upper().removeprefix("SIG")
    if re.fullmatch(r"[+-]?[0-9]{1,9}", text, re.ASCII):
        known = int(text) != 0
    else:
        known = f"SIG{name}" in signal.Signals.__members__ or _REALTIME.fullmatch(name) is not None
    if not known:
        raise Invalid(f"invalid signal: {text}")
    return text
