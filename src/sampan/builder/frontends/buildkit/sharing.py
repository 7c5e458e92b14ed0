"""A build whose directories come from several sessions of its client.

buildx opens one session for a directory that several targets of a bake file use, and says so in an attribute:
`local-sessionid:NAME`. So the files are sent once, and not once for each target.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from sampan.builder.frontends.buildkit.session.requester import SessionRequester
from sampan.builder.frontends.buildkit.session.sessions import Session, Sessions
from sampan.builder.requester import Directory

ATTRIBUTE = "local-sessionid:"
# A session is opened at the same time as its Solve is called.
ARRIVAL = 5.0


class SharedRequester(SessionRequester):
    """`others`: whose directories are asked of another session, by the directory's name."""

    def __init__(self, session: Session, sessions: Sessions, others: Mapping[str, SessionRequester]) -> None:
        super().__init__(session, sessions.sources)
        self._others = others

    def directory(
        self,
        name: str,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        follow: Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> AbstractAsyncContextManager[Directory]:
        asked = self._others[name].directory if name in self._others else super().directory
        return asked(name, include=include, exclude=exclude, follow=follow, progress=progress)


async def requester(sessions: Sessions, id: str, attrs: Mapping[str, str]) -> SessionRequester:
    """The one that a build asks. Raises NotFound when a session does not come."""
    session = await sessions.get(id, seconds=ARRIVAL)
    others = {}
    for key, other in attrs.items():
        if key.startswith(ATTRIBUTE) and other != id:
            found = await sessions.get(other, seconds=ARRIVAL)
            others[key.removeprefix(ATTRIBUTE)] = SessionRequester(found, sessions.sources)
    if not others:
        return SessionRequester(session, sessions.sources)
    return SharedRequester(session, sessions, others)
