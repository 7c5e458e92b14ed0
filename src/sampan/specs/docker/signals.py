"""Names and numbers of signals as people write them: 9, KILL, SIGKILL, rtmin+3. Pure; moby/sys/signal."""

import signal

from sampan.errors import Invalid
from sampan.specs.golang.numbers import atoi

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
    """As moby's ParseSignal, which takes any number but 0. Raises Invalid in its words."""
    try:
        number = atoi(text)
    except Invalid:
        number = NAMES.get(text.upper().removeprefix("SIG"), 0)
    if number == 0:
        raise Invalid(f"invalid signal: {text}")
    return number


def deliverable(text: str) -> int:
    """One that kill(2) takes. Raises Invalid."""
    number = parse(text)
    if not 0 < number <= RTMAX:
        raise Invalid(f"invalid signal: {text}")
    return number


def name_of(number: int) -> str:
    """Without SIG, as "KILL" or "RTMIN+3"; a number that is no signal's as it is."""
    return next((name for name, value in NAMES.items() if value == number), str(number))
