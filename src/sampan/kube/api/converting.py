"""Custom resources that a webhook converts between what is stored and what a client sees."""

import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sampan.kube.kinds.apiextensions.conversion import ConversionFailed, convert
from sampan.kube.kinds.apiextensions.custom import Custom
from sampan.kube.kinds.resource import Object
from sampan.kube.store.items import Item
from sampan.specs.kubernetes import status

SECONDS = 30  # a webhook has for its answer
KEPT = 10_000  # objects of one version

# As admission's webhooks are called: (clientConfig, the review, seconds) -> the answer.
Call = Callable[[Object, Object, int], Awaitable[Any]]


class Converter:
    """Of one version. What was converted once is kept: a revision of an object never changes."""

    def __init__(self, custom: Custom, call: Call) -> None:
        self._custom = custom
        self._ask = call
        self._known: dict[tuple[str, int], Object] = {}

    async def prepare(self, items: Iterable[Item]) -> None:
        """Before they can be asked for with `known`. Raises StatusError."""
        missing = [item for item in items if (item.key, item.revision) not in self._known]
        if not missing:
            return
        found = await self._convert([item.object for item in missing], self._custom.resource.api_version)
        if len(self._known) + len(missing) > KEPT:
            self._known.clear()
        for item, value in zip(missing, found, strict=True):
            self._known[item.key, item.revision] = self._custom.structure.settle(value)

    def known(self, item: Item) -> Object:
        """As this version has it. Raises StatusError if nobody has prepared it."""
        value = self._known.get((item.key, item.revision))
        if value is None:
            text = f"conversion of {self._custom.resource.name} {item.name}: not converted yet"
            raise status.StatusError("", text, code=500)
        return {
            **value,
            "metadata": {**value["metadata"], "resourceVersion": str(item.revision)},
        }

    def remember(self, item: Item, value: Object) -> None:
        """What was just written needs not be converted back."""
        self._known[item.key, item.revision] = value

    async def stored(self, value: Object) -> Object:
        """As it is to be stored. Raises StatusError."""
        group, version = self._custom.resource.group, self._custom.storage_version
        return (await self._convert([value], f"{group}/{version}"))[0]

    async def _convert(self, values: list[Object], api_version: str) -> list[Object]:
        async def call(config: Object, review: Object) -> Any:
            return await self._ask(config, review, SECONDS)

        try:
            return await convert(self._custom.conversion, values, api_version, call, str(uuid.uuid4()))
        except ConversionFailed as error:
            raise status.StatusError("", str(error), code=500) from None
