"""How much may be spent on one pod's devices, and what stops the search for them."""

from sampan.errors import SampanError

STEPS = 200_000  # devices looked at: half a second
COST = 1_000_000  # of expressions evaluated, in CEL's units: one selector at its dearest


class Unworkable(SampanError):
    """Something is wrong with a claim or a class, so that no node can be told to do or not."""


class Exhausted(SampanError):
    """All that may be spent has been."""


class Effort:
    """Upstream stops after ten seconds for each node; here nothing else runs meanwhile."""

    __slots__ = ("cost", "exhausted", "steps")

    def __init__(self, steps: int = STEPS, cost: int = COST) -> None:
        self.steps = steps
        self.cost = cost
        self.exhausted = False

    def step(self, number: int = 1) -> None:
        """Raises Exhausted."""
        self.steps -= number
        if self.steps < 0 or self.cost < 0:
            self.exhausted = True
            raise Exhausted("too much work to find devices")
