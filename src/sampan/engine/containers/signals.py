"""Signal names and numbers, as a user may write them: 9, KILL, SIGKILL, rtmin+3."""

import signal

from sampan.errors import Invalid

# Signal 34 is Docker's RTMIN: glibc keeps 32 and 33 for itself.
RTMIN, RTMAX = 34, 64
NAMES = {
    s.name.removeprefix("SIG"): s.value for s in signal.Signals if s.name not in ("SIGRTMIN", "SIGRTMAX")
}
NAMES |= {"CLD": signal.SIGCHLD.value, "POLL": signal.SIGIO.value, "IOT": signal.SIGABRT.value, "STKFLT": 16}
NAMES |= {"UNUSED": 31, "RTMIN": RTMIN, "RTMAX": RTMAX}
NAMES |= {f"RTMIN+{n}": RTMIN + n for n in range(1, 16)}
NAMES |= {f"RTMAX-{n}": RTMAX - n for n in range(1, 15)}


def parse(text: str) -> int:
    """Raises Invalid in Docker's words."""
    if text.isascii() and text.isdigit():
        number = int(text)
        if 0 < number <= RTMAX:
            return number
        raise Invalid(f"invalid signal: {text}")
    try:
        return NAMES[text.upper().removeprefix("SIG")]
    except KeyError:
        raise Invalid(f"invalid signal: {text}") from None


def name_of(number: int) -> str:
    return next((name for name, value in NAMES.items() if value == number), str(number))
