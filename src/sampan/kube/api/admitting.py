"""The chain of admission plugins, in their order."""

from collections.abc import Sequence

from sampan.kube.access.admission.request import AdmissionRequest, Plugin


class Chain:
    """Plugins that only look come after all that change, as in upstream's order of `validate`."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._mutating = [one for one in plugins if type(one).mutate is not Plugin.mutate]
        self._validating = [one for one in plugins if type(one).validate is not Plugin.validate]

    async def mutate(self, request: AdmissionRequest) -> None:
        """Let each change what is to be written; raises the StatusError of the first that refuses."""
        for plugin in self._mutating:
            await plugin.mutate(request)

    async def validate(self, request: AdmissionRequest) -> None:
        """Let each look at what will be written; raises the StatusError of the first that refuses."""
        for plugin in self._validating:
            await plugin.validate(request)
