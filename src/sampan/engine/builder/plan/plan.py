"""From a Dockerfile, what was asked for and the images it stands on to a graph of steps. Pure."""

from sampan.engine.builder.dockerfile.instructions import Dockerfile
from sampan.engine.builder.dockerfile.lint.linter import Linter
from sampan.engine.builder.graph import Plan
from sampan.engine.builder.options import BuildOptions
from sampan.engine.builder.plan.bases import Bases


def plan(dockerfile: Dockerfile, options: BuildOptions, bases: Bases, linter: Linter | None = None) -> Plan:
    """Steps and one Target for each platform. Raises DockerfileError with the place.

    Contexts are LocalSource steps: "context" is options.context, whatever that is; other names are keys of
    options.contexts. What lint rules find goes to `linter`.
    """
    raise NotImplementedError
