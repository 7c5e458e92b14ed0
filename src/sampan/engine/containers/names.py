"""Container names: what is allowed, and made-up ones."""

import random
import re
from collections.abc import Callable

from sampan.errors import Invalid

PATTERN = "[a-zA-Z0-9][a-zA-Z0-9_.-]"
ALLOWED = re.compile(PATTERN + "+")


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Ours, not Docker's lists: weather, water and wood; people of the sea.
ADJECTIVES = words(
    """
    able airy amber ample azure bold brave breezy bright brisk broad calm candid cheerful clear
    clever coastal cool coral crisp curious daring deep diligent dreamy eager early earnest easy
    elegant fair faithful fearless fleet fluent fond free fresh friendly frosty gallant gentle glad
    golden graceful grand happy hardy hearty honest hopeful humble jolly jovial keen kind lively
    lofty lucky lunar mellow merry mighty mild misty modest neat nimble noble oaken open patient
    placid plucky polar polite proud quick quiet radiant rapid ready restful robust rosy salty
    serene sharp silver sleek smooth snug solar solid spry stable steady stellar stout sunny sure
    swift tidal tidy trim trusty upbeat valiant vivid warm wavy windy wise witty wooden zesty
    """
)
SURNAMES = words(
    """
    amundsen anson baffin banks barents bass bering bligh bougainville byrd cabot cabral caillie
    cano cavendish chancellor charcot cheng columbus cook cortereal cousteau dampier davis dias
    drake earle elcano erikson fitzroy flinders franklin frobisher fuchs gama gilbert grenville
    hanno hawkins hudson humboldt ibnbattuta kerguelen kotzebue lamb laperouse magellan maury mawson
    mckay mclure munk nansen narborough nelson nordenskjold ojeda parry peary piccard pinzon polo
    pytheas quiros raleigh rodgers ross scoresby scott semmelweis shackleton slocum solander spruce
    tasman torres tupaia vancouver vespucci wallis weddell wegener wilkes zarco zheng
    """
)


def check(name: str) -> str:
    """The name without Docker's optional leading slash. Raises Invalid."""
    bare = name.removeprefix("/")
    if not ALLOWED.fullmatch(bare):
        raise Invalid(f"Invalid container name ({bare}), only {PATTERN} are allowed")
    return bare


def generate(taken: Callable[[str], bool], rng: random.Random) -> str:
    """A free adjective_surname, with a digit behind it once the plain ones get scarce."""
    for attempt in range(20):
        name = f"{rng.choice(ADJECTIVES)}_{rng.choice(SURNAMES)}"
        if attempt > 5:
            name += str(rng.randrange(10))
        if not taken(name):
            return name
    return f"{rng.choice(ADJECTIVES)}_{rng.choice(SURNAMES)}{rng.randrange(10**9)}"
