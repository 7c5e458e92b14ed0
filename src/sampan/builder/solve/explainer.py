"""--explain: which earlier step to compare with, and what to say of it."""

import re
from collections.abc import Mapping

from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import Step
from sampan.builder.solve.cache import explain
from sampan.builder.solve.cache.records import Record
from sampan.builder.solve.cache.store import Cache
from sampan.builder.sources.explain import explain_difference

CACHED = "nothing it depends on has changed"
CANDIDATES = 16  # records whose details are read and compared
_ARG = re.compile(r"^\s*ARG\s+(.*)$", re.IGNORECASE | re.MULTILINE)
# Arguments that need no ARG: docs of Dockerfile, "Predefined ARGs".
_PREDEFINED = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "SOURCE_DATE_EPOCH")


class Explainer:
    """One build's. Secrets cannot be told: they are in no component."""

    def __init__(self, cache: Cache, options: BuildOptions, dockerfile: str) -> None:
        self._cache = cache
        self._options = options
        declared = {word.partition("=")[0] for line in _ARG.findall(dockerfile) for word in line.split()}
        self._arguments = frozenset({*declared, *options.build_args, *_PREDEFINED})
        # What was there before this build.
        self._before = sorted(cache.records.values(), key=lambda record: record.created, reverse=True)

    def why(
        self,
        step: Step,
        place: tuple[str, str, int],
        components: Mapping[str, str],
        summaries: Mapping[str, bytes],
        names: Mapping[str, str],
    ) -> str:
        """Why a step is not taken from the cache."""
        if step.no_cache:
            return "--no-cache" if self._options.no_cache else "--no-cache-filter"
        found = self._candidates(step, place)
        now = explain.Step(components=components, summaries=summaries, names=names, arguments=self._arguments)
        # Of records from other machines nobody knows what went into them.
        known = [details for record in found if (details := self._cache.details(record.id)).components]
        before = explain.likest(now, known)
        if before is None:
            return "no earlier build of this step"
        return explain.reason(now, before, explain_difference)

    def _candidates(self, step: Step, place: tuple[str, str, int]) -> list[Record]:
        """The same instruction of the same stage; else what stood in its place."""
        stage = [record for record in self._before if record.place[:2] == place[:2] and record.keys]
        same = [record for record in stage if record.instruction == step.instruction]
        return (same or [record for record in stage if record.place == place])[:CANDIDATES]
