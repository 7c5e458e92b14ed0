"""`# syntax=`: which frontend a Dockerfile asks for. There is one, built in, that knows all of the
language.
"""

from sampan.builder.dockerfile.instructions import Dockerfile
from sampan.builder.errors import DockerfileError
from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import Lines
from sampan.errors import Invalid
from sampan.specs.oci import reference as references


def check_syntax(dockerfile: Dockerfile, options: BuildOptions) -> None:
    """Accept Docker's frontends in any version, from any registry. Raises DockerfileError for all else."""
    directive = next((one for one in dockerfile.directives if one.name == "syntax"), None)
    wanted = options.build_args.get("BUILDKIT_SYNTAX") or (directive.value if directive else "")
    wanted = wanted.split()[0] if wanted.split() else ""
    if not wanted:
        return
    line = directive.line if directive else 1
    place = dockerfile.place(Lines(first=line, last=line))
    try:
        reference = references.parse(wanted)
    except Invalid as error:
        raise DockerfileError(
            f"failed to parse frontend reference {wanted}: {error.message}", place=place
        ) from None
    if not reference.path.rpartition("/")[2].startswith("dockerfile"):
        raise DockerfileError(
            f"the frontend {wanted} is not supported",
            place=place,
            hint="only Dockerfiles are built (docker/dockerfile, which is built in)",
        )
