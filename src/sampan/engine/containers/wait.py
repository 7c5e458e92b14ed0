"""POST /containers/<id>/wait: until the end, the next end, or the removal."""

import asyncio

from sampan.engine.containers.container import Container, Ended
from sampan.errors import Invalid


def waiting(container: Container, condition: str) -> asyncio.Future[Ended]:
    """A future of the exit code, done already when the condition holds. Raises Invalid."""
    match condition:
        case "" | "not-running":
            if container.record.state.running:
                return container.next_exit()
            done: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
            done.set_result(Ended(container.record.state.exit_code))
            return done
        case "next-exit":
            return container.next_exit()
        case "removed":
            return container.removal()
    raise Invalid(f'invalid condition: "{condition}"')
