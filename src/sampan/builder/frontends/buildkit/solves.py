"""From a client's request to a build: Control.Solve with a frontend and LLBBridge.Solve do the same here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sampan.builder.build import BuildResult
from sampan.builder.builder import Builder
from sampan.builder.frontends.buildkit.definitions import NO_LLB, context_of
from sampan.builder.frontends.buildkit.failures import as_grpc
from sampan.builder.frontends.buildkit.frontend import Request, build_options
from sampan.builder.frontends.buildkit.jobs import Job, finish
from sampan.builder.frontends.buildkit.session.sessions import Sessions
from sampan.builder.frontends.buildkit.sharing import requester
from sampan.errors import SampanError, Unsupported

Entries = list[tuple[str, Mapping[str, str]]]


class Solves:
    """What one connection's solves share: their results, which may be inputs of others."""

    def __init__(self, builder: Builder, sessions: Sessions) -> None:
        self._builder = builder
        self._sessions = sessions
        self.results: dict[str, BuildResult] = {}

    async def solve(self, job: Job, request: Request) -> BuildResult:
        """Build; the result is the job's. Raises GrpcError."""
        try:
            options = build_options(request)
            asked = await requester(self._sessions, job.request.Session, request.attrs)
            build = self._builder.start(options, asked, job.next_ref())
            build.keep_result = True
            summary = {**build.record.summary, "attrs": remembered(request.attrs)}
            build.record = replace(build.record, summary=summary)
            job.add(build)
            result = await finish(build)
        except SampanError as error:
            raise as_grpc(error) from error
        if result.result:
            job.results[result.result] = result
            self.results[result.result] = result
        return result

    def forget(self) -> None:
        for id in self.results:
            self._builder.drop_result(id)
        self.results.clear()


def from_control(request: Any) -> Request:
    """A SolveRequest of Control that names a frontend."""
    return Request(
        frontend=request.Frontend,
        attrs=dict(request.FrontendAttrs),
        inputs=inputs(request.FrontendInputs),
        cache_imports=imports(request.Cache),
        **common(request),
    )


def from_bridge(request: Any, control: Any) -> Request:
    """LLBBridge's SolveRequest, inside of a SolveRequest of Control, which says where results go."""
    return Request(
        frontend=request.Frontend,
        attrs=dict(request.FrontendOpt),
        inputs={**inputs(control.FrontendInputs), **inputs(request.FrontendInputs)},
        cache_imports=[*imports(control.Cache), *entries(request.CacheImports)],
        **common(control),
    )


def common(request: Any) -> dict[str, Any]:
    return {
        "exporters": exporters(request),
        "cache_exports": exports(request.Cache),
        "entitlements": tuple(request.Entitlements),
    }


def remembered(attrs: Mapping[str, str]) -> dict[str, str]:
    """For the history: `buildx history inspect` shows them all. URLs of proxies may hold passwords."""
    return {
        name: value
        for name, value in attrs.items()
        if not name.lower().endswith("_proxy") and name not in ("cache-imports", "frontend.caps")
    }


def result_of(definition: Any, results: Mapping[str, BuildResult]) -> BuildResult | None:
    """The result that a definition names. Raises Unsupported: operations are only made from Dockerfiles."""
    if not getattr(definition, "def"):
        return None
    found = results.get(context_of(definition).removeprefix("input:"))
    if found is None:
        raise Unsupported(NO_LLB)
    return found


def check_definition(definition: Any) -> None:
    """Raises Unsupported: what a client makes itself is not solved."""
    if getattr(definition, "def"):
        raise Unsupported(NO_LLB)


def exporters(request: Any) -> Entries:
    """Newer clients name all of them, and the first once more in the old fields."""
    if request.Exporters:
        return entries(request.Exporters)
    return [(request.Exporter, dict(request.ExporterAttrs))] if request.Exporter else []


def exports(cache: Any) -> Entries:
    found = entries(cache.Exports)
    if cache.ExportRefDeprecated:
        attrs = {**cache.ExportAttrsDeprecated, "ref": cache.ExportRefDeprecated}
        found.append(("registry", attrs))
    return found


def imports(cache: Any) -> Entries:
    return [*entries(cache.Imports), *(("registry", {"ref": ref}) for ref in cache.ImportRefsDeprecated)]


def entries(rows: Sequence[Any]) -> Entries:
    return [(row.Type, dict(row.Attrs)) for row in rows]


def inputs(definitions: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {name: context_of(definition) for name, definition in definitions.items()}
    except SampanError as error:
        raise as_grpc(error) from error
