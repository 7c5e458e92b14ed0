"""One write on its way through admission. docs/kubernetes.md has the order in which plugins see it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sampan.kube.access.user import User
from sampan.kube.kinds.resource import Object, Reader, Resource


@dataclass
class AdmissionRequest:
    """`object` is what will be written (None for a deletion), `old` what is there (None for a creation).

    Mutating plugins change `object` in place or replace it. `operation`: "CREATE", "UPDATE", "DELETE",
    "CONNECT".
    """

    operation: str
    resource: Resource
    user: User
    reader: Reader
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    object: Object | None = None
    old: Object | None = None
    options: dict[str, Any] = field(default_factory=dict)  # CreateOptions, UpdateOptions, ... as JSON
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)  # what the client is told of
    annotations: dict[str, str] = field(default_factory=dict)  # what the audit log gets
    on_end: list[Callable[[], None]] = field(default_factory=list)  # called when it is written, or is not

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While what was admitted is written. Of what is cancelled nobody knows whether it comes about."""
        try:
            yield
        except Exception:
            self._end()
            raise
        self._end()

    def _end(self) -> None:
        for call in self.on_end:
            call()
        self.on_end.clear()


class Plugin:
    """An admission plugin. Both raise StatusError (usually `forbidden`) to refuse."""

    async def mutate(self, request: AdmissionRequest) -> None:
        """Change what is to be written."""

    async def validate(self, request: AdmissionRequest) -> None:
        """Look at what will be written, after everybody has changed it and the kind has found it valid."""
